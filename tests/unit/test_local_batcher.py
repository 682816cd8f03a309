"""Continuous batching over a model that counts: nobody's tokens mix, whoever comes, goes or watches."""

from typing import Any

from counting_model import JOBS, Counting, ended, expected, prepared
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.local.batcher import Batcher
from workers.local.native import ABORTED, OK
from workers.local.protocol import Done, Piece


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
