"""Hedged calls against two servers: who begins to answer first counts, the other is cut off, and few are hedged."""

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from holding import held

from tidegate.errors import ProviderFailed, RunTimedOut
from tidegate.job import Message, Params
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import Settings
from workers import settling
from workers.backend import Backend, Heard, Run, open_backend
from workers.managed.hedge import MOST_SAVED, SHARE, Share
from workers.standin.faults import Fault
from workers.standin.server import Running, running
from workers.stop import Stop

pytestmark = pytest.mark.integration

SLOW = Fault(fault="slow", delay_s=90.0, times="forever")
BROKEN = Fault(fault="server_error", times="forever")
SOON_S = 30.0
"""Much less than a silent call takes, and enough for a machine that is busy."""


@dataclass
class Two:
    """Two deployments of one lane, and what was asked of its gate."""

    backend: Backend
    east: Running
    west: Running
    grants: str | None = "west"
    asked: int = 0
    heard: list[Heard] = field(default_factory=list)

    def another(self) -> str | None:
        """The gate's word."""
        self.asked += 1
        return self.grants

    def run(self, text: str = "hello", **changed: Any) -> Run:
        """A run whose first call goes east."""
        given = {"job_id": "job", "attempt": 1, "params": Params(), "timeout_s": 60.0, "deployment": "east"}
        turns = (Message(role="user", content=text),)
        return Run(**{**given, "messages": turns, "tell": self.heard.append, "another": self.another, **changed})

    def answer(self, run: Run | None = None, *, on_text: Callable[[str], None] | None = None) -> Answer:
        """Ask."""
        return self.backend.answer(run or self.run(), stop=Stop(), on_text=on_text)

    @property
    def calls(self) -> tuple[int, int]:
        """East and west."""
        return self.east.standin.calls, self.west.standin.calls

    @property
    def hedge(self) -> str:
        """What the gate is told of it."""
        return settling.hedge(self.heard)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    """A lane whose calls are asked a second time after a tenth of a second."""
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with hedging(after_s=0.1) as found:
        yield found


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    """A lane whose calls are asked a second time after longer than any test takes."""
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with hedging(after_s=50.0) as found:
        yield found


@contextlib.contextmanager
def hedging(*, after_s: float) -> Iterator[Two]:
    """Two servers, and a lane that hedges between them."""
    with running(record=True) as east, running(record=True) as west:
        lane = Lane.model_validate(
            {
                "name": "far",
                "zone": Zone.OUTSIDE,
                "backend": "openai",
                "model": "m",
                "context_tokens": 8192,
                "concurrency": 40,
                "hedge_after_s": after_s,
                "deployments": [{"name": "east", "base_url": east.url}, {"name": "west", "base_url": west.url}],
            }
        )
        backend = open_backend(lane, Settings())
        try:
            yield Two(backend, east, west)
        finally:
            backend.close()


def until(holds: Callable[[], bool], within_s: float) -> None:
    """Wait until it holds."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def answered(two: Two, *, once: Callable[[], bool]) -> Answer:
    """The answer to a call that the eastern server holds until something has happened."""
    two.east.standin.book.replace((SLOW,))
    go = held(two.east.standin)
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(two.answer)
        try:
            until(once, SOON_S)
        finally:
            go.set()
        return asked.result(SOON_S)


def test_a_silent_call_is_made_a_second_time(two: Two) -> None:
    """The second answers; the first one's connection is closed, and the gate is told who it was."""
    two.east.standin.book.replace((SLOW,))
    assert two.answer().text
    until(lambda: two.east.standin.hung_up == 1, SOON_S)
    assert (two.calls, two.asked, two.hedge) == ((1, 1), 1, "second")
    assert [one.answered_by for one in two.heard if one.answered_by] == ["west"]
    took_s = settling.took_s(two.heard, 99.0)
    assert took_s is not None
    assert took_s < SOON_S


def test_the_second_is_a_call_of_its_own(two: Two) -> None:
    """A provider that tells calls apart by their idempotency key must not hold it up behind the first."""
    two.east.standin.book.replace((SLOW,))
    two.answer()
    keys = [one.standin.received[0].headers["idempotency-key"] for one in (two.east, two.west)]
    assert keys == ["job", "job-2"]


def test_a_quick_call_is_made_once(patient: Two) -> None:
    """Nobody is asked for a second permit, and what was heard says so."""
    assert patient.answer().text
    assert (patient.calls, patient.asked, patient.hedge) == ((1, 0), 0, "unused")


def test_without_a_permit_the_first_is_waited_for(two: Two) -> None:
    """No room, or a store that does not answer: a second call is a wish, and no reason to fail."""
    two.grants = None
    assert answered(two, once=lambda: two.asked == 1).text
    assert (two.calls, two.asked, two.hedge) == ((1, 0), 1, "unused")


def test_a_store_that_is_away_grants_no_second_call(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is waited for."""
    asked: list[None] = []

    def broken(_: Two) -> str | None:
        asked.append(None)
        raise ConnectionError

    monkeypatch.setattr(Two, "another", broken)
    assert answered(two, once=lambda: bool(asked)).text
    assert two.calls == (1, 0)


def test_a_run_that_may_not_be_hedged_is_not(two: Two) -> None:
    """A batch job, say: nobody waits for it."""
    two.east.standin.book.replace((Fault(fault="slow", delay_s=0.3, times="forever"),))
    assert two.answer(two.run(another=None)).text
    assert (two.calls, two.asked) == ((1, 0), 0)


def test_the_first_may_still_win(two: Two) -> None:
    """It answers while the second is silent: that one is cut off."""
    two.west.standin.book.replace((SLOW,))
    assert answered(two, once=lambda: two.calls == (1, 1)).text
    until(lambda: two.west.standin.hung_up == 1, SOON_S)
    assert (two.calls, two.hedge) == ((1, 1), "first")


def test_a_failure_is_no_answer(two: Two) -> None:
    """Whichever fails, the other is waited for."""
    two.west.standin.book.replace((BROKEN,))
    assert answered(two, once=lambda: two.calls == (1, 1)).text
    assert two.hedge == "first"


def test_when_both_fail_it_is_the_first_one_s_failure(two: Two) -> None:
    """The second one's came long before."""
    two.west.standin.book.replace((BROKEN,))
    two.east.standin.book.replace((SLOW,))
    with pytest.raises(RunTimedOut):
        two.answer(two.run(timeout_s=2.0))
    assert (two.calls, two.hedge) == ((1, 1), "")


def test_a_call_that_fails_before_anybody_loses_patience_has_no_second(patient: Two) -> None:
    """Its failure is the run's: the failure table tries again, and not the hedge."""
    patient.east.standin.book.replace((BROKEN,))
    with pytest.raises(ProviderFailed):
        patient.answer()
    assert (patient.calls, patient.hedge) == ((1, 0), "unused")


def test_a_stream_comes_from_one_of_them(two: Two) -> None:
    """The first that speaks; not a word of the other."""
    two.east.standin.book.replace((SLOW,))
    pieces: list[str] = []
    answer = two.answer(on_text=pieces.append)
    assert "".join(pieces) == answer.text
    assert two.hedge == "second"
    until(lambda: two.east.standin.hung_up == 1, SOON_S)


def test_both_are_closed_when_nobody_wants_them(two: Two) -> None:
    """A cancelled run leaves no call behind."""
    for one in (two.east, two.west):
        one.standin.book.replace((SLOW,))
    stop = Stop()
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(lambda: two.backend.answer(two.run(), stop=stop))
        until(lambda: two.calls == (1, 1), SOON_S)
        stop.set()
        with pytest.raises(RunTimedOut, match="cancelled"):
            asked.result(SOON_S)
    until(lambda: two.east.standin.hung_up == two.west.standin.hung_up == 1, SOON_S)


def test_an_outage_is_not_doubled(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty calls that nobody answers: one of them may have a second, for want of any that were answered before."""
    two.east.standin.book.replace((SLOW,))
    two.west.standin.book.replace((SLOW,))
    count = 40
    stop, wished = Stop(), list[bool]()
    share: Share = two.backend._share  # type: ignore[attr-defined]
    take = share.take

    def counted() -> bool:
        wished.append(take())
        return wished[-1]

    monkeypatch.setattr(share, "take", counted)

    def ask(_: int) -> None:
        with contextlib.suppress(RunTimedOut):
            two.backend.answer(two.run(), stop=stop)

    with ThreadPoolExecutor(count) as threads:
        asked = [threads.submit(ask, number) for number in range(count)]
        try:
            until(lambda: two.calls[0] == len(wished) == count, SOON_S)
        finally:
            stop.set()
        for one in asked:
            one.result(SOON_S)
    assert sum(wished) <= 1 + count * SHARE
    assert two.calls[1] <= sum(wished)


def test_the_share_is_kept() -> None:
    """Over any number of calls no more than its share, and what is saved has an end."""
    share = Share()
    granted = 0
    for _ in range(1000):
        share.count()
        granted += share.take()
    assert granted <= 1 + 1000 * SHARE
    for _ in range(10_000):
        share.count()
    assert sum(share.take() for _ in range(100)) == MOST_SAVED


def test_a_policy_cannot_ask_for_a_hedge_that_never_comes() -> None:
    """After the call's time is over nobody waits; and the local engine has no second server."""
    given: dict[str, Any] = {"name": "l", "zone": "outside", "backend": "openai", "model": "m", "context_tokens": 64}
    for changed in ({"hedge_after_s": 120.0}, {"hedge_after_s": 5.0, "first_token_s": 5.0}):
        with pytest.raises(ValueError, match="hedge_after_s must be less"):
            Lane.model_validate({**given, **changed}, strict=False)
    with pytest.raises(ValueError, match="only a lane that calls a server"):
        Lane.model_validate({**given, "zone": "inside", "backend": "noop", "hedge_after_s": 1.0}, strict=False)
