"""The order of those who wait, once more in plain Python: what order.lua must do, without a store."""

from dataclasses import dataclass, field

BANDS = ("interactive", "batch")
BATCH_TURN = 8
LEVEL_S = 60.0


@dataclass
class Band:
    """The tenants of one band by their next turn, and each one's jobs by acceptance and urgency."""

    clock: float = 0.0
    turns: dict[str, float] = field(default_factory=dict)
    jobs: dict[str, dict[str, float]] = field(default_factory=dict)

    def head(self) -> tuple[str, str] | None:
        """The tenant and the job that are next. A tenant without jobs is forgotten when its turn comes."""
        while self.turns:
            tenant = min(self.turns, key=lambda name: (self.turns[name], name))
            waiting = self.jobs.get(tenant)
            if waiting:
                return tenant, min(waiting, key=lambda job: (waiting[job], job))
            self.clock = self.turns.pop(tenant)
        return None


@dataclass
class Room:
    """One room's line."""

    bands: dict[str, Band] = field(default_factory=lambda: {name: Band() for name in BANDS})
    passed: int = 0
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def waiting(self) -> set[str]:
        """Everybody in line."""
        return {job for band in self.bands.values() for jobs in band.jobs.values() for job in jobs}

    def enter(self, job: str, *, tenant: str, priority: int, since: float) -> None:
        """Put a job in line."""
        band = self.bands[BANDS[priority >= 5]]
        if job not in band.jobs.setdefault(tenant, {}):
            band.turns.setdefault(tenant, band.clock)
        band.jobs[tenant][job] = since + priority % 5 * LEVEL_S

    def leave(self, job: str) -> None:
        """Take a job out of line."""
        for band in self.bands.values():
            for jobs in band.jobs.values():
                jobs.pop(job, None)

    def take(self) -> str | None:
        """Who is next, now out of line."""
        quick, slow = (self.bands[name].head() for name in BANDS)
        if quick is None and slow is None:
            return None
        batch = slow is not None and (quick is None or self.passed + 1 >= BATCH_TURN)
        self.passed = self.passed + 1 if not batch and slow is not None else 0
        band, chosen = (self.bands["batch"], slow) if batch else (self.bands["interactive"], quick)
        assert chosen is not None
        tenant, job = chosen
        del band.jobs[tenant][job]
        band.clock = band.turns[tenant]
        band.turns[tenant] = round(band.turns[tenant] + 1 / self.weights.get(tenant, 1.0), 6)
        return job
