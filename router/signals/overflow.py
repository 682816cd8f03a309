"""Which rules are in overflow now, for all routers together.

The engine is pure: it says of a job that goes out that its rule enters overflow by it, or that it goes on. Here that is
remembered, in the store and by its clock, as a lease: each job that had to go out renews it, and it runs out when for
the dwell time none had to. So nobody has to say that it is over, and whoever dies leaves nothing behind that stays.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.connections import StoreClient
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX

_KEEP_S = 7 * 86_400
"""A policy in which nobody has gone out for this long is probably gone."""

_SHARE = 0.25
"""Of the dwell time: a router that has just renewed a lease does not do so again, and the lease lasts longer by it."""

_CLOCK = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local function ends_at(rule) return tonumber(redis.call('HGET', KEYS[1], rule) or 0) end
"""

_RENEW = (
    _CLOCK
    + """
local entered = ends_at(ARGV[1]) <= now
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.6f', now + ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[3])
return entered and 1 or 0
"""
)

_CLEAR = (
    _CLOCK
    + """
local cleared = {}
for _, rule in ipairs(ARGV) do
  local ends = ends_at(rule)
  if ends > 0 and ends <= now then
    redis.call('HDEL', KEYS[1], rule)
    cleared[#cleared + 1] = rule
  end
end
return cleared
"""
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The rules of a policy."""

    overflowing: tuple[str, ...] = ()
    """In overflow now."""
    over: tuple[str, ...] = ()
    """No longer, and nobody has said so yet."""


class Overflows:
    """The rules in overflow, by policy. Thread-safe."""

    def __init__(
        self,
        client: StoreClient,
        *,
        dwell_s: float,
        prefix: str = STORE_PREFIX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._dwell_s = dwell_s
        self._prefix = prefix
        self._clock = clock
        self._renew = client.register_script(_RENEW)
        self._clear = client.register_script(_CLEAR)
        self._renewed: dict[tuple[str, str], float] = {}
        """When this process last did: there are as many as there are rules."""

    def now(self, policy: str) -> Standing:
        """How a policy's rules stand. Raises StoreUnavailable."""
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(self._key(policy))
            (seconds, micros), found = pipe.execute()
        now = seconds + micros / 1e6
        lasting = {rule.decode(): float(ends_at) > now for rule, ends_at in found.items()}
        return Standing(
            tuple(sorted(rule for rule, lasts in lasting.items() if lasts)),
            tuple(sorted(rule for rule, lasts in lasting.items() if not lasts)),
        )

    def enter(self, policy: str, rule: str) -> bool:
        """A job had to go out: whether the rule was not in overflow before it. Raises StoreUnavailable."""
        with store_errors():
            entered = bool(self._renew(keys=[self._key(policy)], args=[rule, self._dwell_s * (1 + _SHARE), _KEEP_S]))
        self._renewed[policy, rule] = self._clock()
        return entered

    def hold(self, policy: str, rule: str) -> bool:
        """The same of a job that found the rule in overflow; said to the store only now and then."""
        since = self._clock() - self._renewed.get((policy, rule), float("-inf"))
        return since >= self._dwell_s * _SHARE and self.enter(policy, rule)

    def clear(self, policy: str, rules: tuple[str, ...]) -> tuple[str, ...]:
        """Forget those that are over. Returns them to one caller only, whoever else asks. Raises StoreUnavailable."""
        with store_errors():
            return tuple(rule.decode() for rule in self._clear(keys=[self._key(policy)], args=list(rules)))

    def _key(self, policy: str) -> str:
        return f"{self._prefix}:overflowing:{policy}"
