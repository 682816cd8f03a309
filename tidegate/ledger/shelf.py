"""The shelf: dead letters in the store, read page by page however many; and what is told of them beside moves."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from tidegate.connections import StoreClient
from tidegate.errors import UnknownJob
from tidegate.ledger.faults import store_errors


class Shelf:
    """The dead letters in the store. Every method raises StoreUnavailable where it does not answer."""

    def __init__(self, client: StoreClient, *, keep_s: float, prefix: str) -> None:
        self._redis = client
        self._keep_s = keep_s
        self._prefix = prefix
        self._index = f"{prefix}:dead"
        self._tell = client.register_script(_text("journal.lua") + _text("tell.lua"))

    def ids(self, *, until: float = math.inf, page: int = 500) -> Iterator[list[str]]:
        """The ids of all dead letters that died by `until`, the oldest first, page by page.

        Letters may come and go meanwhile: none is told twice, and none that stays is passed over.
        """
        since, told = -math.inf, frozenset[bytes]()
        while True:
            # Whoever died in the same microsecond as the last one told is read again, and known.
            with store_errors():
                found = self._redis.zrange(
                    self._index,
                    repr(since),
                    repr(until),
                    byscore=True,
                    offset=0,
                    num=page + len(told),
                    withscores=True,
                )
            fresh = [(job_id, at) for job_id, at in found if job_id not in told]
            if not fresh:
                return
            yield [job_id.decode() for job_id, _ in fresh]
            last = fresh[-1][1]
            told = frozenset(job_id for job_id, at in found if at == last)
            since = last

    def figures(self) -> tuple[int, float | None]:
        """How many there are, and how many seconds ago the oldest of them died; in two round trips, however many."""
        with store_errors():
            seconds, micros = self._redis.time()
            now = float(seconds) + float(micros) / 1e6
            with self._redis.pipeline(transaction=False) as pipe:
                since = now - self._keep_s  # what is older has expired, and is taken off the index later
                pipe.zcount(self._index, since, "+inf")
                pipe.zrange(self._index, since, "+inf", byscore=True, offset=0, num=1, withscores=True)
                count, oldest = pipe.execute()
        return int(count), max(0.0, now - oldest[0][1]) if oldest else None

    def glance(self, job_ids: Iterable[str], names: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Some fields of each record that exists, in one round trip: for lists, which need not read decisions."""
        ids = list(job_ids)
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hmget(self._job(job_id), names)
            rows = pipe.execute()
        for job_id, row in zip(ids, rows, strict=True):
            found = {name: value.decode() for name, value in zip(names, row, strict=True) if value is not None}
            if found:
                yield job_id, found

    def tell(self, job_id: str, move: str, *, note: Mapping[str, Any]) -> None:
        """Put on a job's history, and into the audit log, what was done with it beside its moves. Raises UnknownJob."""
        args = [self._prefix, job_id, move, json.dumps(dict(note), separators=(",", ":"))]
        with store_errors():
            known = self._tell(keys=[self._job(job_id)], args=args)
        if not known:
            raise UnknownJob(f"no job {job_id} is on record")

    def _job(self, job_id: str) -> str:
        return f"{self._prefix}:job:{job_id}"


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
