"""Weights: how many turns a tenant has where another has one. The janitor tells the store, which the line reads."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tidegate.connections import StoreClient
from tidegate.errors import InvalidSettings
from tidegate.ledger.faults import store_errors
from tidegate.ledger.queued import weights_key
from tidegate.names import STORE_PREFIX

EVERY_S = 5.0
"""A store that came back empty is told again."""

LEAST, MOST = 0.01, 100.0
"""Beyond these a tenant would wait for ever beside another."""


@dataclass(kw_only=True)
class Weights:
    """Tells them every few seconds, however often it is called. Raises Unavailable."""

    client: StoreClient
    weights: Mapping[str, float]
    clock: Callable[[], float] = time.monotonic
    prefix: str = STORE_PREFIX
    _next_at: float = field(default=0.0, init=False)

    def __call__(self) -> None:
        """Tell them, where it is time to: all of them at once, and none that is no longer given."""
        if self.clock() < self._next_at:
            return
        key = weights_key(self.prefix)
        with store_errors(), self.client.pipeline(transaction=True) as pipe:
            pipe.unlink(key)
            if self.weights:
                pipe.hset(key, mapping={tenant: repr(weight) for tenant, weight in self.weights.items()})
            pipe.execute()
        self._next_at = self.clock() + EVERY_S


def weights_of(text: str) -> dict[str, float]:
    """What the setting says: `shop=3,lab=0.5`. Raises InvalidSettings."""
    found: dict[str, float] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        tenant, _, said = (part.strip() for part in entry.partition("="))
        weight = _number(said)
        if not tenant or weight is None or not LEAST <= weight <= MOST:
            raise InvalidSettings(
                f"TIDEGATE_TENANT_WEIGHTS: {entry}: expected tenant=weight, a number from {LEAST:g} to {MOST:g}"
            )
        if tenant in found:
            raise InvalidSettings(f"TIDEGATE_TENANT_WEIGHTS: {tenant} is named twice; give it one weight")
        found[tenant] = weight
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
