"""Loads: how busy the lanes are for one job, as this router knows it: what was counted a moment ago, and decided since.

Counts are kept for a moment, and the jobs of a batch are decided before they are placed: without what was decided
meanwhile, a whole burst would take the lane that looked free to its first job.

The wait is this job's own: those of its lane that go before it, by class and by tenants' turns. Thousands of batch jobs
in line are no reason to send an interactive one outside. And it is the lane's gate's: its limits, its breakers.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tidegate.lane import Lane
from tidegate.ledger.census import Census
from tidegate.ledger.openings import ALWAYS, Opening, Openings
from tidegate.ledger.queued import Queued
from tidegate.signals import LaneLoad

RECENT_S = 0.1
"""Who asks for each of many jobs need not have each lane counted every time."""


class Placed(NamedTuple):
    """A job that is to be placed: all that its lane's line knows it by."""

    lane: str
    tenant: str
    latency: str


@dataclass(frozen=True)
class _Counted:
    at: float
    loads: Mapping[str, LaneLoad]
    lines: Mapping[str, Queued]
    openings: Mapping[str, Opening]
    since: Counter[Placed] = field(default_factory=Counter)


class Loads:
    """Thread-safe: a router decides on several threads."""

    def __init__(self, census: Census, openings: Openings, *, keep_s: float = RECENT_S) -> None:
        self._census = census
        self._openings = openings
        self._keep_s = keep_s
        self._counted: dict[tuple[str, ...], _Counted] = {}
        """By the lanes of a policy: there are as many as there are policies."""
        self._unplaced: Counter[Placed] = Counter()
        self._lock = threading.Lock()

    def of(self, lanes: Mapping[str, Lane], *, tenant: str, latency: str) -> dict[str, LaneLoad]:
        """The load of each lane, for a job of this tenant and class. Raises StoreUnavailable."""
        counted = self._recent(lanes)
        with self._lock:
            since = dict(counted.since)
        return {
            name: _seen_by(
                load,
                counted.lines.get(name),
                {one: count for one, count in since.items() if one.lane == name and count > 0},
                counted.openings.get(name, ALWAYS),
                tenant=tenant,
                latency=latency,
            )
            for name, load in counted.loads.items()
        }

    def decided(self, placed: Placed) -> None:
        """A job is to be placed."""
        with self._lock:
            self._unplaced[placed] += 1
            for counted in self._counted.values():
                counted.since[placed] += 1

    def settled(self, placed: Iterable[Placed]) -> None:
        """These were placed, or will not be: the next count knows of them."""
        with self._lock:
            self._unplaced.subtract(placed)
            self._unplaced += Counter()  # forgets those that are none

    def _recent(self, lanes: Mapping[str, Lane]) -> _Counted:
        names = tuple(lanes)
        with self._lock:
            counted = self._counted.get(names)
            unplaced = Counter(self._unplaced)
        if counted is not None and time.monotonic() - counted.at < self._keep_s:
            return counted
        # Who is placed while it is counted counts twice for a moment: too long a wait is the better mistake.
        loads = self._census.loads(names)
        lines = self._census.lines([name for name, load in loads.items() if load.queued])
        openings = self._openings.of(lanes.values())
        with self._lock:
            found = _Counted(time.monotonic(), loads, lines, openings, unplaced)
            self._counted[names] = found
        return found


def _seen_by(
    load: LaneLoad,
    line: Queued | None,
    more: Mapping[Placed, int],
    opening: Opening,
    *,
    tenant: str,
    latency: str,
) -> LaneLoad:
    queued = load.queued + sum(more.values())
    if not queued and opening is ALWAYS:
        return load
    ahead = queued
    if line is not None or not load.queued:
        whole = (line or Queued()).with_more((one.tenant, one.latency, count) for one, count in more.items())
        ahead = whole.ahead_of(tenant=tenant, latency=latency)
    return load.model_copy(update={"queued": queued, "wait_s": opening.wait_s(load, ahead=ahead)})
