"""One wake-up fills a gated lane's free slots: whoever finds more to do begins it beside himself."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery import Celery
from doubles import RecordingDoorbell, answer, lane
from test_running import BOUND_S, Bench

from tidegate.client import Client
from tidegate.deployment import Limits
from tidegate.ledger.states import State
from tidegate.result import Answer
from tidegate.settings import Settings
from tidegate.slots import Room, Spare, pool_of
from workers.backend import Run

SLOTS = 8
QUEUE = "tidegate.lane.wide"
WIDE = lane("wide", limits=Limits(concurrent=100), concurrency=SLOTS)
NARROW = lane("narrow", concurrency=SLOTS)


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Bench:
    """A bench on an empty store; what it rings nobody hears."""
    return Bench(client, settings, doorbell)


def meeting(count: int) -> Any:
    """A backend whose first answers wait until so many are asked for at once."""
    met, calls = threading.Barrier(count), iter(range(1000))

    def said(_run: Run, _stop: threading.Event) -> Answer:
        if next(calls) < count:
            met.wait(BOUND_S)
        return answer()

    return said


def test_one_wake_up_fills_the_slots(bench: Bench) -> None:
    """As many jobs as there are slots are in flight together, though no other wake-up is delivered; each runs once."""
    ids = [bench.place("wide") for _ in range(SLOTS + 1)]  # the last is for the wake-up that is under way
    worker = bench.worker(meeting(SLOTS), wide=WIDE)
    with ThreadPoolExecutor(SLOTS - 1) as pool:
        worker.spare.by(lambda _queue, work: bool(pool.submit(work)))
        worker.run(ids[0], lane="wide")
    records = bench.ledger.get_many(ids)
    assert {record.state for record in records} == {State.SUCCEEDED}
    assert {record.attempts for record in records} == {1}
    assert len(bench.doorbell.rings) <= SLOTS


def test_one_job_needs_nobody_else(bench: Bench) -> None:
    """Where nothing is left, no slot is lent and no wake-up is sent; a lane without a gate lends none at all."""
    lent: list[str] = []
    for name, jobs in (("wide", 1), ("narrow", 3)):
        ids = [bench.place(name) for _ in range(jobs)]
        worker = bench.worker(lambda _run, _stop: answer(), wide=WIDE, narrow=NARROW)
        worker.spare.by(lambda queue, _work: bool(lent.append(queue)))
        worker.run(ids[0], lane=name)
        assert bench.ledger.get(ids[-1]).state is State.SUCCEEDED
        if name == "wide":
            assert bench.doorbell.rings == []
    assert lent == []


def test_a_pool_lends_all_but_the_last_slot() -> None:
    """That is for who comes with a message: so that a full lane's queue is shut where messages are read."""
    pool = pool_of([Room(frozenset({QUEUE}), 3)])(limit=1, app=Celery("x"))
    held, done = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        held.wait(BOUND_S)
        done.release()

    pool.freed = done.release
    spare = Spare()
    assert not spare.use(QUEUE, work)
    spare.by(pool.lend)
    assert [spare.use(QUEUE, work) for _ in range(3)] == [True, True, False]
    assert not spare.use("no such queue", work)
    held.set()
    for _ in range(4):  # both ended, and both slots are free again
        assert done.acquire(timeout=BOUND_S)
    assert spare.use(QUEUE, _fails)
    assert done.acquire(timeout=BOUND_S)
    assert spare.use(QUEUE, work)
    pool.on_stop()
    assert not spare.use(QUEUE, work)


def _fails() -> None:
    raise ValueError("of nobody's concern")
