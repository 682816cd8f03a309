"""Attempt: one run's call of its backend, how long it took, what was heard meanwhile, and what it came to."""

import time
from dataclasses import dataclass, field, replace

from tidegate.lane import Lane, Zone
from tidegate.ledger.permits import Settled
from tidegate.ledger.record import Record
from tidegate.result import Answer
from tidegate.savings import saved_usd
from workers import settling
from workers.backend import Heard


@dataclass
class Attempt:
    """A context in which the backend is called."""

    time_limit_s: float
    lane_limit_s: float
    hedges: bool = False
    """Whether there may be a second one."""
    heard: list[Heard] = field(default_factory=list)
    took_s: float | None = None
    """None: it was never made."""

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.took_s = time.monotonic() - self._began

    @property
    def paid(self) -> int:
        """How many calls: the one that was cut off may have cost as much."""
        return 2 if settling.hedge(self.heard) in ("first", "second") else 1

    @property
    def answered_by(self) -> str | None:
        """The deployment, where there were two."""
        return next((one.answered_by for one in self.heard if one.answered_by is not None), None)

    def answered(self, answer: Answer, lane: Lane, record: Record, *, usd: float | None) -> Settled:
        """What it came to; of two calls, what the one came to that answered."""
        inside = lane.zone is Zone.INSIDE
        settled = settling.answered(
            answer.usage,
            usd=usd,
            took_s=settling.took_s(self.heard, self.took_s),
            heard=self.heard,
            model=lane.model if record.permit is None else None,
            saved_usd=saved_usd(record.elsewhere, answer.usage, lane=lane) if inside else None,
        )
        return self._hedged(settled)

    def failed(self, error: Exception) -> Settled:
        """What it came to."""
        settled = settling.failed(
            error,
            took_s=self.took_s,
            time_limit_s=self.time_limit_s,
            lane_limit_s=self.lane_limit_s,
            heard=self.heard,
        )
        return self._hedged(settled)

    def _hedged(self, settled: Settled) -> Settled:
        return replace(settled, hedge=settling.hedge(self.heard)) if self.hedges else settled
