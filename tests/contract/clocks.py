"""A store whose scripts read a clock of the test's own: minutes and days pass in no time."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tidegate.connections import StoreClient
from tidegate.ledger import scripts
from tidegate.ledger.store import Ledger

KEY = "test:clock"
_STORE_TIME = """  local clock = redis.call('TIME')
  return tonumber(clock[1]) + tonumber(clock[2]) / 1000000"""


class Clock:
    """Stands until it is moved."""

    def __init__(self, redis: StoreClient, *, now: float = 1_800_000_000.0) -> None:
        self._redis = redis
        self.now = now
        self.pass_by(0.0)

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self._redis.set(KEY, f"{self.now:.6f}")


@contextmanager
def clocked(redis: StoreClient) -> Iterator[tuple[Ledger, Clock]]:
    """A ledger that goes by such a clock."""
    read = scripts.lua_of

    def text(name: str) -> str:
        return read(name).replace(_STORE_TIME, f"  return tonumber(redis.call('GET', '{KEY}'))")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripts, "lua_of", text)
        ledger = Ledger(redis)
    yield ledger, Clock(redis)
