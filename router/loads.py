"""Loads: how busy the lanes are, as this router knows it: what was counted a moment ago, and what it decided since.

Counts are kept for a moment, and the jobs of a batch are decided before they are placed: without what was decided
meanwhile, a whole burst would take the lane that looked free to its first job.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.ledger.census import Census, estimated_wait_s
from tidegate.signals import LaneLoad

RECENT_S = 0.1
"""Who asks for each of many jobs need not have each lane counted every time."""


@dataclass(frozen=True)
class _Counted:
    at: float
    loads: Mapping[str, LaneLoad]
    since: Counter[str] = field(default_factory=Counter)


class Loads:
    """Thread-safe: a router decides on several threads."""

    def __init__(self, census: Census, *, keep_s: float = RECENT_S) -> None:
        self._census = census
        self._keep_s = keep_s
        self._counted: dict[tuple[str, ...], _Counted] = {}
        """By the lanes of a policy: there are as many as there are policies."""
        self._unplaced: Counter[str] = Counter()
        self._lock = threading.Lock()

    def of(self, lanes: Iterable[str]) -> dict[str, LaneLoad]:
        """The load of each lane. Raises StoreUnavailable."""
        names = tuple(lanes)
        counted = self._recent(names)
        with self._lock:
            return {name: _with_more(load, counted.since[name]) for name, load in counted.loads.items()}

    def decided(self, lane: str) -> None:
        """A job is to be placed on this lane."""
        with self._lock:
            self._unplaced[lane] += 1
            for counted in self._counted.values():
                counted.since[lane] += 1

    def settled(self, lanes: Sequence[str]) -> None:
        """These were placed, or will not be: the next count knows of them."""
        with self._lock:
            self._unplaced.subtract(lanes)

    def _recent(self, names: tuple[str, ...]) -> _Counted:
        with self._lock:
            counted = self._counted.get(names)
        if counted is not None and time.monotonic() - counted.at < self._keep_s:
            return counted
        loads = self._census.loads(names)
        with self._lock:
            found = _Counted(time.monotonic(), loads, Counter(self._unplaced))
            self._counted[names] = found
        return found


def _with_more(load: LaneLoad, jobs: int) -> LaneLoad:
    if jobs <= 0:
        return load
    queued = load.queued + jobs
    wait_s = estimated_wait_s(queued=queued, running=load.running, slots=load.slots, service_s=load.service_s)
    return load.model_copy(update={"queued": queued, "wait_s": wait_s})
