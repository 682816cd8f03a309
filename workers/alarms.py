"""Alarms: wakes a lane when its gate has room again. One thread, and at most one alarm a lane: no job's slot waits.

An alarm that dies with its process is made good by the janitor, which wakes every lane that nobody was woken for.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LEAST_S = 0.01
"""What is due together is woken for together: whoever comes lets the next one follow at once."""


@dataclass
class Alarms:
    """Thread-safe. Its thread lives while an alarm is set."""

    wake: Callable[[str, str], None]
    """Wake somebody who serves this lane, for this job."""
    _due: dict[str, tuple[float, str]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def set(self, lane: str, job_id: str, *, in_s: float) -> None:
        """Wake this lane then; an alarm of the lane that comes sooner stands."""
        at = time.monotonic() + max(LEAST_S, in_s)
        with self._changed:
            if lane in self._due and self._due[lane][0] <= at:
                return
            self._due[lane] = (at, job_id)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._ring, name="alarms", daemon=True)
                self._thread.start()

    def _ring(self) -> None:
        while (found := self._next()) is not None:
            self.wake(*found)

    def _next(self) -> tuple[str, str] | None:
        """The next lane and job, when they are due; None where there are none."""
        with self._changed:
            while self._due:
                lane = min(self._due, key=lambda name: self._due[name][0])
                at, job_id = self._due[lane]
                left_s = at - time.monotonic()
                if left_s <= 0:
                    del self._due[lane]
                    return lane, job_id
                self._changed.wait(left_s)
            self._thread = None
            return None
