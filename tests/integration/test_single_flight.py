"""Identical jobs in flight, with real worker processes: one call for all of them, whatever becomes of it."""

import os
import signal
from collections.abc import Iterator

import pytest
from workers_at_work import Workers, until, workers

from tidegate.client import Client
from tidegate.job import Job, Params
from tidegate.ledger.states import State
from tidegate.result import JobResult
from tidegate.settings import Settings
from workers.standin.faults import Fault, When
from workers.standin.server import Running, running

pytestmark = pytest.mark.integration

OUTSIDE = ("worker", "--zone", "outside")
PROMPT_S = 0.5
"""From a producer's word to the provider's seeing the connection go: a tenth of it is ours, on a quiet machine."""


@pytest.fixture
def standin() -> Iterator[Running]:
    """A stand-in that takes its time for what asks it to."""
    slow = Fault(fault="slow", delay_s=1.5, times="forever", when=When(contains="linger"))
    once = Fault(fault="slow", delay_s=60.0, times=1, when=When(contains="hang once"))
    fails = Fault(fault="server_error", times=1, when=When(contains="fail once"))
    long = Fault(fault="slow", delay_s=60.0, times="forever", when=When(contains="dawdle"))
    with running(faults=(once, fails, slow, long)) as up:
        yield up


@pytest.fixture
def working(client: Client, settings: Settings, standin: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    """A lane outside with room for all, and nobody who serves it yet."""
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    lane = {
        "zone": "outside",
        "backend": "openai",
        "model": "gpt-4o-mini",
        "context_tokens": 8192,
        "concurrency": 24,
        "base_url": standin.url,
        "price": {"input_usd": 1, "output_usd": 1},
        "retry": {"attempts": 3, "base_s": 0.05, "cap_s": 0.1},
        "breaker": {"failures": 1.0, "calls": 100},
    }
    with workers(client, settings, {"far": lane}) as found:
        yield found


def results(working: Workers, job_ids: list[str]) -> list[JobResult]:
    """What became of them."""
    return [working.client.result(job_id, timeout_s=60) for job_id in job_ids]


def test_fifty_identical_jobs_are_one_call(working: Workers, standin: Running) -> None:
    """Fifty results, each of its own job; one was paid for."""
    working.start(*OUTSIDE)
    working.start(*OUTSIDE)
    job_ids = [working.place("far", Job(text="linger over this")) for _ in range(50)]
    found = results(working, job_ids)
    assert [one.job_id for one in found] == job_ids
    assert len({one.text for one in found}) == 1
    paid = [one for one in found if one.joined is None]
    assert len(paid) == standin.standin.calls == 1
    assert {one.joined for one in found} == {None, paid[0].job_id}
    assert {one.cost_usd for one in found if one.joined} == {0.0}
    assert sum(one.usage.prompt_tokens for one in found) == paid[0].usage.prompt_tokens


def test_tenants_and_parameters_are_kept_apart(working: Workers, standin: Running) -> None:
    """Each tenant, and each way to ask, is a call of its own."""
    working.start(*OUTSIDE)
    jobs = [
        Job(text="linger over this", tenant=tenant, params=Params(max_tokens=tokens))
        for tenant in ("one", "other")
        for tokens in (8, 9)
    ]
    job_ids = [working.place("far", job) for _ in range(5) for job in jobs]
    found = results(working, job_ids)
    assert standin.standin.calls == len(jobs)
    assert sum(one.joined is None for one in found) == len(jobs)


def test_a_killed_leader_takes_nobody_with_it(working: Workers, standin: Running) -> None:
    """Its worker dies in the middle of the call: another worker makes one more, for all of them."""
    working.start("janitor")
    doomed = working.start(*OUTSIDE)
    leader = working.place("far", Job(text="hang once, then linger"))
    until(lambda: standin.standin.calls == 1, 30)
    others = [working.place("far", Job(text="hang once, then linger")) for _ in range(10)]
    for other in others:
        working.await_state(other, State.WAITING)
    os.kill(doomed.pid, signal.SIGKILL)
    working.start(*OUTSIDE)
    found = results(working, [leader, *others])
    assert standin.standin.calls == 2
    assert sum(one.joined is None for one in found) == 1


def test_a_failed_call_fails_nobody_else(working: Workers, standin: Running) -> None:
    """The leader waits for its next try, and the others do not wait with it."""
    working.start("janitor")
    working.start(*OUTSIDE)
    job_ids = [working.place("far", Job(text="fail once, and linger")) for _ in range(12)]
    found = results(working, job_ids)
    assert len(found) == 12
    assert standin.standin.calls <= 3


def test_a_cancelled_leader_leaves_the_others_their_answer(working: Workers, standin: Running) -> None:
    """The connection of its call is closed at once, and one of the others asks for all that are left."""
    working.start(*OUTSIDE)
    leader = working.place("far", Job(text="hang once, then linger"))
    until(lambda: standin.standin.calls == 1, 30)
    others = [working.place("far", Job(text="hang once, then linger")) for _ in range(5)]
    for other in others:
        working.await_state(other, State.WAITING)
    working.client.cancel(leader)
    until(lambda: standin.standin.hung_up == 1, PROMPT_S)
    found = results(working, others)
    assert standin.standin.calls == 2
    assert sum(one.joined is None for one in found) == 1
