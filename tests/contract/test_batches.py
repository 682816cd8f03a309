"""A lane's batches on a real store, with a provider in memory: each job ends once, whoever dies at whichever step."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from batching import TROUBLES, Bench, FakeProvider, Killed, Trouble, batch_lane
from doubles import RecordingDoorbell
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import Unavailable
from tidegate.ledger.batches import BatchState
from tidegate.ledger.states import State
from tidegate.settings import Settings
from workers.managed.batches.batcher import Batcher

ROUNDS = 60
"""More than any of these batches needs."""


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Iterator[Bench]:
    """A bench on an empty store."""
    with contextlib.closing(Bench(client, settings, doorbell)) as made:
        yield made


def worked(bench: Bench, batcher: Batcher, *, rounds: int = ROUNDS) -> None:
    """Let batcher and ordinary worker work by turns until nothing is open."""
    for _ in range(rounds):
        with contextlib.suppress(Unavailable):
            batcher.round()
        bench.work_alone()
        release(bench)
        if not bench.ledger.batches.under_way(bench.lane.name) and not open_jobs(bench):
            return
    raise AssertionError(f"after {rounds} rounds there are still {open_jobs(bench)}")


def release(bench: Bench) -> None:
    """What waits for another try tries at once."""
    for job_id in bench.ledger.redis.zrange(f"tg:in:waiting:{bench.lane.name}", 0, -1):
        record = bench.ledger.get(job_id.decode())
        bench.ledger.apply(record.id, states.release(rev=record.rev, nudge_s=10.0))


def open_jobs(bench: Bench) -> Counter[str]:
    """How many are in which room."""
    redis = bench.ledger.redis
    return Counter({key.decode(): redis.zcard(key) for key in redis.keys("tg:in:*") if redis.zcard(key)})


def test_batch_jobs_are_answered_by_one_batch_at_half_the_price(bench: Bench) -> None:
    """Jobs of latency `batch` share a batch; an interactive one beside them is called at once."""
    batcher = bench.batcher()
    batcher.round()  # from now on somebody collects
    jobs = [bench.place() for _ in range(5)]
    urgent = bench.place(latency="interactive")
    bench.work_alone()
    assert bench.client.record(urgent).state is State.SUCCEEDED
    assert {bench.client.record(job).state for job in jobs} == {State.BATCHED}
    worked(bench, batcher)
    assert bench.calls == {urgent: 1}
    assert bench.provider.lines == dict.fromkeys(jobs, 1)
    result, alone = bench.client.result(jobs[0], timeout_s=1), bench.client.result(urgent, timeout_s=1)
    (batch,) = bench.ledger.batches.all()
    assert (result.text, result.batch, alone.batch) == ("from a batch", batch.id, None)
    assert result.cost_usd == pytest.approx(alone.cost_usd / 2)
    assert bench.client.record(jobs[0]).batch == batch.id
    assert (batch.state, batch.outcome, batch.jobs, batch.succeeded) == (BatchState.DONE, "settled", 5, 5)
    assert bench.provider.uploads == []


@dataclass(frozen=True)
class Story:
    """What becomes of each job's line, at which step what befalls, and whether the first job is cancelled."""

    fates: list[str]
    troubles: dict[int, str]
    most_jobs: int
    cancelled: bool


STORIES = st.builds(
    Story,
    fates=st.lists(st.sampled_from(["answered", "answered", "error", "expired", "missing"]), min_size=1, max_size=5),
    troubles=st.dictionaries(st.integers(1, 120), st.sampled_from(sorted(TROUBLES)), max_size=6),
    most_jobs=st.integers(1, 4),
    cancelled=st.booleans(),
)


@given(story=STORIES)
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_job_ends_once_whatever_befalls(
    settings: Settings, doorbell: RecordingDoorbell, client: Client, redis: StoreClient, story: Story
) -> None:
    """Processes die, networks and stores fail before and after each step: no job is lost, none is sent twice."""
    redis.flushdb()
    made = Bench(client, settings, doorbell, lane=batch_lane(most_jobs=story.most_jobs))
    with contextlib.closing(made) as bench:
        _befallen(bench, story)


def _befallen(bench: Bench, story: Story) -> None:
    trouble = Trouble(at={step: TROUBLES[name] for step, name in story.troubles.items()})
    bench.batcher().round()  # its turn lasts, so that jobs are set aside
    jobs = [bench.place() for _ in story.fates]
    bench.provider = FakeProvider(fates=dict(zip(jobs, story.fates, strict=True)))
    bench.work_alone()
    if story.cancelled:
        bench.client.cancel(jobs[0])
    for _ in range(len(story.troubles) + 1):
        with contextlib.suppress(Killed):
            worked(bench, bench.batcher(trouble))
            break
    ends = {job: [event.move for event in bench.ledger.history(job) if event.state.ended] for job in jobs}
    wanted = {job: ["cancelled"] if story.cancelled and job == jobs[0] else ["succeeded"] for job in jobs}
    assert ends == wanted
    assert all(count == 1 for count in bench.provider.lines.values())
    for job, fate in bench.provider.fates.items():
        by_batch = bench.client.record(job).batch is not None
        if wanted[job] == ["succeeded"] and fate == "answered":
            assert by_batch != bool(bench.calls[job])  # paid for once
        if wanted[job] == ["succeeded"] and fate != "answered":
            assert bench.calls[job] == 1
    assert bench.provider.uploads == []
