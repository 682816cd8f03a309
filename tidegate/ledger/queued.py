"""Who waits in a lane's line, by class and tenant: how many go before a job that would come now.

The order itself is `order.lua`'s. A thousand batch jobs, or one tenant's, hold up nobody who comes before them; a count
of all who wait would say that they do.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tidegate.connections import StoreClient
from tidegate.ledger.faults import store_errors
from tidegate.names import STORE_PREFIX

QUICK, SLOW = "interactive", "batch"
"""The bands of order.lua."""

SLOW_TURN = 8
"""Every so manieth take is a batch job's, where one waits: BATCH_TURN of order.lua."""

MOST_TENANTS = 256
"""Of more in one line nobody is counted apart: each is a question to the store."""

_NO_WEIGHT = 1000.0

_BANDS = (QUICK, SLOW)

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Queued:
    """The line of one lane: how many of each tenant wait, by band."""

    bands: Mapping[str, Counts] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    """The turns of tenants that have more than one, or fewer."""

    def with_more(self, jobs: Iterable[tuple[str, str, int]]) -> "Queued":
        """With more of them: tenant, class and how many of each."""
        bands = {band: Counter(counts) for band, counts in self.bands.items()}
        for tenant, latency, count in jobs:
            bands.setdefault(SLOW if latency == SLOW else QUICK, Counter())[tenant] += count
        return Queued(bands, self.weights)

    def ahead_of(self, *, tenant: str, latency: str) -> int:
        """How many go before a job of this tenant and class that comes now, as long as nobody else comes."""
        quick, slow = (dict(self.bands.get(band, {})) for band in _BANDS)
        if latency != SLOW:
            before = self._by_turns(quick, tenant)
            return before + min(sum(slow.values()), before // (SLOW_TURN - 1))
        before = self._by_turns(slow, tenant)
        return before + min(sum(quick.values()), before * (SLOW_TURN - 1))

    def _by_turns(self, waiting: Counts, tenant: str) -> int:
        """Tenants take turns: the job comes after its tenant's own, and each other one has its turns before it."""
        own = waiting.get(tenant, 0)
        turn = (own + 1) / self.weights.get(tenant, 1.0)
        return own + sum(
            min(count, math.ceil(turn * self.weights.get(other, 1.0)))
            for other, count in waiting.items()
            if other != tenant
        )


def queued(client: StoreClient, lanes: Iterable[str], *, prefix: str = STORE_PREFIX) -> dict[str, Queued]:
    """The lines of lanes in which somebody waits. Left out: those with too many tenants. Raises StoreUnavailable."""
    rooms = [(lane, band, f"{prefix}:order:placed:{lane}:{band}") for lane in lanes for band in _BANDS]
    if not rooms:
        return {}
    with store_errors(), client.pipeline(transaction=False) as pipe:
        pipe.hgetall(weights_key(prefix))
        for *_, room in rooms:
            pipe.zrange(room, 0, MOST_TENANTS)
        told, *tenants = pipe.execute()
        asked = [(*room, name) for room, names in zip(rooms, tenants, strict=True) for name in names]
        for _, _, room, name in asked:
            pipe.zcard(room.encode() + b":" + name)
        counts = pipe.execute() if asked else []
    crowded = {lane for (lane, _, _), names in zip(rooms, tenants, strict=True) if len(names) > MOST_TENANTS}
    found: dict[str, dict[str, dict[str, int]]] = {lane: {} for lane, _, _ in rooms if lane not in crowded}
    for (lane, band, _, name), count in zip(asked, counts, strict=True):
        if count and lane in found:
            found[lane].setdefault(band, {})[name.decode()] = count
    weights = {name.decode(): _weight(said) for name, said in told.items()}
    return {lane: Queued(bands, weights) for lane, bands in found.items()}


def weights_key(prefix: str) -> str:
    """Where the weights lie that a janitor tells."""
    return f"{prefix}:weights"


def _weight(said: bytes) -> float:
    """As order.lua reads it: what is none counts as one."""
    try:
        weight = float(said)
    except ValueError:
        return 1.0
    return weight if 0 < weight < _NO_WEIGHT else 1.0
