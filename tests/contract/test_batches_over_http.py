"""Whole batches over real HTTP, by each provider's adapter, with a stand-in that fails where it hurts."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from batching import Bench, batch_lane
from doubles import RecordingDoorbell

from tidegate.client import Client
from tidegate.job import Hints, Job
from tidegate.lane import Lane
from tidegate.ledger.states import State
from tidegate.settings import Settings
from workers.managed.batches.api import open_batches
from workers.managed.batches.batcher import Batcher
from workers.standin.faults import Fault, When
from workers.standin.server import Running

BACKENDS = ("openai", "openai_responses", "azure", "anthropic")


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any will do."""
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setattr("workers.managed.batches.azure.LOOK_S", 0.01)


@pytest.fixture(params=BACKENDS)
def bench(
    request: pytest.FixtureRequest, client: Client, settings: Settings, doorbell: RecordingDoorbell, standin: Running
) -> Iterator[Bench]:
    """A lane of each provider's."""
    told = {"api_version": "2024-10-21"} if request.param == "azure" else {}
    lane = batch_lane(of_lane={"backend": request.param, "model": "m-1", "base_url": standin.url, **told})
    with contextlib.closing(Bench(client, settings, doorbell, lane=lane)) as made:
        yield made


def batcher_of(bench: Bench) -> Batcher:
    """A process that calls the stand-in, and has the turn."""
    made = bench.batcher(open_api=lambda lane, deployment: open_batches(lane, deployment, bench.settings))
    made.round()
    return made


def worked(bench: Bench, batcher: Batcher, standin: Running) -> None:
    """Until no batch is under way; the provider's time passes with each round."""
    for _ in range(60):
        batcher.round()
        for batch in standin.standin.batching.batches.values():
            batch.look()
        bench.work_alone()
        if bench.ledger.batches.all() and not bench.ledger.batches.under_way("api"):
            return
    raise AssertionError([str(batch) for batch in bench.ledger.batches.all()])


def fault(name: Any, step: Any, **given: Any) -> Fault:
    """One, once, at this step."""
    return Fault(fault=name, when=When(step=step), **given)


TROUBLES = {
    "none": [],
    "the maker never hears of it": [fault("dropped", "create")],
    "it is refused for now": [fault("rate_limited", "create", retry_after_s=0.01), fault("overloaded", "create")],
    "nobody can look": [fault("server_error", "poll"), fault("dropped", "poll")],
    "the results break off": [fault("dropped", "results"), fault("server_error", "results")],
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_line_is_sent_once_and_answers_its_job(bench: Bench, standin: Running, trouble: str) -> None:
    """Whatever befalls at the provider: no line is there twice, and each job has the answer of its own line."""
    standin.standin.book.replace(TROUBLES[trouble])
    batcher = batcher_of(bench)
    jobs = [bench.place() for _ in range(12)]
    worked(bench, batcher, standin)
    received = standin.standin.batching.lines_received
    assert {line.partition("-")[0] for line in received} == set(jobs)
    assert set(received.values()) == {1}
    assert {bench.client.record(job).state for job in jobs} == {State.SUCCEEDED}
    (batch,) = bench.ledger.batches.all()
    assert (batch.outcome, batch.succeeded) == ("settled", 12)
    assert bench.calls == {}


def test_a_server_without_a_batch_api_gets_calls(bench: Bench, standin: Running) -> None:
    """404 for the first thing that is asked: all jobs are called alone."""
    bench.lane = Lane.model_validate(bench.lane.model_dump() | {"base_url": f"{standin.url}/elsewhere"})
    batcher = batcher_of(bench)
    jobs = [bench.place() for _ in range(3)]
    worked(bench, batcher, standin)
    assert bench.calls == dict.fromkeys(jobs, 1)
    assert bench.ledger.batches.all()[0].outcome == "refused"


@pytest.mark.parametrize("bench", ["azure"], indirect=True)
def test_what_only_calls_take_is_called(bench: Bench, standin: Running) -> None:
    """Azure's batches make no embeddings: such a job is in none, and no dead letter."""
    batcher = batcher_of(bench)
    job = bench.place(Job(input=("a text",), hints=Hints(latency="batch", deadline_s=7200.0)))
    bench.work_alone()
    worked(bench, batcher, standin)
    assert bench.client.record(job).state is State.SUCCEEDED
    assert bench.calls == {job: 1}
    assert standin.standin.batching.batches == {}


def test_lines_ask_for_the_batch_s_own_model(bench: Bench, standin: Running) -> None:
    """Azure's batches go to deployments of their own kind; the costs of a line are the lane's all the same."""
    batch = bench.lane.batch
    assert batch is not None
    told = bench.lane.model_dump() | {"batch": batch.model_dump() | {"model": "m-batch"}}
    bench.lane = Lane.model_validate(told)
    batcher = batcher_of(bench)
    job = bench.place()
    bench.work_alone()
    worked(bench, batcher, standin)
    assert any(b'"m-batch"' in one.body for one in standin.standin.received)
    assert not any(b'"m-1"' in one.body for one in standin.standin.received)
    assert (bench.client.record(job).cost_usd or 0) > 0


def test_a_key_that_is_missing_makes_no_batch(bench: Bench, standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent without a key; the jobs go the ordinary way, where each meets the same."""
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name)
    batcher = batcher_of(bench)
    jobs = [bench.place() for _ in range(3)]
    worked(bench, batcher, standin)
    assert bench.calls == dict.fromkeys(jobs, 1)
    (batch,) = bench.ledger.batches.all()
    assert (batch.outcome, batch.cause) == ("refused", "AuthFailed")
