"""Upkeep: what a router does beside routing: it settles copies, and removes recorded decisions past their time."""

import itertools
import threading
from dataclasses import dataclass

from router.recorded import Decisions
from router.shadow import Shadows
from tidegate.errors import Unavailable
from tidegate.logs import logger

PERIOD_S = 1.0
_TRIM_EVERY = 600

log = logger(__name__)


@dataclass(frozen=True)
class Upkeep:
    """One router's share: each may do all of it, and doing it twice changes nothing."""

    shadows: Shadows
    decisions: Decisions

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop. A store that does not answer is waited for."""
        for turn in itertools.count():
            try:
                self.shadows.settle()
                if turn % _TRIM_EVERY == 0:
                    self.decisions.trim()
            except Unavailable as exc:
                log.warning("upkeep.delayed", error=type(exc).__name__)
            except Exception as exc:  # noqa: BLE001 - this thread has no successor: the next turn tries again
                log.error("upkeep.failed", error=type(exc).__name__)  # noqa: TRY400 - no traceback with values in a log
            if stop.wait(PERIOD_S):
                return
