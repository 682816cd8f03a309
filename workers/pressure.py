"""Pressure: what the janitor measures for admission, and a script could not: the longest wait, the ends a second."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.ledger.census import Census
from tidegate.ledger.pressure import Pressure

EVERY_S = 2.0
_WEIGHT = 0.2
"""Of the newest measurement in the smoothed pace: about half a minute of memory."""


@dataclass(kw_only=True)
class Gauge:
    """Measures every few seconds, however often it is called. Raises Unavailable."""

    census: Census
    pressure: Pressure
    clock: Callable[[], float] = time.monotonic
    _last: tuple[float, int] | None = field(default=None, init=False)
    _ends_per_s: float = field(default=0.0, init=False)

    def __call__(self) -> None:
        """Measure, where it is time to."""
        now = self.clock()
        if self._last is not None and now - self._last[0] < EVERY_S:
            return
        ended = sum(self.census.totals().values())
        if self._last is not None:
            pace = max(0, ended - self._last[1]) / (now - self._last[0])  # a redrive takes an end back
            self._ends_per_s += _WEIGHT * (pace - self._ends_per_s)
        self._last = (now, ended)
        self.pressure.measured(oldest_s=self._oldest_s(), ends_per_s=self._ends_per_s)

    def _oldest_s(self) -> float:
        """Of jobs that somebody works on: those of a lane without a worker say nothing about the pace of the others."""
        served = {lane for worker in self.census.workers() for lane in worker.lanes} | {"intake"}
        return max(load.oldest_s for load in self.census.loads(sorted(served)).values())
