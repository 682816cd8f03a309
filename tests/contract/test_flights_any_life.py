"""Whatever happens to jobs that share calls, in whatever order: none is forgotten, and each ends once."""

import random
from typing import Any

import pytest
from doubles import RecordingDoorbell
from flying import ENDS, Bench, bench_of
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from tidegate.client import Client
from tidegate.job import Job
from tidegate.ledger import states
from tidegate.ledger.line import Taken
from tidegate.ledger.states import State
from tidegate.settings import Settings

STEPS = st.lists(
    st.tuples(st.sampled_from(["place", "take", "finish", "lose", "end", "cancel", "look"]), st.integers(0, 99)),
    min_size=5,
    max_size=40,
)
JOBS = [Job(text="one"), Job(text="one", tenant="other"), Job(text="two")]
WAYS = list(ENDS.values())


class Life:
    """Jobs of a lane, and the runs that are under way."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.jobs: list[str] = []
        self.running: list[Taken] = []

    def place(self, number: int) -> None:
        """One more job."""
        self.jobs.append(self.bench.place(JOBS[number % len(JOBS)]))

    def take(self, _: int) -> None:
        """The next run."""
        if (taken := self.bench.take()) is not None:
            self.running.append(taken)

    def finish(self, number: int) -> None:
        """A run has an answer; its process may have lost its lease."""
        if (taken := self._one(number)) is not None:
            self.bench.finish(taken)

    def lose(self, number: int) -> None:
        """A run has an answer, and its worker dies before the others have it."""
        if (taken := self._one(number)) is not None:
            self.bench.client.ledger.apply(
                taken.record.id, states.succeed(fence=taken.claim.fence, changes={}, note={})
            )

    def end(self, number: int) -> None:
        """A run has none."""
        if (taken := self._one(number)) is not None:
            self.bench.client.ledger.apply(taken.record.id, WAYS[number % len(WAYS)](taken.claim))

    def cancel(self, number: int) -> None:
        """A producer no longer wants it."""
        waiting = [one for one in self.jobs if self.bench.client.record(one).state in (State.WAITING, State.PLACED)]
        if waiting:
            self.bench.client.cancel(waiting[number % len(waiting)])

    def look(self, _: int) -> None:
        """The janitor, much later."""
        redis = self.bench.client.ledger.redis
        for job_id in self.jobs:
            if self.bench.client.record(job_id).state is State.WAITING:
                redis.zadd("tg:agenda", {job_id: 1})
                redis.hset(f"tg:job:{job_id}", "look_at", "1")
        self.bench.janitor.sweep()

    def _one(self, number: int) -> Taken | None:
        return self.running.pop(number % len(self.running)) if self.running else None

    def nobody_is_forgotten(self) -> None:
        """Who waits for an answer waits for a run, or is looked at soon; and whoever is open is on the agenda."""
        ledger = self.bench.client.ledger
        for job_id in self.jobs:
            record = ledger.get(job_id)
            if not record.state.ended:
                assert ledger.redis.zscore("tg:agenda", job_id) is not None
            if record.state is State.WAITING and record.joined:
                leader = ledger.get(record.joined)
                soon = record.look_at is not None and record.look_at <= ledger.now() + 15
                assert leader.state is State.RUNNING or soon


@pytest.mark.timeout(300)
@profile(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, seed=st.integers(0, 1000))
def test_any_life_ends(client: Client, settings: Settings, doorbell: RecordingDoorbell, steps: Any, seed: int) -> None:
    """And nothing of it is left in the store."""
    client.ledger.redis.flushdb()
    client._keys_checked = None
    bench = bench_of(client, settings, doorbell)
    life, chance = Life(bench), random.Random(seed)
    for name, number in steps:
        getattr(life, name)(number)
        life.nobody_is_forgotten()
    for _ in range(100):
        life.look(0)
        life.take(0)
        if not life.running and all(bench.client.record(one).state.ended or _gone(bench, one) for one in life.jobs):
            break
        if life.running:
            life.finish(chance.randrange(99))
    for job_id in life.jobs:
        record = bench.client.record(job_id)
        assert record.state.ended or record.lane != "far"
        if record.state is State.SUCCEEDED and record.result is not None:
            assert bench.client.result(job_id).job_id == job_id
    assert bench.keys("followers") == []


def _gone(bench: Bench, job_id: str) -> bool:
    """On to another lane, which nobody serves here."""
    return bench.client.record(job_id).lane != "far"
