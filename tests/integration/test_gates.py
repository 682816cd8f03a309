"""Limits, breaker and balancing under real worker processes, against the stand-in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from doubles import decision
from workers_at_work import Workers, until, workers

from router.placement import Placement
from tidegate.client import Client
from tidegate.doorbell import Doorbell
from tidegate.job import Job
from tidegate.keys import signer
from tidegate.lane import Lane
from tidegate.lanes import read_lanes
from tidegate.ledger.gates import DeploymentView, Gates
from tidegate.ledger.states import State
from tidegate.settings import Settings
from workers.standin.faults import Fault, When
from workers.standin.limiter import Limiter
from workers.standin.server import Running, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SOON_S = 90.0
"""Many times what it takes, for a machine that is busy."""

DOWN = Fault(fault="server_error", times="forever")


def own(standin: Running, **changes: Any) -> dict[str, object]:
    """A lane that calls the stand-in: one inside needs neither key nor clearance, and has a gate as well."""
    given = {"backend": "openai", "model": "m", "base_url": standin.url, "concurrency": 4, "context_tokens": 4096}
    return {**given, **changes}


@contextmanager
def fleet(client: Client, settings: Settings, lanes: dict[str, dict[str, object]], processes: int) -> Iterator[Workers]:
    """Workers and a janitor on these lanes."""
    with workers(client, settings, lanes) as found:
        for _ in range(processes):
            found.start()
        found.start("janitor")
        yield found


def place_all(found: Workers, count: int, *lanes: str) -> list[str]:
    """Jobs on the first of these lanes; the others may follow."""
    placement = Placement(
        found.client.ledger,
        found.client.vault,
        Doorbell(found._doorbell._app),
        signer(found.settings),
        nudge_s=found.settings.nudge_s,
    )
    jobs = [Job(text=f"Sum up number {number}.") for number in range(count)]
    ids = [found.client.submit(job) for job in jobs]
    for job_id, job in zip(ids, jobs, strict=True):
        placement.place(found.client.record(job_id), job, decision(*lanes), rewritten=False)
    return ids


def lane_of(found: Workers, name: str) -> Lane:
    """As the workers have it."""
    return read_lanes(found.settings.policy_file)[name]


def view(found: Workers, lane: str) -> tuple[DeploymentView, ...]:
    """How its deployments are doing."""
    return Gates(found.client.ledger.redis).view([lane_of(found, lane)])[0].deployments


def ended(found: Workers, ids: list[str], state: State = State.SUCCEEDED) -> bool:
    """Whether all are in this state."""
    return all(record.state is state for record in found.client.ledger.get_many(ids))


def test_four_workers_keep_a_limit_together(client: Client, settings: Settings) -> None:
    """They let through what it allows, evenly: over five seconds that much, and a second's worth at once."""
    with running() as standin:
        lanes = {"api": own(standin, limits={"requests_per_minute": 600})}
        with fleet(client, settings, lanes, processes=4) as found:
            ids = place_all(found, 80, "api")
            until(lambda: ended(found, ids), SOON_S)
            # When they were let through, by the store's clock: when a call arrives is a matter of the machine.
            claims = sorted(found.at(job_id, "claimed") for job_id in ids)
            assert all(late - early > 5.0 for early, late in zip(claims, claims[60:], strict=False))


def test_a_lower_real_limit_costs_no_job_a_try(client: Client, settings: Settings) -> None:
    """The provider refuses sooner than the policy thinks: all jobs are answered, later, and none counts a try."""
    limiter = Limiter(requests=10, window_s=2.0)  # a minute's worth is 300
    with running(limiter=limiter) as standin:
        lanes = {"api": own(standin, limits={"requests_per_minute": 3000}, retry={"attempts": 1})}
        with fleet(client, settings, lanes, processes=2) as found:
            ids = place_all(found, 40, "api")
            until(lambda: ended(found, ids), SOON_S)
            assert limiter.refused_at != []
            assert len(limiter.refused_at) < len(ids)
            assert all(record.tries == 0 for record in found.client.ledger.get_many(ids))


def test_an_outage_opens_the_breaker_and_its_end_closes_it(client: Client, settings: Settings) -> None:
    """Without another lane jobs wait; a provider that is down gets probes only; afterwards all are answered."""
    with running(faults=[DOWN]) as standin:
        breaker = {"calls": 5, "open_s": 1.0}
        lanes = {"api": own(standin, breaker=breaker, retry={"attempts": 10, "base_s": 0.1, "cap_s": 0.5})}
        with fleet(client, settings, lanes, processes=2) as found:
            ids = place_all(found, 40, "api")
            until(lambda: (view(found, "api")[0].breaker.open_s or 0) > 3.0, SOON_S)  # two probes have failed
            assert standin.standin.calls < len(ids) / 2  # those that were under way when it opened, and two probes
            assert not any(record.state.ended for record in found.client.ledger.get_many(ids))
            standin.standin.book.replace(())
            until(lambda: ended(found, ids), SOON_S)
            assert view(found, "api")[0].breaker.state == "closed"
            assert view(found, "api")[0].in_flight.used == 0


def test_during_an_outage_the_next_lane_takes_over(client: Client, settings: Settings) -> None:
    """Once the breaker is open jobs go on at once, without a call."""
    with running(faults=[DOWN]) as standin:
        lanes = {
            "api": own(standin, breaker={"calls": 5, "open_s": 30.0}, retry={"attempts": 2, "base_s": 0.05}),
            "spare": {"backend": "noop", "model": "noop", "concurrency": 2},
        }
        with fleet(client, settings, lanes, processes=1) as found:
            ids = place_all(found, 40, "api", "spare")
            until(lambda: ended(found, ids), SOON_S)
            assert standin.standin.calls < 20
            assert {record.lane for record in found.client.ledger.get_many(ids)} == {"spare"}


def test_one_dead_key_is_the_other_deployment_s_work(client: Client, settings: Settings) -> None:
    """All jobs are answered; the deployment whose key is refused is asked once or twice, and left alone then."""
    dead = Fault(fault="unauthorized", times="forever", when=When(model="dead"))
    with running(faults=[dead]) as standin:
        deployments = [{"name": "one", "model": "dead"}, {"name": "two", "model": "alive"}]
        with fleet(client, settings, {"api": own(standin, deployments=deployments)}, processes=2) as found:
            ids = place_all(found, 30, "api")
            until(lambda: ended(found, ids), SOON_S)
            one, two = view(found, "api")
            assert (one.breaker.state, one.breaker.why) == ("open", "AuthFailed")
            assert two.breaker.state == "closed"
            assert standin.standin.by_model["dead"]["calls"] <= 8  # those that were under way when it was found out
