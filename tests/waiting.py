"""Waiting for what other processes and threads do: for the event, and never for a length of time."""

import time
from collections.abc import Callable


def came_true(holds: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    """Whether something became true in good time."""
    until = time.monotonic() + within_s
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()
