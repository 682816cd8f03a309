"""The plan of a run: everything that is chosen before it begins."""

from dataclasses import dataclass
from pathlib import Path

LEASE_S = 2.5
NUDGE_S = 2.0
JANITOR_PERIOD_S = 0.5
"""Shorter than an installation's defaults (15, 10 and 1), so that minutes show what hours would."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run, and for how long."""

    folder: Path
    """Logs, ledgers and records; kept where something did not hold."""
    seed: int
    broker: str
    fsync: str
    jobs: int
    kills: int
    duration_s: float
    """The time over which jobs and kills are spread."""
    faults: tuple[str, ...]
    producers: int = 2
    kind: str | None = None
    """The kind of all jobs; None mixes them."""
    drain_s: float = 180.0
    """How long after the last fault every job must have ended."""
    limit_s: float = 3600.0
    """When faults and load end at the latest, whatever is left of them."""

    @property
    def rate(self) -> float:
        """Jobs a second, over all producers."""
        return self.jobs / self.duration_s

    @property
    def ledgers(self) -> list[Path]:
        """The files in which producers note what was accepted; the last one is the harness's own."""
        return [self.folder / f"accepted-{number}.jsonl" for number in range(self.producers + 1)]
