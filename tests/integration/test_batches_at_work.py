"""Batches of real worker processes, which are killed at the worst moments, at a stand-in that counts each line."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from holding import held
from workers_at_work import Workers, until, workers

from tidegate.client import Client
from tidegate.job import Hints, Job
from tidegate.ledger.batches import BatchState, BatchView
from tidegate.ledger.states import State
from tidegate.settings import Settings
from workers.standin.faults import Fault, When
from workers.standin.server import Running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

BATCH = Hints(latency="batch", deadline_s=1800.0)


@contextmanager
def at_work(
    client: Client,
    settings: Settings,
    standin: Running,
    monkeypatch: pytest.MonkeyPatch,
    *,
    backend: str = "openai",
    **batch: Any,
) -> Iterator[Workers]:
    """Workers of one lane outside, with batches."""
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
    lane = {
        "zone": "outside",
        "backend": backend,
        "model": "gpt-4o-mini",
        "base_url": standin.url,
        "context_tokens": 4096,
        "concurrency": 4,
        "price": {"input_usd": 1.0, "output_usd": 2.0},
        "batch": {"window_s": 60.0, "collect_s": 0.5, **batch},
    }
    with workers(client, settings, {"api": lane}) as made:
        yield made


def outside(team: Workers) -> Any:
    """One more worker, whose turn it is as soon as the last one's is over."""
    return team.start("worker", "--zone", "outside")


def placed(team: Workers, texts: list[str]) -> list[str]:
    """Batch jobs, as the router places them."""
    return [team.place("api", Job(text=text, hints=BATCH), cleared=True) for text in texts]


def batches(team: Workers) -> list[BatchView]:
    """All that were formed."""
    return team.client.ledger.batches.all()


def some(team: Workers, holds: Callable[[BatchView], bool]) -> Callable[[], bool]:
    """Whether a batch is like that."""
    return lambda: any(holds(batch) for batch in batches(team))


def collects(team: Workers) -> Callable[[], bool]:
    """Whether somebody collects the lane's batches."""
    return lambda: bool(team.client.ledger.redis.exists("tg:batcher:api"))


def killed(process: Any) -> None:
    """Kill -9, and see it dead."""
    process.send_signal(signal.SIGKILL)
    process.wait(30)


STOPS_ITSELF = """
import os, runpy, signal, sys
from pathlib import Path
from workers.managed.batches import sending

submitted = sending._submitted

class Sleepy:
    def __init__(self, api):
        self._api = api

    def __getattr__(self, name):
        return getattr(self._api, name)

    def submit(self, mark, lines, *, check):
        def check_and_sleep():
            check()
            os.kill(os.getpid(), signal.SIGSTOP)
        return self._api.submit(mark, lines, check=check_and_sleep)

def sleepy(desk, batch, lines):
    api = desk.open_api
    return submitted(type(desk)(**{**vars(desk), "open_api": lambda name: Sleepy(api(name))}), batch, lines)

sending._submitted = sleepy
sys.argv[0] = "tidegate"
runpy.run_module("tidegate", run_name="__main__")
"""
"""A worker that stops itself between its last look at its turn and the request that makes a batch: the worst place."""


def asleep(process: Any) -> bool:
    """Whether it is stopped, all its threads with it."""
    _, status = os.waitpid(process.pid, os.WUNTRACED | os.WNOHANG)
    return os.WIFSTOPPED(status)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("backend", ["openai", "anthropic"])
def test_a_worker_that_is_stopped_at_the_worst_place_costs_no_second_answer(
    client: Client, settings: Settings, standin: Running, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    """SIGSTOP, until another has sent the batch, and SIGCONT: where a second batch comes of that, it is cancelled.

    With files there comes none of it: the first one's upload was deleted before the other one sent its own.
    """
    made = 1 if backend == "openai" else 2
    lines = [Fault(fault="slow", delay_s=s, times=times, when=When(step="line")) for s, times in ((3, 4), (60, 4))]
    standin.standin.book.replace(lines)
    with at_work(client, settings, standin, monkeypatch, backend=backend, window_s=240.0) as team:
        sleeper = team.start("worker", "--zone", "outside", program=("-c", STOPS_ITSELF))
        until(collects(team), 60)
        jobs = placed(team, [f"job number {number}" for number in range(4)])
        until(lambda: asleep(sleeper), 60)
        assert standin.standin.batching.batches == {}
        outside(team)
        until(some(team, lambda batch: batch.state in (BatchState.SENT, BatchState.SETTLING)), 100)
        sleeper.send_signal(signal.SIGCONT)
        until(lambda: "batcher.turn_lost" in team.log(0), 60)
        until(some(team, lambda batch: batch.over and len(batch.twins.split()) == made - 1), 60)
        (batch,) = batches(team)
        assert (standin.standin.batching.made, batch.outcome, batch.twice_usd is None) == (made, "settled", made == 1)
        cancelled = {one.path.split("/")[-2] for one in standin.standin.received if one.path.endswith("/cancel")}
        assert cancelled == set(batch.twins.split())
        records = client.ledger.get_many(jobs)
        assert {(record.state, record.batch) for record in records} == {(State.SUCCEEDED, batch.id)}
        assert standin.standin.calls == 0


def test_two_hundred_jobs_survive_kills_and_each_is_sent_once(
    client: Client, settings: Settings, standin: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers die while a batch is being made and while one is being read: no line is sent twice, no job is lost."""
    slow = [
        Fault(fault="slow", delay_s=60.0, when=When(step="create")),
        Fault(fault="slow", delay_s=60.0, when=When(step="results")),
    ]
    standin.standin.book.replace(slow)
    go = held(standin.standin)
    with at_work(client, settings, standin, monkeypatch, most_jobs=80) as team:
        first = outside(team)
        until(collects(team), 60)
        jobs = placed(team, [f"job number {number}" for number in range(200)])
        until(some(team, lambda batch: batch.state is BatchState.SENDING and batch.tries == 1), 90)
        killed(first)
        second = outside(team)
        until(some(team, lambda batch: batch.state is BatchState.SETTLING), 60)
        killed(second)
        go.set()
        outside(team)
        for job in jobs:
            team.await_state(job, State.SUCCEEDED, State.DEAD, within_s=60)
        until(lambda: all(batch.over for batch in batches(team)), 90)
        records = client.ledger.get_many(jobs)
        assert {record.state for record in records} == {State.SUCCEEDED}, team.log(2)
        received = standin.standin.batching.lines_received
        assert set(received.values()) == {1}
        by_batch = [record for record in records if record.batch]
        assert len(received) == len({line.partition("-")[0] for line in received}) == len(by_batch)
        assert standin.standin.calls == len(records) - len(by_batch)
        assert len(by_batch) >= 80  # a whole batch; jobs that come while nobody collects go alone
        assert sum(batch.succeeded or 0 for batch in batches(team)) == len(by_batch)


def test_lines_end_as_their_calls_would_and_the_rest_goes_alone(
    client: Client, settings: Settings, standin: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, failed, untried and cancelled lines: each job ends as it should, and nothing is left at the provider."""
    book = [
        Fault(fault="content_filter", when=When(contains="refuse me", step="line")),
        Fault(fault="server_error", when=When(contains="fail me", step="line")),
        Fault(fault="expired", when=When(contains="forget me", step="line")),
        Fault(fault="missing", when=When(contains="lose me", step="line")),
        Fault(fault="slow", delay_s=4.0, when=When(step="results")),
    ]
    standin.standin.book.replace(book)
    with at_work(client, settings, standin, monkeypatch) as team:
        outside(team)
        until(collects(team), 60)
        texts = ["all is well", "refuse me", "fail me", "forget me", "lose me", "cancel me"]
        well, refused, failed, forgotten, lost, cancelled = placed(team, texts)
        # As soon as the provider has it: what it makes of the line is paid for all the same.
        until(some(team, lambda batch: batch.state in (BatchState.SENT, BatchState.SETTLING)), 90)
        client.cancel(cancelled)
        until(some(team, lambda batch: batch.over), 90)
        assert team.await_state(well, State.SUCCEEDED).batch is not None
        assert team.await_state(refused, State.DEAD).reason == "content_refused"
        team.start("janitor") if client.record(failed).state is State.WAITING else None
        for job in (failed, forgotten, lost):
            assert team.await_state(job, State.SUCCEEDED).batch is None
        record = team.await_state(cancelled, State.CANCELLED)
        assert record.cost_usd is not None
        assert record.permit is None
        result, alone = client.result(well, timeout_s=1), client.result(lost, timeout_s=1)
        assert (result.batch is None, alone.batch) == (False, None)
        share = 0.5 * (result.usage.prompt_tokens * 1.0 + result.usage.completion_tokens * 2.0) / 1_000_000
        assert result.cost_usd == pytest.approx(share)
        assert set(standin.standin.batching.lines_received.values()) == {1}
