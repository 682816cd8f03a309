"""A producer: submits jobs and notes outside of the system what was accepted, and what it later saw of each.

Its file is append-only and flushed to the disk before a job counts as accepted. `python -m chaos.producer` is one.
"""

import itertools
import json
import os
import random
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from chaos import jobs
from chaos.jobs import Made
from tidegate.client import Client
from tidegate.errors import TidegateError, Unavailable
from tidegate.job import Job
from tidegate.ledger.states import ENDS
from tidegate.names import STORE_PREFIX

WINDOW = 600
"""Jobs that one producer has open at a time: a backlog hides how long recovery takes."""

LOOK_EVERY_S = 0.5
PATIENCE_S = 240.0
"""How long a producer tries to submit one job before it gives up, and says so."""

_TWICE = 0.02
"""The share of jobs that are submitted once more, as by a producer that has lost the answer."""


class Book:
    """The ledger outside: a line when a job is accepted, and a line when its end is first seen."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def accepted(self, job_id: str, made: Made) -> None:
        """A submit was answered."""
        self._write({"id": job_id, "kind": made.kind, "marker": made.marker, "at": time.time()})
        os.fsync(self._file.fileno())

    def ended(self, job_id: str, state: str, result: str | None) -> None:
        """An end was seen."""
        self._write({"end": job_id, "state": state, "result": result, "at": time.time()})

    def note(self, **what: Any) -> None:
        """Anything that should not happen."""
        self._write({"note": what})

    def close(self) -> None:
        """No more lines."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def persistently(client: Client, job: Job, *, patience_s: float = PATIENCE_S) -> str:
    """Submit as a patient producer does: what does not answer is asked again, with the same idempotency key."""
    until = time.monotonic() + patience_s
    while True:
        try:
            return client.submit(job)
        except Unavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


class Producer:
    """One producer's loop."""

    def __init__(self, client: Client, book: Book, *, rng: random.Random, name: str, kind: str | None) -> None:
        self._client = client
        self._book = book
        self._rng = rng
        self._name = name
        self._kind = kind
        self._open: deque[str] = deque()
        self._looked_at = 0.0

    def run(self, *, count: int, rate: float, stop: Path) -> None:
        """Submit so many jobs at that rate, and more until it is told to stop: faults without load show nothing."""
        began = time.monotonic()
        for number in itertools.count():
            if number >= count and stop.exists():
                break
            self._submit(number)
            self._look()
            while len(self._open) >= WINDOW:
                time.sleep(LOOK_EVERY_S)
                self._look(now=True)
            time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
        self._book.note(done=self._name)

    def _submit(self, number: int) -> None:
        made = jobs.make(self._rng, key=f"{self._name}-{number}", kind=self._kind)
        try:
            job_id = persistently(self._client, made.job)
            self._book.accepted(job_id, made)
            self._open.append(job_id)
            if self._rng.random() < _TWICE and (again := persistently(self._client, made.job)) != job_id:
                self._book.note(forked=[job_id, again])
        except TidegateError as exc:
            self._book.note(refused=f"{type(exc).__name__}: {exc}")

    def _look(self, *, now: bool = False) -> None:
        if not now and time.monotonic() < self._looked_at + LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        for ids in _batches(self._open, 300):
            for job_id, state, result in self._states(ids):
                if state in ENDS:
                    self._book.ended(job_id, state, result)
                else:
                    self._open.append(job_id)

    def _states(self, ids: list[str]) -> list[tuple[str, str | None, str | None]]:
        try:
            with self._client.ledger.redis.pipeline(transaction=False) as pipe:
                for job_id in ids:
                    pipe.hmget(f"{STORE_PREFIX}:job:{job_id}", "state", "result")
                rows = pipe.execute()
        except Exception:  # noqa: BLE001 - the store is away: ask again later
            return [(job_id, None, None) for job_id in ids]
        texts = ([value.decode() if value else None for value in row] for row in rows)
        return [(job_id, state, result) for job_id, (state, result) in zip(ids, texts, strict=True)]


def main(argv: list[str]) -> None:
    """`SEED NUMBER COUNT RATE FILE STOP [KIND]`, and the settings in the environment."""
    seed, number, count, rate, file, stop, *kind = argv
    client, book = Client(), Book(Path(file))
    rng = random.Random(f"{seed}:{number}")
    producer = Producer(client, book, rng=rng, name=f"p{number}-{seed}", kind=kind[0] if kind else None)
    producer.run(count=int(count), rate=float(rate), stop=Path(stop))
    book.close()


def _batches(queue: deque[str], size: int) -> Iterator[list[str]]:
    """The queue's present members, taken off it."""
    present = [queue.popleft() for _ in range(len(queue))]
    for start in itertools.count(0, size):
        if batch := present[start : start + size]:
            yield batch
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1:])
