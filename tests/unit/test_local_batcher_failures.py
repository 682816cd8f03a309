"""What goes wrong in a batch ends those whom it concerns, leaves nothing behind, and strands nobody."""

import math
from typing import Any

import pytest
from counting_model import Counting, Picks, ended, expected, prepared

from workers.local.batcher import Batcher
from workers.local.failing import Failing
from workers.local.native import NO_ROOM
from workers.local.protocol import Done, Failed, Failure


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
