"""Limits under one name: lanes and deployments that carry it have them together, from a 429 to the day's sum."""

from pathlib import Path

import pytest
from clocks import clocked
from gating import SHARING, Gated, api
from typer.testing import CliRunner

from tidegate.cli.main import app
from tidegate.connections import StoreClient
from tidegate.deployment import Deployment, Limits
from tidegate.errors import InvalidDocument
from tidegate.lane import Lane, Zone
from tidegate.lanes import read_lanes
from tidegate.ledger import states
from tidegate.ledger.gates import Gates
from tidegate.ledger.line import Shut, Taken
from tidegate.ledger.store import Ledger

SHARED = Limits(shared="prod", requests_per_minute=4, requests_per_day=9, tokens_per_minute=6000, concurrent=3)


def pair(ledger: Ledger, limits: Limits = SHARED, **two: object) -> tuple[Gated, Gated]:
    """Two lanes that share limits, each with jobs in line."""
    one = Gated(ledger, api(name="one", limits=limits))
    other = Gated(ledger, api(**{"name": "two", "limits": limits, **two}))
    for lane in (one, other):
        for number in range(12):
            lane.put(f"{lane.lane.name}{number:02}", tokens=100, most=0, deadline_s=1e6)
    return one, other


def calls(*given: Gated) -> int:
    """How many go now, asked by turns; each is answered at once."""
    count = 0
    while founds := [(lane, found) for lane in given if isinstance(found := lane.ask(), Taken)]:
        for lane, found in founds:
            lane.end(found, tokens=100)
        count += len(founds)
    return count


def test_a_minute_and_a_day_are_counted_together(redis: StoreClient) -> None:
    """Never more than the limit in a minute or a day, whichever lane calls."""
    with clocked(redis) as (ledger, clock):
        one, two = pair(ledger)
        minutes = []
        for _ in range(4):
            count = 0
            for _ in range(61):
                count += calls(one, two)
                clock.pass_by(1.0)
            minutes.append(count)
        assert max(minutes) <= 4
        assert sum(minutes) == 9
        view = Gates(redis, clock=lambda: clock.now).view([one.lane, two.lane])
        assert {gate.deployments[0].requests_per_day.used for gate in view} == {9}
        assert {gate.deployments[0].shared for gate in view} == {"prod"}


def test_calls_under_way_are_counted_together_and_by_deployment(ledger: Ledger) -> None:
    """A limit on calls at once holds for both; nothing stays in flight, and the balance knows its own."""
    one, two = pair(ledger, Limits(shared="prod", concurrent=3))
    running = [one.take(), two.take(), two.take()]
    assert isinstance(one.ask(), Shut)
    assert (one.in_flight(), two.in_flight()) == (1, 2)
    assert ledger.redis.zcard("tg:gate:=prod/flight") == 3
    ledger.apply(running[0].record.id, states.renew(fence=running[0].claim.fence, lease_s=30.0))
    one.end(running[0])
    two.fail(running[1])
    ledger.apply(running[2].record.id, states.cancel())
    assert (one.in_flight(), two.in_flight(), ledger.redis.zcard("tg:gate:=prod/flight")) == (0, 0, 0)


def test_a_refusal_shuts_all_that_share(redis: StoreClient) -> None:
    """What one call learns of the provider's limit, or of the time to come again, counts for the others."""
    with clocked(redis) as (ledger, clock):
        one, two = pair(ledger, Limits(shared="prod", requests_per_minute=600))
        one.fail(one.take(), "limited", error="RateLimited", heard={"retry_after_s": 5.0, "requests_limit": 60})
        assert isinstance(two.ask(), Shut)
        clock.pass_by(5.1)
        assert isinstance(two.ask(), Taken)
        (view,) = Gates(redis, clock=lambda: clock.now).view([two.lane])
        assert view.deployments[0].requests_per_minute.effective == 60


def test_breakers_stay_apart(redis: StoreClient) -> None:
    """One lane's failing model says nothing of the other's."""
    with clocked(redis) as (ledger, _):
        one, two = pair(ledger, Limits(shared="prod"))
        one.fail(one.take(), "down", error="ModelMissing")
        gone = one.take()
        assert gone.permit is not None
        assert gone.permit.verdict == "open"
        assert two.took() == "main"


def test_a_lane_and_another_lane_s_deployment_share(redis: StoreClient) -> None:
    """The name may stand at a deployment; the lane's other deployment, and its own limits, are its own."""
    with clocked(redis) as (ledger, _):
        shared = Limits(shared="prod", requests_per_minute=1)
        deployments = (Deployment(name="a", limits=shared), Deployment(name="b"))
        one, _ = pair(ledger, shared)
        two = Gated(ledger, api(name="three", limits=Limits(concurrent=2), deployments=deployments))
        for _ in range(4):
            two.put(deadline_s=1e6)
        assert one.took() == "main"
        assert [two.took() for _ in range(3)] == ["b", "b", None]


def test_a_large_job_of_one_lane_waits_for_no_others(redis: StoreClient) -> None:
    """Small jobs of the other lane pass as its own do, and it goes within a minute; then comes the other's."""
    with clocked(redis) as (ledger, clock):
        one, two = pair(ledger, Limits(shared="prod", tokens_per_minute=6000))
        for _ in range(60):
            two.put(tokens=95, most=0, deadline_s=1e6)
        for _ in range(60):
            calls(one, two)
            clock.pass_by(1.0)
        large = [lane.put(f"large-{lane.lane.name}", tokens=4000, most=0, deadline_s=1e6) for lane in (one, two)]
        began, gone = clock.now, {}
        while len(gone) < 2:
            two.put(tokens=95, most=0, deadline_s=1e6)
            calls(two, one)
            clock.pass_by(1.0)
            gone |= {job: clock.now - began for job in large if job not in gone and ledger.get(job).state.ended}
            assert clock.now - began < 200
        assert min(gone.values()) <= 65
        assert max(gone.values()) <= 190


def test_a_lane_without_workers_holds_up_nobody_for_long(redis: StoreClient) -> None:
    """Whoever asked once, and never again, is forgotten by those who share with it."""
    with clocked(redis) as (ledger, clock):
        one, two = pair(ledger, Limits(shared="prod", tokens_per_minute=6000))
        for _ in range(10):
            calls(one, two)
            clock.pass_by(2.0)
        two.put("whole", tokens=6000, most=0, deadline_s=1e6, priority="0")
        assert isinstance(two.ask(), Shut)
        one.put(tokens=100, most=0, deadline_s=1e6)
        clock.pass_by(5)
        assert isinstance(one.ask(), Shut)
        clock.pass_by(16)
        assert isinstance(one.ask(), Taken)


def test_numbers_that_differ_are_refused(tmp_path: Path) -> None:
    """With file, line and column, by the check and by whoever reads lanes."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(SHARING.replace("600}}", "500, concurrent: 2}}"))
    found = CliRunner().invoke(app, ["policy", "check", str(policy)])
    told = " ".join(f"{found.output}{found.exception or ''}".split())
    assert f"{policy}:18:42: error: lanes.large.deployments[0].limits.requests_per_minute: differs from" in told
    assert "lanes.small.limits, which says 600: all that share prod say the same" in told
    with pytest.raises(InvalidDocument, match=r"concurrent: differs from lanes\.small\.limits, which says nothing"):
        read_lanes(policy)
    policy.write_text(SHARING)
    assert read_lanes(policy)["large"].deployments[0].limits.shared == "prod"


def test_a_name_twice_in_a_lane_is_refused() -> None:
    """The lane's own limits hold for its deployments already."""
    with pytest.raises(ValueError, match="deployment a: the lane's own limits are shared as prod already"):
        Lane(
            name="l",
            zone=Zone.INSIDE,
            backend="noop",
            model="m",
            context_tokens=64,
            limits=SHARED,
            deployments=(Deployment(name="a", limits=SHARED),),
        )
