"""The gate on a real store: what is let through, to whom, and that nothing of it stays reserved."""

import pytest
from gating import Gated, api

from tidegate.deployment import Deployment, Limits
from tidegate.lane import Breaker, Zone
from tidegate.ledger import states
from tidegate.ledger.gates import Gates
from tidegate.ledger.line import Shut, Taken
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger


def gated(ledger: Ledger, **changes: object) -> Gated:
    """A lane with these fields, and nothing in line."""
    return Gated(ledger, api(**changes))


def test_a_claim_carries_its_permit(ledger: Ledger) -> None:
    """Whom to call and what was reserved stand on the record while the job runs, and not afterwards."""
    lane = gated(ledger, price={"input_usd": 1.0, "output_usd": 10.0})
    job = lane.put(tokens=10, most=90)
    found = lane.take()
    assert found.permit is not None
    assert (found.permit.verdict, found.permit.deployment, found.permit.tokens) == ("granted", "main", 100)
    assert found.permit.usd == pytest.approx(0.00091)
    assert lane.in_flight() == 1
    assert '"deployment": "main"' in lane.history(job)
    lane.end(found)
    assert ledger.get(job).permit is None
    assert lane.in_flight() == 0


WAYS_OUT = {
    "succeeded": lambda fence: states.succeed(fence=fence, changes={}, note={}),
    "answered": lambda fence: states.answer(fence=fence, slot="s", nudge_s=5.0, changes={}, note={}),
    "retry_later": lambda fence: states.wait(fence=fence, delay_s=5.0, tries=1, note={}),
    "next_lane": lambda fence: states.hop(fence=fence, lane="other", zone="inside", nudge_s=5.0, note={}),
    "held_back": lambda fence: states.hold(fence=fence, held=1, nudge_s=5.0, note={}, settled=None),
    "handed_back": lambda fence: states.hand_back(fence=fence, changes={}, nudge_s=5.0),
    "lease_lapsed": lambda _: states.hand_back(changes={}, nudge_s=5.0),
    "dead": lambda fence: states.die(
        reason=states.Reason.TIMEOUT, cause="c", sources=frozenset({State.RUNNING}), fence=fence
    ),
    "cancelled": lambda _: states.cancel(),
    "expired": lambda _: states.expire(rev=3),
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_every_way_out_of_running_settles(ledger: Ledger, way: str) -> None:
    """Whatever ends a run, its permit is gone and its call is no longer in flight."""
    lane = gated(ledger, limits=Limits(concurrent=1))
    job = lane.put()
    found = lane.take()
    lane.put()
    assert isinstance(lane.ask(), Shut)
    move = WAYS_OUT[way](found.claim.fence)
    assert move.name == way
    ledger.apply(job, move)
    assert ledger.get(job).permit is None
    assert lane.in_flight() == 0
    assert isinstance(lane.ask(), Taken)


def test_a_shut_gate_claims_nothing(ledger: Ledger) -> None:
    """The job stays in line; one who asks is told when to wake the lane, and the others that somebody will."""
    lane = gated(ledger, limits=Limits(requests_per_minute=1))
    first, second = lane.put(), lane.put()
    found = lane.take()
    assert found.record.id == first
    assert (found.ring, 50 < found.ring_in_s <= 61) == (second, False)
    assert 0 < found.ring_in_s <= 10
    again = lane.ask()
    assert isinstance(again, Shut)
    assert again.ring_in_s is None
    assert ledger.get(second).state is State.PLACED
    assert ledger.get(second).attempts == 0


def test_an_ungated_lane_writes_nothing(ledger: Ledger) -> None:
    """A lane inside without limits leaves no trace of a gate."""
    lane = Gated(ledger, api(name="own", zone=Zone.INSIDE, backend="llama_cpp"))
    lane.put()
    assert lane.take().permit is None
    assert ledger.redis.keys("tg:gate:*") == []


def test_deployments_share_the_work(ledger: Ledger) -> None:
    """The least loaded for its weight is next."""
    lane = gated(
        ledger, deployments=(Deployment(name="a", weight=3), Deployment(name="b", limits=Limits(concurrent=2)))
    )
    for _ in range(10):
        lane.put()
    went = [lane.took() for _ in range(8)]
    assert (went.count("a"), went.count("b")) == (6, 2)


def test_the_view_tells_what_counts(ledger: Ledger) -> None:
    """Limits as configured and as they count now, use, breaker, errors, pace, and what today cost."""
    lane = gated(
        ledger,
        limits=Limits(requests_per_minute=600, tokens_per_minute=100_000, requests_per_day=1000),
        breaker=Breaker(calls=2, failures=0.5),
    )
    for _ in range(5):
        lane.put()
    lane.end(lane.take(), tokens=20, usd=0.5, took_s=0.2)
    lane.fail(lane.take(), "limited", error="RateLimited")
    view = Gates(ledger.redis).view([lane.lane])[0]
    (main,) = view.deployments
    assert view.gated
    assert (main.requests_per_minute.configured, main.requests_per_minute.used) == (600, 2)
    assert main.requests_per_minute.effective == pytest.approx(300, rel=0.02)
    assert (main.tokens_per_minute.used, main.requests_per_day.used) == (20, 2)
    assert (main.calls, main.error_rate, main.errors, main.p50_s) == (2, 0.5, {"RateLimited": 1}, 0.2)
    assert (main.calls_today, main.tokens_today, main.usd_today) == (2, 20, 0.5)
    assert main.closed_until is not None
    assert main.breaker.state == "closed"


def test_the_view_of_an_empty_store(ledger: Ledger) -> None:
    """Nothing is used, nothing is open."""
    (view,) = Gates(ledger.redis).view([api(deployments=(Deployment(name="a"), Deployment(name="b")))])
    assert [one.name for one in view.deployments] == ["a", "b"]
    assert not view.open
    assert all(one.error_rate is None and one.p95_s is None for one in view.deployments)
