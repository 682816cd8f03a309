"""Rows -> outcomes: what the inspection said of each row, and its processor time. In this process or in several."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import islice

from router.evaluation.rows import Row
from tidegate.job import Job
from tidegate.signals import Level, Sensitivity

Look = Callable[[Job], Sensitivity]
"""One job's sensitivity. Whatever it raises counts as `unknown`, as it does in the router."""

Open = Callable[[], AbstractContextManager[Look]]
"""Opens the detectors, which takes seconds. To be used in other processes it must be importable by name."""

CHUNK_ROWS = 16
AHEAD = 4
"""Chunks that wait for a process: enough that none is idle, few enough that stopping takes no time."""

WARM_UP = "warm up: call +1 212 555 0199, account 12345678"


@dataclass(frozen=True)
class Outcome:
    """What was said of a row. Where it came from is the row's business: outcomes come in the order of the rows."""

    level: Level
    types: tuple[str, ...]
    cause: str | None
    cpu_s: float
    chars: int

    @property
    def inside(self) -> bool:
        """Whether the job stays inside."""
        return self.level.sensitive


def outcomes(rows: Sequence[Row], *, opener: Open, jobs: int = 1) -> Iterator[Outcome]:
    """An outcome for each row, in order, as they come."""
    if jobs == 1:
        with opener() as look:
            _safely(look, Job(text=WARM_UP))
            yield from _look_at(rows, look)
        return
    yield from _in_processes(rows, opener=opener, jobs=jobs)


def _look_at(rows: Sequence[Row], look: Look) -> Iterator[Outcome]:
    for row in rows:
        started = time.process_time()
        found = _safely(look, row.job)
        cpu_s = time.process_time() - started
        yield Outcome(found.level, found.types, found.cause, cpu_s, _chars(row.job))


def _safely(look: Look, job: Job) -> Sensitivity:
    try:
        return look(job)
    except Exception as exc:  # noqa: BLE001 -- as in the router: whatever it is, nobody could tell
        return Sensitivity(level=Level.UNKNOWN, cause=f"inspection: {type(exc).__name__}")


def _chars(job: Job) -> int:
    return sum(len(turn.text) for turn in job.turns())


def _in_processes(rows: Sequence[Row], *, opener: Open, jobs: int) -> Iterator[Outcome]:
    """New processes instead of forks: a fork would copy threads' locks."""
    chunks = (rows[at : at + CHUNK_ROWS] for at in range(0, len(rows), CHUNK_ROWS))
    pool = ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_open, initargs=(opener,)
    )
    try:
        waiting: list[Future[list[Outcome]]] = [pool.submit(_chunk, chunk) for chunk in islice(chunks, jobs * AHEAD)]
        while waiting:
            done = waiting.pop(0).result()
            waiting.extend(pool.submit(_chunk, chunk) for chunk in islice(chunks, 1))
            yield from done
    except BaseException:
        _stop(pool)
        raise
    pool.shutdown()


def _stop(pool: ProcessPoolExecutor) -> None:
    """At once: somebody pressed Ctrl-C, or nobody wants the rest."""
    processes = list((pool._processes or {}).values())  # noqa: SLF001 -- 3.11 has no other way to end them
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


_held = ExitStack()
_opened: list[Look] = []
"""A worker process's detectors, for as long as it lives."""


def _open(opener: Open) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends this process
    look = _held.enter_context(opener())  # for the life of the process: whoever drops it closes it
    _opened[:] = [look]
    _safely(look, Job(text=WARM_UP))


def _chunk(rows: Sequence[Row]) -> list[Outcome]:
    return list(_look_at(rows, _opened[0]))
