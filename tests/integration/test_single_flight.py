"""Identical jobs in flight, with real worker processes: one call for all of them, whatever becomes of it."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from holding import held
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
SOON_S = 45.0
"""Much less than a call that hangs takes, and enough for a machine that is busy."""


@pytest.fixture
def standin() -> Iterator[Running]:
    """A stand-in that hangs, fails or waits for the test's word, for what asks it to."""
    slow = Fault(fault="slow", delay_s=100.0, times="forever", when=When(contains="linger"))
    once = Fault(fault="slow", delay_s=100.0, times=1, when=When(contains="hang once"))
    fails = Fault(fault="server_error", times=1, when=When(contains="fail once"))
    with running(faults=(once, fails, slow)) as up:
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


def led(working: Workers, job_ids: list[str], *, by: int = 1) -> Callable[[], bool]:
    """Whether so many of these jobs run, and all others wait for the answers of those."""

    def holds() -> bool:
        records = working.client.ledger.get_many(job_ids)
        leaders = {record.id for record in records if record.state is State.RUNNING}
        others = [record for record in records if record.id not in leaders]
        return len(leaders) == by and all(one.state is State.WAITING and one.joined in leaders for one in others)

    return holds


def results(working: Workers, job_ids: list[str]) -> list[JobResult]:
    """What became of them."""
    return [working.client.result(job_id, timeout_s=60) for job_id in job_ids]


def test_fifty_identical_jobs_are_one_call(working: Workers, standin: Running) -> None:
    """Fifty results, each of its own job; one was paid for."""
    working.start(*OUTSIDE)
    working.start(*OUTSIDE)
    go = held(standin.standin)
    job_ids = [working.place("far", Job(text="linger over this")) for _ in range(50)]
    until(led(working, job_ids), SOON_S)
    go.set()
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
    go = held(standin.standin)
    job_ids = [working.place("far", job) for _ in range(5) for job in jobs]
    until(led(working, job_ids, by=len(jobs)), SOON_S)
    go.set()
    found = results(working, job_ids)
    assert standin.standin.calls == len(jobs)
    assert sum(one.joined is None for one in found) == len(jobs)


def test_a_killed_leader_takes_nobody_with_it(working: Workers, standin: Running) -> None:
    """Its worker dies in the middle of the call: another worker makes one more, for all of them."""
    working.start("janitor")
    doomed = working.start(*OUTSIDE)
    go = held(standin.standin)
    leader = working.place("far", Job(text="hang once, then linger"))
    until(lambda: standin.standin.calls == 1, SOON_S)
    others = [working.place("far", Job(text="hang once, then linger")) for _ in range(10)]
    for other in others:
        working.await_state(other, State.WAITING)
    os.kill(doomed.pid, signal.SIGKILL)
    working.start(*OUTSIDE)
    until(lambda: standin.standin.calls == 2 and led(working, [leader, *others])(), SOON_S)
    go.set()
    found = results(working, [leader, *others])
    assert standin.standin.calls == 2
    assert sum(one.joined is None for one in found) == 1


def test_a_failed_call_fails_nobody_else(working: Workers, standin: Running) -> None:
    """The leader waits for its next try, and the others do not wait with it."""
    working.start("janitor")
    working.start(*OUTSIDE)
    go = held(standin.standin)
    job_ids = [working.place("far", Job(text="fail once, and linger")) for _ in range(12)]
    until(led(working, job_ids), SOON_S)
    go.set()
    found = results(working, job_ids)
    assert len(found) == 12
    assert standin.standin.calls <= 3


def test_a_cancelled_leader_leaves_the_others_their_answer(working: Workers, standin: Running) -> None:
    """The connection of its call is closed at once, and one of the others asks for all that are left."""
    working.start(*OUTSIDE)
    go = held(standin.standin)
    leader = working.place("far", Job(text="hang once, then linger"))
    until(lambda: standin.standin.calls == 1, SOON_S)
    others = [working.place("far", Job(text="hang once, then linger")) for _ in range(5)]
    for other in others:
        working.await_state(other, State.WAITING)
    working.client.cancel(leader)
    working.ring("far", others[0])
    until(lambda: standin.standin.hung_up == 1, SOON_S)
    until(led(working, others), SOON_S)
    go.set()
    found = results(working, others)
    assert standin.standin.calls == 2
    assert sum(one.joined is None for one in found) == 1
