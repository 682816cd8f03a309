"""One system under load: jobs a second from enqueue to result, one at a time, and who spent the processor's time."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plain
import psutil
from celery import Celery
from fleet import Pids

from tidegate.client import Client
from tidegate.job import Job

PATIENCE_S = 600.0
TEXT = "Is this urgent? Answer yes or no. Ticket {}: the printer on the second floor is out of paper."


@dataclass(frozen=True)
class System:
    """How a producer enqueues many jobs and waits for a result."""

    enqueue: Callable[[int], Sequence[Any]]
    wait: Callable[[Any], object]
    pids: Pids


def of_tidegate(client: Client, pids: Pids) -> System:
    """Jobs one by one, as a producer submits them that has one at a time."""
    return System(
        enqueue=lambda count: [client.submit(Job(text=TEXT.format(number))) for number in range(count)],
        wait=lambda job_id: client.result(job_id, timeout_s=PATIENCE_S),
        pids=pids,
    )


def of_tidegate_in_bulk(client: Client, pids: Pids) -> System:
    """All jobs with one `submit_many`."""
    return System(
        enqueue=lambda count: client.submit_many(Job(text=TEXT.format(number)) for number in range(count)),
        wait=lambda job_id: client.result(job_id, timeout_s=PATIENCE_S),
        pids=pids,
    )


def of_celery(app: Celery, pids: Pids) -> System:
    """The same text as an argument, in clear."""
    task = app.tasks[plain.TASK]
    return System(
        enqueue=lambda count: [task.delay(TEXT.format(number)) for number in range(count)],
        wait=lambda result: result.get(timeout=PATIENCE_S),
        pids=pids,
    )


def throughput(system: System, *, jobs: int) -> dict[str, Any]:
    """Jobs a second from the first enqueue to the last result, and processor time a job by process."""
    for warm in system.enqueue(min(50, jobs)):
        system.wait(warm)
    before, began = _cpu_s(system.pids), time.perf_counter()
    waiting = system.enqueue(jobs)
    enqueued = time.perf_counter()
    for one in waiting:
        system.wait(one)
    ended = time.perf_counter()
    after = _cpu_s(system.pids)
    return {
        "jobs_per_s": round(jobs / (ended - began), 1),
        "enqueued_per_s": round(jobs / (enqueued - began), 1),
        "cpu_ms_per_job": {name: round((after[name] - before[name]) * 1000 / jobs, 2) for name in after},
    }


def one_at_a_time(system: System, *, jobs: int) -> dict[str, float]:
    """Milliseconds from enqueue to result, where nothing else is going on."""
    took = []
    for _ in range(jobs):
        began = time.perf_counter()
        system.wait(system.enqueue(1)[0])
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return {"p50_ms": round(took[len(took) // 2], 1), "p99_ms": round(took[int(len(took) * 0.99)], 1)}


def _cpu_s(pids: Pids) -> Mapping[str, float]:
    """Seconds of processor time by process; a prefork worker's children count as the worker."""
    return {name: _spent_s(psutil.Process(pid)) for name, pid in {**pids, "producer": os.getpid()}.items()}


def _spent_s(process: psutil.Process) -> float:
    family = [process] if process.pid == os.getpid() else [process, *process.children(recursive=True)]
    times = [one.cpu_times() for one in family]
    return sum(one.user + one.system for one in times)
