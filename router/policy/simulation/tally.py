"""What came of a simulation: waits, shares, costs and dead letters, by lane. Counts only; told by `report`."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

SLICES = 48
"""The columns of the chart."""


@dataclass(slots=True)
class LaneTally:
    """One lane's counts."""

    waits_s: list[float] = field(default_factory=list)
    """From placing to the first start, of each job that was started here."""
    started_at_s: list[float] = field(default_factory=list)
    placed: int = 0
    served: int = 0
    busy_s: float = 0.0
    cost_usd: float = 0.0
    overflowed: int = 0
    """Jobs that came here because another lane was too busy."""
    dead: Counter[str] = field(default_factory=Counter)
    """Dead letters by reason."""

    def wait_s(self, share: float) -> float | None:
        """The wait that this share of jobs did not exceed: 0.95 for p95. None without a job."""
        return quantile(self.waits_s, share)

    def slices(self, *, end_s: float, count: int = SLICES) -> list[float]:
        """The longest wait in each slice of the time, by when the job came."""
        found = [0.0] * count
        for started, wait in zip(self.started_at_s, self.waits_s, strict=True):
            place = min(count - 1, int((started - wait) / end_s * count)) if end_s else 0
            found[place] = max(found[place], wait)
        return found


@dataclass(slots=True)
class Tally:
    """All counts."""

    lanes: dict[str, LaneTally]
    jobs: int = 0
    outside: int = 0
    """Jobs that were placed outside first."""
    sensitive_cleared: int = 0
    """Sensitive jobs that any lane outside was cleared for. Anything but 0 is a fault of ours."""
    redacted: int = 0
    """Jobs of which a redacted copy may leave: that each could be redacted is taken for granted."""
    narrowed: int = 0
    """Jobs that may leave only because an operator declared their findings harmless."""
    shadowed: int = 0
    """Copies for comparison: not run by the model."""
    flips: int = 0
    """How often an overflow began or ended."""
    refused: Counter[str] = field(default_factory=Counter)
    """Jobs that got no lane, by reason."""
    rules: Counter[str] = field(default_factory=Counter)
    end_s: float = 0.0
    """When the last job came."""
    stopped: str | None = None
    """Why it ended before the traffic did, where it did."""

    @property
    def overflowed(self) -> int:
        """Jobs that went elsewhere because their first lane was too busy."""
        return sum(lane.overflowed for lane in self.lanes.values())

    @property
    def cost_usd(self) -> float:
        """All costs."""
        return sum(lane.cost_usd for lane in self.lanes.values())

    @property
    def dead(self) -> Counter[str]:
        """All dead letters by reason, with those that got no lane."""
        total = Counter(self.refused)
        for lane in self.lanes.values():
            total += lane.dead
        return total


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that this share of values does not exceed (the nearest rank); None of no values."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, math.ceil(round(share * len(ranked), 6)) - 1)]
