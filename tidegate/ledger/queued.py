"""Who waits in a lane's line, by class and tenant: how many go before a job that would come now.

The order itself is `order.lua`'s. A thousand batch jobs, or one tenant's, hold up nobody who comes before them; a count
of all who wait would say that they do.
"""

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

_BANDS = (QUICK, SLOW)

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Queued:
    """The line of one lane: how many of each tenant wait, by band."""

    bands: Mapping[str, Counts] = field(default_factory=dict)

    def with_more(self, jobs: Iterable[tuple[str, str, int]]) -> "Queued":
        """With more of them: tenant, class and how many of each."""
        bands = {band: Counter(counts) for band, counts in self.bands.items()}
        for tenant, latency, count in jobs:
            bands.setdefault(SLOW if latency == SLOW else QUICK, Counter())[tenant] += count
        return Queued(bands)

    def ahead_of(self, *, tenant: str, latency: str) -> int:
        """How many go before a job of this tenant and class that comes now, as long as nobody else comes."""
        quick, slow = (dict(self.bands.get(band, {})) for band in _BANDS)
        if latency != SLOW:
            before = _by_turns(quick, tenant)
            return before + min(sum(slow.values()), before // (SLOW_TURN - 1))
        before = _by_turns(slow, tenant)
        return before + min(sum(quick.values()), before * (SLOW_TURN - 1))


def _by_turns(waiting: Counts, tenant: str) -> int:
    """Tenants take turns: the job comes after its tenant's own, and each other tenant has as many turns before it."""
    own = waiting.get(tenant, 0)
    return own + sum(min(count, own + 1) for other, count in waiting.items() if other != tenant)


def queued(client: StoreClient, lanes: Iterable[str], *, prefix: str = STORE_PREFIX) -> dict[str, Queued]:
    """The lines of lanes in which somebody waits. Left out: those with too many tenants. Raises StoreUnavailable."""
    rooms = [(lane, band, f"{prefix}:order:placed:{lane}:{band}") for lane in lanes for band in _BANDS]
    if not rooms:
        return {}
    with store_errors(), client.pipeline(transaction=False) as pipe:
        for *_, room in rooms:
            pipe.zrange(room, 0, MOST_TENANTS)
        tenants = pipe.execute()
        asked = [(*room, name) for room, names in zip(rooms, tenants, strict=True) for name in names]
        for _, _, room, name in asked:
            pipe.zcard(room.encode() + b":" + name)
        counts = pipe.execute() if asked else []
    crowded = {lane for (lane, _, _), names in zip(rooms, tenants, strict=True) if len(names) > MOST_TENANTS}
    found: dict[str, dict[str, dict[str, int]]] = {lane: {} for lane, _, _ in rooms if lane not in crowded}
    for (lane, band, _, name), count in zip(asked, counts, strict=True):
        if count and lane in found:
            found[lane].setdefault(band, {})[name.decode()] = count
    return {lane: Queued(bands) for lane, bands in found.items()}
