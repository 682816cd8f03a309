"""How long one call may take, and the wish to stop it: every wait of the backend goes through here."""

import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager, suppress
from typing import TypeVar

from tidegate.errors import RunTimedOut

T = TypeVar("T")

LOOK_S = 0.05
"""How often a wait looks at the stop event; an answer wakes it at once."""


class Patience:
    """Until a deadline, or until somebody says stop."""

    def __init__(self, timeout_s: float, *, stop: threading.Event) -> None:
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._stop = stop

    @property
    def left_s(self) -> float:
        """What is left until the deadline."""
        return max(0.0, self._deadline - time.monotonic())

    def check(self) -> None:
        """Raises RunTimedOut where there is no patience left."""
        if self._stop.is_set():
            raise RunTimedOut("cancelled")
        if time.monotonic() >= self._deadline:
            raise RunTimedOut(f"no answer within {self._timeout_s:g} s")

    def wait_for(self, future: Future[T]) -> T:
        """The future's value. Raises what it holds, or RunTimedOut."""
        while True:
            self.check()
            try:
                return future.result(timeout=self._look_s())
            except NotYet:
                if future.done():  # the future's own error
                    raise

    def next_of(self, arrivals: "queue.SimpleQueue[T]") -> T:
        """What arrives next. Raises RunTimedOut."""
        while True:
            self.check()
            with suppress(queue.Empty):
                return arrivals.get(timeout=self._look_s())

    @contextmanager
    def turn(self, lock: threading.Lock) -> Iterator[None]:
        """Hold the lock. Raises RunTimedOut where it did not come free."""
        while not lock.acquire(timeout=self._look_s()):
            self.check()
        try:
            yield
        finally:
            lock.release()

    def sleep_until(self, moment: float) -> None:
        """Wait for a moment of the monotonic clock. Raises RunTimedOut."""
        while (left := moment - time.monotonic()) > 0:
            self.check()
            self._stop.wait(min(left, self._look_s()))

    def _look_s(self) -> float:
        return max(0.0, min(LOOK_S, self._deadline - time.monotonic()))
