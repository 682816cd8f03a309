"""A call that tries whether a provider is back costs its job no try, on a real store; but no job tries for ever."""

from collections.abc import Iterator

import pytest
from clocks import Clock, clocked
from doubles import RecordingDoorbell
from gating import Gated, api

from tidegate.connections import StoreClient
from tidegate.deployment import Deployment
from tidegate.errors import AuthFailed, BadRequest, ProviderFailed, RateLimited, RunError
from tidegate.lane import Breaker, Retry
from tidegate.ledger import states
from tidegate.ledger.line import Taken
from tidegate.ledger.permits import Class, Settled
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger
from workers.failures import MOST_PROBES
from workers.gates import refusal
from workers.outcomes import Failure, Outcomes

Timed = tuple[Ledger, Clock]
CLASSES: dict[type[RunError], Class] = {
    ProviderFailed: "failed",
    AuthFailed: "down",
    BadRequest: "job",
    RateLimited: "limited",
}


@pytest.fixture
def timed(redis: StoreClient) -> Iterator[Timed]:
    """A ledger and its clock."""
    with clocked(redis) as found:
        yield found


def broken(ledger: Ledger, **lane: object) -> Gated:
    """A lane whose breaker has just opened, for ten seconds."""
    made = Gated(ledger, api(breaker=Breaker(calls=1, failures=0.5, open_s=10.0), retry=Retry(attempts=1), **lane))
    for one in [made.put(deadline_s=1e7) for _ in range(5)]:
        found = made.take()
        assert found.record.id == one
        made.fail(found)
        ledger.apply(one, states.cancel())
    return made


def ran(lane: Gated, error: RunError) -> Taken:
    """A worker took the next job, and met this; the gate's word where it let none through."""
    found = lane.take()
    assert found.permit is not None
    said = refusal(found.permit, latency="interactive")
    settled = Settled(outcome="" if said else CLASSES[type(error)], error="x", tokens=0, usd=0.0, took_s=0.1)
    failure = Failure(
        record=found.record, lane=lane.lane, fence=found.claim.fence, error=said or error, gated=True, settled=settled
    )
    Outcomes(lane.ledger, RecordingDoorbell(), nudge_s=10.0).follow(failure)
    return found


def probed(lane: Gated, clock: Clock, job: str, error: RunError) -> None:
    """The breaker's time has come, the job tries it, and meets this."""
    clock.pass_by(601)
    record = lane.ledger.get(job)
    if record.state is State.WAITING:
        lane.ledger.apply(job, states.release(rev=record.rev, nudge_s=5.0))
    permit = ran(lane, error).permit
    assert permit is not None
    assert (permit.verdict, permit.probe) == ("granted", True)


def test_a_failed_probe_costs_no_try(timed: Timed) -> None:
    """The job is in its line again; there the gate tells it to wait for the next one, and then it is answered."""
    ledger, clock = timed
    lane = broken(ledger)
    job = lane.put(deadline_s=1e7)
    probed(lane, clock, job, ProviderFailed("away"))
    record = ledger.get(job)
    assert (record.state, record.tries, record.probes, record.held) == (State.PLACED, 0, 1, 0)
    assert ran(lane, ProviderFailed("away")).permit is not None
    assert (ledger.get(job).state, ledger.get(job).tries) == (State.WAITING, 0)
    clock.pass_by(601)
    ledger.apply(job, states.release(rev=ledger.get(job).rev, nudge_s=5.0))
    lane.end(lane.take())
    assert ledger.get(job).state is State.SUCCEEDED
    assert "open_until" not in lane.place()


@pytest.mark.parametrize("error", [ProviderFailed("away"), AuthFailed("refused")])
def test_no_job_tries_for_ever(timed: Timed, error: RunError) -> None:
    """After so many it counts like any failure."""
    ledger, clock = timed
    lane = broken(ledger)
    job = lane.put(deadline_s=1e7)
    for count in range(MOST_PROBES):
        probed(lane, clock, job, error)
        assert ledger.get(job).probes == count + 1
        ran(lane, error)
    probed(lane, clock, job, error)
    assert ledger.get(job).state is State.DEAD


def test_a_job_with_another_lane_goes_there(timed: Timed) -> None:
    """The next take sends it on, and there it begins anew."""
    ledger, clock = timed
    lane = broken(ledger)
    job = lane.put(deadline_s=1e7, lanes=("api", "spare"))
    probed(lane, clock, job, ProviderFailed("away"))
    ran(lane, ProviderFailed("away"))
    record = ledger.get(job)
    assert (record.state, record.lane, record.probes, record.tries) == (State.PLACED, "spare", 0, 0)


def test_another_deployment_takes_it(timed: Timed) -> None:
    """Where the lane has one that works, the job goes there at once."""
    ledger, clock = timed
    lane = broken(ledger, deployments=(Deployment(name="a"), Deployment(name="b")))
    job = lane.put(deadline_s=1e7)
    clock.pass_by(601)
    first = ran(lane, ProviderFailed("away")).permit
    assert first is not None
    assert first.probe
    second = lane.take()
    assert second.permit is not None
    assert (second.record.id, second.permit.verdict) == (job, "granted")
    assert second.permit.deployment != first.deployment


@pytest.mark.parametrize(("error", "state"), [(BadRequest("no"), State.DEAD), (RateLimited("later"), State.PLACED)])
def test_what_says_that_it_is_back_is_as_ever(timed: Timed, error: RunError, state: State) -> None:
    """A probe that was answered closes the breaker, and its job fares like any other with that answer."""
    ledger, clock = timed
    lane = broken(ledger)
    job = lane.put(deadline_s=1e7)
    probed(lane, clock, job, error)
    assert (ledger.get(job).state, ledger.get(job).probes) == (state, 0)
    assert "open_until" not in lane.place()
