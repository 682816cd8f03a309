"""Costs: what runs came to, by day, as the scripts that end them have added it up. Reads only; see costs.lua."""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta

from tidegate.connections import StoreClient
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX
from tidegate.prices import NANO

KEPT_DAYS = 120
"""As long as costs.lua keeps a day."""

SHADOW = "shadow"


@dataclass(frozen=True)
class Sums:
    """What some runs came to, in the order in which the store holds it. Money in billionths of a dollar."""

    runs: int = 0
    """Calls that ended, in whatever way."""
    jobs: int = 0
    """Those that gave a job its result."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    nano: int = 0
    """All that was spent."""
    lost_nano: int = 0
    """Of it, for runs that gave no result."""
    saved_nano: int = 0
    """What runs inside would have cost outside."""
    unsure_nano: int = 0
    """Of what was spent, estimates: nobody told what the call came to."""

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(mine + more for mine, more in zip(astuple(self), astuple(other), strict=True)))

    @property
    def usd(self) -> float:
        """All that was spent."""
        return self.nano / NANO

    @property
    def lost_usd(self) -> float:
        """Of it, for runs that gave no result."""
        return self.lost_nano / NANO

    @property
    def saved_usd(self) -> float:
        """What runs inside would have cost outside."""
        return self.saved_nano / NANO

    @property
    def unsure_usd(self) -> float:
        """Of what was spent, estimates."""
        return self.unsure_nano / NANO


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a day."""

    day: str
    kind: str
    """`job`, or `shadow`: a copy for comparison."""
    tenant: str
    lane: str
    rule: str
    model: str
    sums: Sums


class Costs:
    """The store's counts, by day in UTC."""

    def __init__(self, client: StoreClient, *, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        self._prefix = prefix

    def today(self) -> date:
        """By the store's clock. Raises StoreUnavailable."""
        with store_errors():
            seconds, _ = self._redis.time()
        return datetime.fromtimestamp(seconds, tz=UTC).date()

    def between(self, since: date, until: date) -> list[Line]:
        """The lines of these days, both included; of one that was not kept, none. Raises StoreUnavailable."""
        days = [since + timedelta(days=count) for count in range((until - since).days + 1)]
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            for day in days:
                pipe.hgetall(f"{self._prefix}:costs:{day:%Y%m%d}")
            rows = pipe.execute()
        return [line for day, row in zip(days, rows, strict=True) for line in _lines(day.isoformat(), row.items())]


def _lines(day: str, row: Iterable[tuple[bytes, bytes]]) -> Iterator[Line]:
    for key, value in row:
        parts = key.decode(errors="replace").split("|", 4)
        try:
            sums = Sums(*map(int, value.split()))
            kind, tenant, lane, rule, model = parts
        except (ValueError, TypeError):
            continue  # written by nobody of ours
        yield Line(day=day, kind=kind, tenant=tenant, lane=lane, rule=rule, model=model, sums=sums)
