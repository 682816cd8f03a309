"""Processes are killed, wake-ups are lost, deadlines pass: every accepted job still ends once, and says why."""

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest
from installations import Running

from tidegate.client import Client
from tidegate.doorbell import Doorbell
from tidegate.errors import JobFailed, StoreUnavailable
from tidegate.job import Hints, Job, Params
from tidegate.ledger.census import Census
from tidegate.ledger.states import State

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

HARD = "Compare two designs, analyse each step by step and prove which is better. "


@pytest.mark.every_broker
def test_a_worker_killed_in_mid_run_loses_no_job(running: Running) -> None:
    """After kill -9 the lease lapses, another run takes the job, and only that one counts."""
    client = running.client
    job_id = client.submit(_job("please dawdle once"))
    _await_state(client, job_id, State.RUNNING)
    os.kill(_pid(running, "outside"), signal.SIGKILL)
    result = client.result(job_id, timeout_s=60)
    moves = [event.move for event in client.ledger.history(job_id)]
    assert result.attempts == 2
    assert moves.count("lease_lapsed") == 1
    assert moves.count("succeeded") == 1


@pytest.mark.every_broker
def test_a_lost_wake_up_is_sent_again(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job whose message never reached the broker is found by the janitor and runs."""
    client = running.client
    monkeypatch.setattr(Doorbell, "ring_router", lambda *_, **__: None)
    job_id = client.submit(_job("quietly"))
    assert client.result(job_id, timeout_s=60).lane.startswith("openai")


@pytest.mark.redis_only
def test_jobs_survive_the_death_of_the_store(running: Running) -> None:
    """The store is killed -9 right after a burst of submits; all of them are there when it is back, and end."""
    client = running.client
    ids = [client.submit(_job(f"burst {number}")) for number in range(20)]
    store = next(p for p in _children(running) if "valkey-server" in p.name() or "redis-server" in p.name())
    store.send_signal(signal.SIGKILL)
    states = [_ended_through_outages(client, job_id, timeout_s=90) for job_id in ids]
    assert states == [State.SUCCEEDED] * len(ids)


def test_a_cancelled_job_ends_at_once_and_its_run_stops(running: Running) -> None:
    """The producer sees `cancelled` at once, and the worker gives the provider's call up."""
    client = running.client
    job_id = client.submit(_job("please dawdle always, first"))
    _await_state(client, job_id, State.RUNNING)
    client.cancel(job_id)
    with pytest.raises(JobFailed, match="cancelled"):
        client.result(job_id, timeout_s=5)
    _eventually(lambda: Census(client.ledger.redis).loads(["openai-large"])["openai-large"].running == 0)
    assert client.record(job_id).state is State.CANCELLED


def test_a_job_past_its_deadline_expires(running: Running) -> None:
    """A run that takes longer than the job is worth ends as `expired`, or dead by timeout, and never succeeds."""
    client = running.client
    job_id = client.submit(_job("please dawdle always, second", hints=Hints(deadline_s=3)))
    with pytest.raises(JobFailed) as failed:
        client.result(job_id, timeout_s=60)
    assert (failed.value.state, failed.value.reason) in {("expired", "expired"), ("dead", "timeout")}


def test_the_same_idempotency_key_gives_the_same_job(running: Running) -> None:
    """A producer that submits again after a broken connection gets the first job, which runs once."""
    client = running.client
    ids = {client.submit(_job("once only", idempotency_key="order-1")) for _ in range(5)}
    assert len(ids) == 1
    assert client.result(ids.pop(), timeout_s=60).attempts == 1


def _job(text: str, *, hints: Hints | None = None, idempotency_key: str | None = None) -> Job:
    return Job(text=HARD + text, params=Params(max_tokens=16), hints=hints or Hints(), idempotency_key=idempotency_key)


def _await_state(client: Client, job_id: str, wanted: State) -> None:
    for state in client.stream_states(job_id, timeout_s=60):
        if state is wanted:
            return
    raise AssertionError(f"the job was never {wanted}")


def _pid(running: Running, zone: str) -> int:
    workers = Census(running.client.ledger.redis).workers()
    return next(worker.pid for worker in workers if worker.zone == zone)


def _children(running: Running) -> list[psutil.Process]:
    supervisor = int((running.data / "run" / "supervisor.pid").read_text())
    return psutil.Process(supervisor).children(recursive=True)


def _ended_through_outages(client: Client, job_id: str, *, timeout_s: float) -> State:
    """Wait like a patient producer: what does not answer is asked again."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        try:
            return list(client.stream_states(job_id, timeout_s=max(0.1, until - time.monotonic())))[-1]
        except StoreUnavailable:
            time.sleep(0.2)
    raise AssertionError("the store did not come back")


def _eventually(holds: Callable[[], bool], *, timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.1)
