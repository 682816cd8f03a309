"""Continuous batching over a model that counts: who runs when, and that nobody's tokens mix."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.job import Message, Params
from workers.local import schedule
from workers.local.batcher import Batcher
from workers.local.failing import Failing
from workers.local.native import ABORTED, NO_ROOM, OK
from workers.local.protocol import Ask, Done, Failed, Failure, Piece
from workers.local.sampling import Picked
from workers.local.schedule import Reading, Share, Waiting
from workers.local.scores import Score
from workers.local.stepbatch import Fed
from workers.local.work import Prepared

VOCAB = 1000
END = 999


@dataclass
class Counting:
    """A model whose next token is the sum of its sequence's tokens: any mix-up shows in the answer."""

    cells: int
    step_tokens: int = 8
    mixed_tokens: int = 8
    codes: list[int] = field(default_factory=list)
    """What the next steps return; OK when there is none left."""
    whole: bool = False
    """Whether it forgets only whole sequences, as a recurrent model does."""
    memory: dict[int, list[int]] = field(default_factory=dict)
    wiped: int = 0
    shared: int = 0
    computed: int = 0
    rows: dict[int, int] = field(default_factory=dict)

    def decode(self, fed: Sequence[Fed]) -> tuple[int, list[int]]:
        """Compute, and look whether the step was a possible one."""
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

    def score(self, row: int, token: int) -> Score:
        """Sure of the one token."""
        assert token == self.rows[row]
        return Score(logprob=-0.1, margin=1.0)

    def forget(self, seq: int, *, start: int = 0) -> bool:
        """Drop from a position on."""
        kept = self.memory.get(seq, [])
        if self.whole and 0 < start < len(kept):
            return False
        del kept[start:]
        return True

    def share(self, source: int, target: int, *, tokens: int) -> None:
        """Copy."""
        assert not self.memory.get(target)
        assert tokens <= len(self.memory[source])
        self.memory[target] = self.memory[source][:tokens]
        self.shared += tokens

    def wipe(self) -> None:
        """Only while nobody runs."""
        assert not any(self.memory.values()), "somebody still runs"
        self.wiped += 1

    def ends(self, token: int) -> bool:
        """Whether it is the last one."""
        return token == END

    def piece(self, token: int) -> bytes:
        """The number."""
        return f"{token},".encode()


@dataclass
class Picks:
    """Takes the likeliest token, and knows whether it was closed."""

    native: Counting
    closed: bool = False

    def pick(self, row: int) -> Picked:
        """The likeliest."""
        assert not self.closed
        return Picked(self.native.rows[row])

    def close(self) -> None:
        """Note it."""
        self.closed = True


def prepared(
    native: Counting, number: int, prompt: list[int], room: int, changes: Any = None, **how: object
) -> Prepared:
    """A job with these tokens."""
    ask = Ask.model_validate(
        {"id": number, "messages": (Message(role="user", content="x"),), "params": Params(), **how}
    )
    job = Prepared(
        ask=ask,
        prompt=prompt,
        room=room,
        until=math.inf,
        sampler=lambda: Picks(native),
        check=lambda _text, _reason: None,
    )
    return replace(job, **(changes or {}))


def expected(prompt: list[int], room: int) -> str:
    """What the counting model writes when it is alone."""
    tokens = list(prompt)
    for _ in range(room):
        tokens.append(sum(tokens) % END)
    return "".join(f"{token}," for token in tokens[len(prompt) :])


def ended(batcher: Batcher, *, within: int = 2000) -> Iterator[Any]:
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


@given(
    jobs=JOBS,
    slots=st.integers(1, 5),
    chunk=st.integers(1, 8),
    codes=st.lists(st.sampled_from([OK, ABORTED])),
    mixed=st.integers(1, 8),
    whole=st.booleans(),
)
@settings(max_examples=150)
def test_each_job_ends_as_if_it_were_alone(
    jobs: list[tuple[list[int], int, int, bool, int]],
    slots: int,
    chunk: int,
    codes: list[int],
    mixed: int,
    *,
    whole: bool,
) -> None:
    """Whoever shares the batch, comes late or breaks a step off: each answer is its own, once, and nothing stays."""
    native = Counting(cells=64, codes=codes, whole=whole, mixed_tokens=mixed)
    batcher = Batcher(native, slots=slots, cells=64, chunk=chunk)
    answers: list[Any] = []
    for number, (prompt, room, priority, alone, steps) in enumerate(jobs):
        batcher.add(prepared(native, number, prompt, room, priority=priority, alone=alone))
        for _ in range(steps):
            answers += batcher.step()
    answers += ended(batcher)
    texts = {answer.id: answer.text for answer in answers if isinstance(answer, Done)}
    assert len(answers) == len(jobs)
    assert all(answer.confidence.lowest_logprob <= 0 for answer in answers)
    assert texts == {number: expected(prompt, room) for number, (prompt, room, *_) in enumerate(jobs)}
    assert not any(native.memory.values())
    batcher.rest()
    assert native.wiped == 1
    assert native.computed >= sum(len(prompt) for prompt, *_ in jobs)


@given(jobs=JOBS, gone=st.sets(st.integers(0, 11)), after=st.integers(0, 20))
def test_a_cancelled_job_ends_at_once_and_the_others_do_not_notice(
    jobs: list[tuple[list[int], int, int, bool, int]], gone: set[int], after: int
) -> None:
    """A cancel is answered at once, whether its job runs, waits or has ended."""
    native = Counting(cells=64)
    batcher = Batcher(native, slots=3, cells=64, chunk=4)
    for number, (prompt, room, *_) in enumerate(jobs):
        batcher.add(prepared(native, number, prompt, room))
    answers = [answer for _ in range(after) for answer in batcher.step()]
    over = {answer.id for answer in answers}
    at_once = {answer.id for number in gone for answer in batcher.cancel(number)}
    assert at_once == {number for number in gone if number < len(jobs)} - over
    answers += ended(batcher)
    for answer in answers:
        if isinstance(answer, Done):
            prompt, room, *_ = jobs[answer.id]
            assert answer.text == expected(prompt, room)


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
        batcher.add(prepared(native, number, [1, 2], 3))
    first, second = ended(batcher)
    assert isinstance(first, Failed)
    assert first.failure is Failure.BROKEN
    assert isinstance(second, Done)


def raises(error: Exception) -> Any:
    """Something that raises it, whatever it is asked."""

    def asked(*_: object) -> None:
        raise error

    return asked


@pytest.mark.parametrize("error", [Failing(Failure.BAD_REQUEST, "no grammar"), RuntimeError("a secret")])
@pytest.mark.parametrize("where", ["sampler", "check"])
def test_what_is_raised_for_one_job_ends_that_job_alone(error: Exception, where: str) -> None:
    """Its sequence is free again, its neighbours' answers are right, and no word of a stranger's error gets out."""
    native = Counting(cells=64)
    batcher = Batcher(native, slots=2, cells=64, chunk=8)
    for number in range(4):
        changes = {where: raises(error)} if number % 2 else {}
        batcher.add(prepared(native, number, [1, 2], 3, changes))
    answers = {answer.id: answer for answer in ended(batcher)}
    assert [type(answers[number]) for number in range(4)] == [Done, Failed, Done, Failed]
    assert answers[2].text == expected([1, 2], 3)
    assert "secret" not in answers[1].message
    assert len(batcher._free) == 2
    assert not any(native.memory.values())


def test_a_step_that_raises_strands_nobody() -> None:
    """Those who ran are told and their sequences are free; who waits runs afterwards."""
    native = Counting(cells=64)
    batcher = Batcher(native, slots=1, cells=64, chunk=8)
    for number in range(2):
        batcher.add(prepared(native, number, [1, 2], 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "decode", raises(OSError("gone")))
        with pytest.raises(OSError, match="gone"):
            list(batcher.step())
    (told,) = batcher.give_up("broken")
    assert (told.id, told.failure) == (0, Failure.BROKEN)
    (answer,) = ended(batcher)
    assert answer.text == expected([1, 2], 3)


def test_a_sampler_is_closed_however_its_job_ends() -> None:
    """What llama.cpp gave is given back: after an answer, a cancel, a failure."""
    native, made = Counting(cells=64), []

    def sampler() -> Picks:
        made.append(Picks(native))
        return made[-1]

    batcher = Batcher(native, slots=3, cells=64, chunk=8)
    for number in range(3):
        broken = {"check": raises(KeyError())} if number == 1 else {}
        batcher.add(prepared(native, number, [1, 2], 3, {"sampler": sampler, **broken}))
    list(batcher.step())
    list(batcher.cancel(0))
    list(ended(batcher))
    assert [one.closed for one in made] == [True] * 3


def test_nobody_computes_for_a_job_whose_time_is_up() -> None:
    """It ends before the next step, whether it runs or waits."""
    now = 0.0
    native = Counting(cells=64)
    batcher = Batcher(native, slots=1, cells=64, chunk=8, clock=lambda: now)
    for number in range(3):
        batcher.add(prepared(native, number, [1, 2], 9, {"until": 5.0 if number < 2 else math.inf}))
    assert list(batcher.step()) == []
    now = 5.0
    told = list(batcher.step())
    assert {(one.id, one.failure) for one in told if isinstance(one, Failed)} == {
        (0, Failure.TIMED_OUT),
        (1, Failure.TIMED_OUT),
    }
    (answer,) = ended(batcher)
    assert answer.text == expected([1, 2], 9)


def test_room_that_was_lent_is_taken_back_before_anybody_fails() -> None:
    """What is kept for later gives way to those who run."""
    native = Counting(cells=300)
    batcher = Batcher(native, slots=1, cells=300, chunk=8, prefixes=1)
    for number in range(2):
        batcher.add(prepared(native, number, [1] * 40, 2, guarded=False))
        list(ended(batcher))
    assert any(native.memory.values())
    native.codes = [NO_ROOM]
    batcher.add(prepared(native, 2, [7] * 40, 2))
    (answer,) = ended(batcher)
    assert isinstance(answer, Done)
    assert not any(native.memory.values())


@given(jobs=JOBS, slots=st.integers(1, 4))
def test_pieces_are_the_answer(jobs: list[tuple[list[int], int, int, bool, int]], slots: int) -> None:
    """Whoever wants to watch gets the text while it grows, each his own, and nothing is said twice or left out."""
    native = Counting(cells=64)
    batcher = Batcher(native, slots=slots, cells=64, chunk=8)
    for number, (prompt, room, *_) in enumerate(jobs):
        batcher.add(prepared(native, number, prompt, room, stream=number % 2 == 0))
    shown: dict[int, str] = {}
    for said in ended(batcher):
        if isinstance(said, Piece):
            shown[said.id] = shown.get(said.id, "") + said.text
        else:
            assert shown.get(said.id, "") == (said.text if said.id % 2 == 0 else "")


def test_a_suspect_runs_alone() -> None:
    """A job that was there when an engine died shares the next one with nobody."""
    native = Counting(cells=64)
    batcher = Batcher(native, slots=3, cells=64, chunk=8)
    for number, alone in enumerate((False, True, False)):
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
def test_what_is_lent_changes_no_answer(jobs: list[tuple[list[int], list[int], str, bool]], prefixes: int) -> None:
    """Shared beginnings save work and change nothing; with nobody left, nothing of them is left."""
    native = Counting(cells=300)
    batcher = Batcher(native, slots=3, cells=300, chunk=8, prefixes=prefixes)
    answers: list[Any] = []
    for number, (start, rest, tenant, guarded) in enumerate(jobs):
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
def test_a_step_keeps_its_bounds_and_starves_no_writer(sequences: list[Reading], tokens: int, chunk: int) -> None:
    """Writers get a token each while there is room; prompts share what is left, and at most a chunk beside writers."""
    shares = schedule.step(sequences, tokens=tokens, chunk=chunk)
    writers = sum(found.writing for found in sequences)
    read = sum(share.size for share in shares[min(writers, tokens) :])
    assert sum(share.size for share in shares) <= tokens
    assert len(shares) >= min(writers, tokens)
    assert read <= (chunk if writers else tokens)
    assert bool(shares) == bool(sequences)


@given(sizes=st.lists(st.integers(1, 40)), mixed=st.integers(1, 64))
def test_a_step_in_parts_is_the_same_step(sizes: list[int], mixed: int) -> None:
    """Nobody is left out, the order stays, and only a single prompt may fill a part beyond its bound."""
    shares = [Share(seq, size, wanted=True) for seq, size in enumerate(sizes)]
    parts = list(schedule.calls(shares, mixed_tokens=mixed))
    assert [share for part in parts for share in part] == shares
    assert all(len(part) == 1 or sum(share.size for share in part) <= mixed for part in parts)
    assert all(parts)


def test_the_foremost_is_not_overtaken_for_want_of_room() -> None:
    """Else a large job would wait for ever behind small ones."""
    waiting = [Waiting(0, cells=50, priority=1), Waiting(1, cells=5, priority=5)]
    assert schedule.admitted(waiting, running=1, slots=4, cells=20, alone=False) is None
    found = schedule.admitted(waiting, running=1, slots=4, cells=50, alone=False)
    assert found is waiting[0]
