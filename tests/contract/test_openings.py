"""When a lane's gate lets the next call begin, on a real store: what a router believes is what a worker then meets."""

from collections.abc import Iterator
from typing import Any

import pytest
from clocks import Clock, clocked
from gating import Gated, api

from tidegate.connections import StoreClient
from tidegate.deployment import Deployment, Limits
from tidegate.lane import Breaker, Zone
from tidegate.ledger.line import Shut, Taken
from tidegate.ledger.openings import ALWAYS, Opening
from tidegate.ledger.store import Ledger
from tidegate.signals import LaneLoad

IDLE = LaneLoad(slots=8, service_s=1.0)


@pytest.fixture
def clock(redis: StoreClient) -> Iterator[tuple[Ledger, Clock]]:
    """A store whose time the test moves."""
    with clocked(redis) as found:
        yield found


def opening(lane: Gated) -> Opening:
    """Of one lane."""
    return lane.ledger.openings.of([lane.lane]).get(lane.lane.name, ALWAYS)


def wait(lane: Gated, *, ahead: int = 0) -> float:
    """How long a job would wait there, with slots to spare."""
    found = opening(lane).wait_s(IDLE, ahead=ahead)
    assert found is not None
    return found


def spent(lane: Gated, calls: int, **given: Any) -> Gated:
    """The same lane, after so many calls that ended at once."""
    for _ in range(calls):
        lane.put(**given)
        lane.end(lane.take())
    return lane


def test_a_lane_without_a_gate_is_always_open(ledger: Ledger) -> None:
    """And one with a gate that nobody used, too; nothing is written for either."""
    own = Gated(ledger, api(name="own", zone=Zone.INSIDE, backend="llama_cpp"))
    assert opening(own) is ALWAYS
    assert wait(Gated(ledger, api(limits=Limits(requests_per_minute=60, tokens_per_day=10)))) == 0
    assert ledger.redis.keys("tg:gate:*") == []


def test_the_next_call_waits_for_room_in_a_minutes_requests(clock: tuple[Ledger, Clock]) -> None:
    """As long as the gate then says; and those before it go at the limit's pace."""
    ledger, time = clock
    lane = spent(Gated(ledger, api(limits=Limits(requests_per_minute=30))), 1)
    assert wait(lane) == pytest.approx(1.02, abs=0.01)
    assert wait(lane, ahead=30) == pytest.approx(1.02 + 60.6, abs=0.1)
    lane.put()
    assert isinstance(lane.ask(), Shut)
    time.pass_by(wait(lane) + 0.01)
    assert wait(lane) == 0
    assert isinstance(lane.ask(), Taken)


def test_the_next_call_waits_for_room_in_a_minutes_tokens(clock: tuple[Ledger, Clock]) -> None:
    """A call held 100 of 600: the next begins when the bucket has drained; each of those before it takes its share."""
    ledger, time = clock
    lane = Gated(ledger, api(limits=Limits(tokens_per_minute=600)))
    lane.put(tokens=10, most=90)
    lane.take()
    found = opening(lane)
    assert found.tokens_each == 100
    assert found.after_s == pytest.approx(9.1, abs=0.1)
    assert wait(lane, ahead=6) == pytest.approx(9.1 + 60.6, abs=0.3)
    lane.put(tokens=10, most=90)
    assert isinstance(lane.ask(), Shut)
    time.pass_by(found.after_s + 0.01)
    assert isinstance(lane.ask(), Taken)


def test_a_day_that_is_used_up_is_waited_for(clock: tuple[Ledger, Clock]) -> None:
    """Such a lane looks idle by its counts."""
    ledger, _ = clock
    assert wait(spent(Gated(ledger, api(limits=Limits(requests_per_day=3))), 3)) > 86_000


def test_an_open_breaker_is_waited_for(clock: tuple[Ledger, Clock]) -> None:
    """Until one call may try it."""
    ledger, time = clock
    lane = Gated(ledger, api(breaker=Breaker(calls=2, failures=0.5, open_s=30.0)))
    for _ in range(10):
        lane.put()
        if isinstance(found := lane.ask(), Taken) and found.permit and found.permit.verdict == "granted":
            lane.fail(found, "failed", error="ProviderFailed")
    assert wait(lane) == pytest.approx(30.0, abs=0.1)
    time.pass_by(30.1)
    assert wait(lane) == 0


def test_a_provider_that_asked_to_wait_is_waited_for(clock: tuple[Ledger, Clock]) -> None:
    """By its Retry-After."""
    ledger, _ = clock
    lane = Gated(ledger, api())
    lane.put()
    lane.fail(lane.take(), "limited", error="RateLimited", heard={"retry_after_s": 12.0})
    assert wait(lane) == pytest.approx(12.0, abs=0.1)


def test_the_best_deployment_counts_and_their_limits_add_up(clock: tuple[Ledger, Clock]) -> None:
    """One of two has room: nobody waits for the other. The lane's own limit stands above both."""
    ledger, _ = clock
    each = tuple(
        Deployment(name=name, limits=Limits(requests_per_minute=60, concurrent=3)) for name in ("left", "right")
    )
    lane = spent(Gated(ledger, api(deployments=each)), 1)
    found = opening(lane)
    assert found.after_s == 0
    assert found.requests_per_s == pytest.approx(120 / 60.6)
    assert found.at_once == 6
    capped = opening(Gated(ledger, api(name="capped", deployments=each, limits=Limits(requests_per_minute=30))))
    assert capped.requests_per_s == pytest.approx(30 / 60.6)


def test_a_share_that_was_halved_counts_as_it_is(clock: tuple[Ledger, Clock]) -> None:
    """What the provider really lets through, not what the policy says."""
    ledger, _ = clock
    lane = Gated(ledger, api(limits=Limits(requests_per_minute=600)))
    lane.put()
    lane.fail(lane.take(), "limited", error="RateLimited")
    assert opening(lane).requests_per_s == pytest.approx(300 / 60.6, rel=0.02)


@pytest.mark.parametrize(
    ("given", "ahead", "expected"),
    [
        ({}, 0, 0.0),
        ({"at_once": 2}, 6, 3.0),
        ({"requests_per_s": 2.0}, 6, 3.0),
        ({"tokens_per_s": 100.0, "tokens_each": 50.0}, 6, 3.0),
        ({"tokens_per_s": 100.0}, 16, 2.0),
        ({"after_s": 5.0}, 0, 5.0),
        ({"after_s": 5.0, "requests_per_s": 2.0, "tokens_per_s": 100.0, "tokens_each": 500.0}, 6, 35.0),
    ],
)
def test_the_scarcest_limit_says_how_long(given: dict[str, Any], ahead: int, expected: float) -> None:
    """Of eight slots at a second a job; what a call takes in tokens counts where it is known."""
    assert Opening(**given).wait_s(IDLE, ahead=ahead) == expected
    assert Opening(**given).wait_s(LaneLoad(slots=0), ahead=ahead) is None
