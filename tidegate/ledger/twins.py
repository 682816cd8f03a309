"""Twins: batches that a provider has twice, since a process was stopped while it sent one: whose, and what they cost.

Who sees one writes it down; whoever collects the lane's batches does what is to be done, and forgets it.
"""

from dataclasses import dataclass

from tidegate.connections import StoreClient
from tidegate.ledger.faults import store_errors
from tidegate.ledger.permits import Settled
from tidegate.ledger.scripts import Scripts

KEEP_S = 2 * 86_400
"""How long a second batch is looked after: twice the time that a provider has for one."""


@dataclass(frozen=True, kw_only=True)
class Twin:
    """A provider's batch beside the one that is on record, with the same lines."""

    provider_id: str
    lane: str
    batch_id: str
    """Ours."""
    deployment: str
    price_share: float


class Twins:
    """Notes and forgets them. Every method raises StoreUnavailable where the store does not answer. Needs no turn."""

    def __init__(self, client: StoreClient, scripts: Scripts, *, prefix: str) -> None:
        self._redis = client
        self._scripts = scripts
        self._prefix = prefix

    def saw(self, twin: Twin) -> None:
        """The provider has a batch that may be a second one."""
        key = self._key(twin.lane)
        with store_errors(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, twin.provider_id, f"{twin.batch_id} {twin.deployment} {twin.price_share}")
            pipe.expire(key, KEEP_S)
            pipe.execute()

    def of(self, lane: str) -> list[Twin]:
        """Those that were seen and are not done with."""
        with store_errors():
            found = self._redis.hgetall(self._key(lane))
        told = ((provider_id.decode(), of.decode().split()) for provider_id, of in found.items())
        return [
            Twin(provider_id=provider_id, lane=lane, batch_id=of[0], deployment=of[1], price_share=float(of[2]))
            for provider_id, of in told
        ]

    def forget(self, twin: Twin) -> None:
        """It is no second one after all, or all is done about it."""
        with store_errors():
            self._redis.hdel(self._key(twin.lane), twin.provider_id)

    def paid(self, twin: Twin, job_id: str, *, gate: str, settled: Settled) -> None:
        """A line of it was answered: what that cost counts, once. `gate`: see `permits.gate_of`."""
        args = [self._prefix, twin.batch_id, twin.provider_id, job_id, twin.lane, gate, settled.wire, KEEP_S]
        self._scripts.run("batch_twice", args=args)

    def _key(self, lane: str) -> str:
        return f"{self._prefix}:batchtwins:{lane}"
