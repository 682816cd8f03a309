"""Continuous batching over a model that counts: who runs when, and that nobody's tokens mix."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tidegate.job import Message, Params
from workers.local import schedule
from workers.local.batcher import Batcher, Prepared
from workers.local.failing import Failing
from workers.local.native import ABORTED, NO_ROOM, OK, Fed
from workers.local.protocol import Ask, Done, Failed, Failure
from workers.local.sampling import Picked
from workers.local.schedule import Reading, Waiting

VOCAB = 1000
END = 999


@dataclass
class Counting:
    """A model whose next token is the sum of its sequence's tokens: any mix-up shows in the answer."""

    cells: int
    step_tokens: int = 8
    codes: list[int] = field(default_factory=list)
    """What the next steps return; OK when there is none left."""
    memory: dict[int, list[int]] = field(default_factory=dict)
    wiped: int = 0
    shared: int = 0
    computed: int = 0
    rows: dict[int, int] = field(default_factory=dict)

    def decode(self, fed: Sequence[Fed]) -> tuple[int, list[int]]:
        assert 0 < sum(len(piece.tokens) for piece in fed) <= self.step_tokens
        code = self.codes.pop() if self.codes else OK
        self.rows, row = {}, -1
        self.computed += sum(len(piece.tokens) for piece in fed)
        for piece in fed:
            kept = self.memory.setdefault(piece.seq, [])
            assert piece.start == len(kept), "a token would leave a gap or overwrite another"
            kept.extend(piece.tokens)
            row += len(piece.tokens)
            if piece.wanted:
                self.rows[row] = sum(kept) % END
        assert sum(map(len, self.memory.values())) <= self.cells
        return code, list(self.rows)

    def logits(self, row: int) -> NDArray[np.float32]:
        return np.eye(1, VOCAB, self.rows[row], dtype=np.float32)[0]

    def forget(self, seq: int, *, start: int = 0) -> None:
        del self.memory.get(seq, [])[start:]

    def share(self, source: int, target: int, *, tokens: int) -> None:
        assert not self.memory.get(target)
        assert tokens <= len(self.memory[source])
        self.memory[target] = self.memory[source][:tokens]
        self.shared += tokens

    def wipe(self) -> None:
        assert not any(self.memory.values()), "somebody still runs"
        self.wiped += 1

    def resume(self) -> None:
        pass

    def ends(self, token: int) -> bool:
        return token == END

    def piece(self, token: int) -> bytes:
        return f"{token},".encode()


@dataclass
class Picks:
    """Takes the likeliest token, and knows whether it was closed."""

    native: Counting
    closed: bool = False

    def pick(self, row: int) -> Picked:
        assert not self.closed
        return Picked(int(self.native.logits(row).argmax()))

    def close(self) -> None:
        self.closed = True


def prepared(native: Counting, number: int, prompt: list[int], room: int, **how: object) -> Prepared:
    """A job with these tokens."""
    ask = Ask.model_validate(
        {"id": number, "messages": (Message(role="user", content="x"),), "params": Params(), **how}
    )
    return Prepared(
        ask=ask, prompt=prompt, room=room, sampler=lambda: Picks(native), check=lambda _text, _reason: None
    )


def expected(prompt: list[int], room: int) -> str:
    """What the counting model writes when it is alone."""
    tokens = list(prompt)
    for _ in range(room):
        tokens.append(sum(tokens) % END)
    return "".join(f"{token}," for token in tokens[len(prompt) :])


def ended(batcher: Batcher, *, within: int = 2000) -> Iterator[Done | Failed]:
    """Everything that ends until nobody is left."""
    for _ in range(within):
        if batcher.idle:
            return
        yield from batcher.step()
    raise AssertionError("jobs starve")


JOBS = st.lists(
    st.tuples(
        st.lists(st.integers(1, 50), min_size=1, max_size=30),
        st.integers(1, 12),
        st.integers(0, 9),
        st.booleans(),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=12,
)


@given(jobs=JOBS, slots=st.integers(1, 5), chunk=st.integers(1, 8), codes=st.lists(st.sampled_from([OK, ABORTED])))
@settings(max_examples=150)
def test_each_job_ends_as_if_it_were_alone(
    jobs: list[tuple[list[int], int, int, bool, int]], slots: int, chunk: int, codes: list[int]
) -> None:
    """Whoever shares the batch, comes late or breaks a step off: each answer is its own, once, and nothing stays."""
    native = Counting(cells=64, codes=codes)
    batcher = Batcher(native, slots=slots, cells=64, chunk=chunk)
    answers: list[Done | Failed] = []
    for number, (prompt, room, priority, alone, steps) in enumerate(jobs):
        batcher.took(number)
        batcher.add(prepared(native, number, prompt, room, priority=priority, alone=alone))
        for _ in range(steps):
            answers += batcher.step()
    answers += ended(batcher)
    texts = {answer.id: answer.text for answer in answers if isinstance(answer, Done)}
    assert len(answers) == len(jobs)
    assert texts == {number: expected(prompt, room) for number, (prompt, room, *_) in enumerate(jobs)}
    assert not any(native.memory.values())
    batcher.rest()
    assert native.wiped == 1
    assert native.computed >= sum(len(prompt) for prompt, *_ in jobs)


@given(jobs=JOBS, gone=st.sets(st.integers(0, 11)), after=st.integers(0, 20))
def test_a_cancelled_job_ends_at_once_and_the_others_do_not_notice(
    jobs: list[tuple[list[int], int, int, bool, int]], gone: set[int], after: int
) -> None:
    """A cancel is answered before the next step, whether its job runs, waits or has ended."""
    native = Counting(cells=64)
    batcher = Batcher(native, slots=3, cells=64, chunk=4)
    for number, (prompt, room, *_) in enumerate(jobs):
        batcher.took(number)
        batcher.add(prepared(native, number, prompt, room))
    answers = [answer for _ in range(after) for answer in batcher.step()]
    over = {answer.id for answer in answers}
    for number in gone:
        batcher.cancel(number)
    at_once = {answer.id for answer in batcher.step() if isinstance(answer, Failed)}
    assert at_once == {number for number in gone if number < len(jobs)} - over
    answers += ended(batcher)
    for answer in answers:
        if isinstance(answer, Done):
            prompt, room, *_ = jobs[answer.id]
            assert answer.text == expected(prompt, room)


def test_a_cancel_that_overtakes_its_job_is_not_lost() -> None:
    """The wish comes by another thread and may be noted before the job was taken."""
    native = Counting(cells=64)
    batcher = Batcher(native, slots=1, cells=64, chunk=8)
    batcher.cancel(0)
    assert list(batcher.step()) == []
    batcher.took(0)
    batcher.add(prepared(native, 0, [1], 9))
    (answer,) = batcher.step()
    assert isinstance(answer, Failed)
    assert answer.failure is Failure.CANCELLED


def test_a_job_that_never_fits_is_refused_with_the_numbers() -> None:
    """Before it waits for room that will never be."""
    native = Counting(cells=16)
    with pytest.raises(Failing, match="20 tokens > 16") as caught:
        Batcher(native, slots=1, cells=16, chunk=8).add(prepared(native, 0, [1] * 10, 10))
    assert caught.value.failure is Failure.CONTEXT_OVERFLOW


@pytest.mark.parametrize("code", [NO_ROOM, -3])
def test_a_step_that_cannot_be_computed_fails_those_in_it_alone(code: int) -> None:
    """Those who wait are computed afterwards."""
    native = Counting(cells=64, codes=[code])
    batcher = Batcher(native, slots=1, cells=64, chunk=8)
    for number in range(2):
        batcher.took(number)
        batcher.add(prepared(native, number, [1, 2], 3))
    first, second = ended(batcher)
    assert isinstance(first, Failed)
    assert first.failure is Failure.BROKEN
    assert isinstance(second, Done)


def test_a_suspect_runs_alone() -> None:
    """A job that was there when an engine died shares the next one with nobody."""
    native = Counting(cells=64)
    batcher = Batcher(native, slots=3, cells=64, chunk=8)
    for number, alone in enumerate((False, True, False)):
        batcher.took(number)
        batcher.add(prepared(native, number, [1, 2], 4, alone=alone))
    while not batcher.idle:
        list(batcher.step())
        running = [seq for seq, tokens in native.memory.items() if tokens]
        assert len(running) <= 1


PREFIXES = st.sampled_from([[1] * 40, [1] * 20 + [2] * 20, [3] * 33])


@given(
    jobs=st.lists(
        st.tuples(PREFIXES, st.lists(st.integers(1, 9), max_size=20), st.sampled_from("ab"), st.booleans()), max_size=12
    ),
    prefixes=st.integers(0, 3),
)
def test_what_is_lent_changes_no_answer(
    jobs: list[tuple[list[int], list[int], str, bool]], prefixes: int
) -> None:
    """Shared beginnings save work and change nothing; with nobody left, nothing of them is left."""
    native = Counting(cells=300)
    batcher = Batcher(native, slots=3, cells=300, chunk=8, prefixes=prefixes)
    answers: list[Done | Failed] = []
    for number, (start, rest, tenant, guarded) in enumerate(jobs):
        batcher.took(number)
        batcher.add(prepared(native, number, start + rest, 4, tenant=tenant, guarded=guarded))
        answers += batcher.step()
    answers += ended(batcher)
    texts = {answer.id: answer.text for answer in answers if isinstance(answer, Done)}
    assert texts == {number: expected(start + rest, 4) for number, (start, rest, *_) in enumerate(jobs)}
    batcher.rest()
    assert not any(native.memory.values()) or not any(guarded for *_, guarded in jobs)


def lent(tenants: str, *, guarded: bool = False) -> int:
    """How many tokens were lent among jobs with the same beginning, one after the other."""
    native = Counting(cells=300)
    batcher = Batcher(native, slots=1, cells=300, chunk=8, prefixes=2)
    for number, tenant in enumerate(tenants):
        batcher.took(number)
        batcher.add(prepared(native, number, [1] * 40 + [number], 2, tenant=tenant, guarded=guarded))
        list(ended(batcher))
    return native.shared


def test_a_beginning_is_lent_from_the_third_job_on_and_within_one_tenant() -> None:
    """The second shows that it is shared, the third begins with it; another tenant's never does."""
    assert lent("aa") == 32  # kept, not yet lent
    assert lent("aaa") == 64
    assert lent("aab") == 32
    assert lent("abab") == 64


def test_nothing_of_a_guarded_job_is_kept() -> None:
    """However often it comes."""
    assert lent("aaaa", guarded=True) == 0


@given(
    sequences=st.lists(st.builds(Reading, st.integers(), st.integers(1, 500), st.integers(0, 9), st.booleans())),
    tokens=st.integers(1, 64),
    chunk=st.integers(1, 64),
)
def test_a_step_keeps_its_bounds_and_starves_no_writer(
    sequences: list[Reading], tokens: int, chunk: int
) -> None:
    """Writers get a token each while there is room; prompts share what is left, and at most a chunk beside writers."""
    shares = schedule.step(sequences, tokens=tokens, chunk=chunk)
    writers = sum(found.writing for found in sequences)
    read = sum(share.count for share in shares[min(writers, tokens) :])
    assert sum(share.count for share in shares) <= tokens
    assert len(shares) >= min(writers, tokens)
    assert read <= (chunk if writers else tokens)
    assert bool(shares) == bool(sequences)


def test_the_foremost_is_not_overtaken_for_want_of_room() -> None:
    """Else a large job would wait for ever behind small ones."""
    waiting = [Waiting(0, cells=50, priority=1), Waiting(1, cells=5, priority=5)]
    assert schedule.admitted(waiting, running=1, slots=4, cells=20, alone=False) is None
    found = schedule.admitted(waiting, running=1, slots=4, cells=50, alone=False)
    assert found is waiting[0]
