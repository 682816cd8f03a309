"""The loop around the decoder: what is heard in which order, and what is said when a step breaks."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tidegate.job import Message, Params
from tidegate.value import Value
from workers.local.engine import _Engine
from workers.local.failing import Failing
from workers.local.protocol import Ask, Cancel, Done, Failed, Failure, read_by_parent


@dataclass
class Line:
    """Keeps what the engine says."""

    said: list[Any] = field(default_factory=list)

    def send_bytes(self, frame: bytes) -> None:
        """Keep it."""
        self.said.append(read_by_parent(frame))


@dataclass
class Deaf:
    """A decoder that notes what it is told, and whose step may raise."""

    told: list[str] = field(default_factory=list)
    error: Exception | None = None
    idle: bool = False

    def resume(self) -> None:
        """Note it."""
        self.told.append("resume")

    def interrupt(self) -> None:
        """Note it."""
        self.told.append("interrupt")

    def take(self, ask: Ask) -> None:
        """Note it; job 9 is none."""
        self.told.append(f"take {ask.id}")
        if ask.id == 9:
            raise self.error or Failing(Failure.BAD_REQUEST, "nine")

    def cancel(self, number: int) -> Iterator[Failed]:
        """Note it, and end it."""
        self.told.append(f"cancel {number}")
        yield Failed(id=number, failure=Failure.CANCELLED, message="cancelled")

    def step(self) -> Iterator[Done]:
        """Raise, where a test says so."""
        if self.error:
            raise self.error
        yield from ()

    def give_up(self, cause: str) -> Iterator[Failed]:
        """End the one that ran."""
        yield Failed(id=1, failure=Failure.BROKEN, message=cause)


def engine(decoder: Deaf) -> tuple[_Engine, Line]:
    """An engine around it."""
    line = Line()
    made = _Engine(line)  # type: ignore[arg-type]
    made._decoder = decoder  # type: ignore[assignment]
    return made, line


def ask(number: int) -> Ask:
    """One job."""
    return Ask(id=number, messages=(Message(role="user", content="x"),), params=Params())


def heard(made: _Engine, *words: Value) -> None:
    """The listener takes these, then the loop hears them."""
    for word in words:
        made._take(word)  # type: ignore[arg-type]
    made._hear(made._decoder)  # type: ignore[arg-type]


def test_a_cancel_never_overtakes_its_job() -> None:
    """Numbers may come out of order; words are heard in the order in which they came, after what was broken off."""
    decoder = Deaf()
    made, line = engine(decoder)
    heard(made, ask(6), ask(5), Cancel(id=5))
    assert decoder.told == ["interrupt", "resume", "take 6", "take 5", "cancel 5"]
    assert [(said.id, said.failure) for said in line.said] == [(5, Failure.CANCELLED)]


@pytest.mark.parametrize(("error", "failure"), [(None, Failure.BAD_REQUEST), (ValueError("a secret"), Failure.BROKEN)])
def test_a_job_that_cannot_begin_is_told(error: Exception | None, failure: Failure) -> None:
    """And the words behind it are heard."""
    decoder = Deaf(error=error)
    made, line = engine(decoder)
    heard(made, ask(9), ask(10))
    assert decoder.told[-1] == "take 10"
    assert [(said.id, said.failure) for said in line.said] == [(9, failure)]
    assert "secret" not in line.said[0].message


def test_a_step_that_raises_ends_its_jobs_and_not_the_engine() -> None:
    """Nobody waits for an answer that will never be, and no word of the error is told but its class."""
    made, line = engine(Deaf(error=ZeroDivisionError("a secret")))
    made._compute(made._decoder)  # type: ignore[arg-type]
    assert [(said.id, said.message) for said in line.said] == [(1, "the engine failed: ZeroDivisionError")]


def test_a_step_that_does_not_end_lets_the_heart_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent hears no beat any more, and ends the process: a thread that beats says nothing of one that hangs."""
    beats: list[bool] = []

    class Night(Exception):
        """Ends the loop of beats."""

    def sleep(_s: float) -> None:
        beats.append(bool(line.said))
        line.said.clear()
        if len(beats) == 2:
            raise Night
        made._step_ends_by = 0.0

    made, line = engine(Deaf())
    monkeypatch.setattr("workers.local.engine.time.sleep", sleep)
    with pytest.raises(Night):
        made._beat()
    assert beats == [True, False]
    made._compute(made._decoder)  # type: ignore[arg-type]
    assert made._step_ends_by == math.inf
