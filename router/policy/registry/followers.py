"""Followers: which router follows which entry, so that who applies a policy can see it arrive."""

import json
import time
from collections.abc import Callable, Iterable, Mapping

from tidegate.connections import StoreClient
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX

KEEP_S = 60
"""A router says it again when it subscribes anew; one that is gone is forgotten."""


class Followers:
    """What routers say of themselves. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, *, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        self._key = f"{prefix}:policy:follower:"
        self._channel = f"{prefix}:policy:followed"

    def announce(self, router: str, seqs: Mapping[str, int]) -> None:
        """Say which entries this router follows, by slot."""
        with store_errors():
            self._redis.set(self._key + router, json.dumps(dict(seqs)), ex=KEEP_S)
            self._redis.publish(self._channel, router)

    def following(self, routers: Iterable[str], *, slot: str, seq: int) -> list[str]:
        """Those of the routers that follow this entry, or a later one."""
        names = list(routers)
        if not names:
            return []
        with store_errors():
            said = self._redis.mget(self._key + name for name in names)
        told = {name: json.loads(text) for name, text in zip(names, said, strict=True) if text}
        return [name for name, seqs in told.items() if seqs.get(slot, 0) >= seq]

    def wait(self, routers: Callable[[], Iterable[str]], *, slot: str, seq: int, timeout_s: float) -> list[str]:
        """Wait until every router follows the entry, or the time is up. Returns those that do."""
        until = time.monotonic() + timeout_s
        with store_errors(), self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(self._channel)
            while True:
                names = list(routers())
                there = self.following(names, slot=slot, seq=seq)
                left = until - time.monotonic()
                if len(there) == len(names) or left <= 0:
                    return there
                channel.get_message(timeout=min(left, 0.5))
