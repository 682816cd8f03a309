"""Which rules are in overflow now, for all routers together, with a minimum dwell against flapping.

The engine is pure: it says that a rule should enter or leave. Here that is remembered, in the store, by its clock. A
rule whose last change is younger than the dwell stays as it is.
"""

from tidegate.connections import StoreClient
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX

_KEEP_S = 7 * 86_400
"""A policy that has not moved for this long is probably gone; a rule begins anew out of overflow."""

_MOVE = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local old = redis.call('HGET', KEYS[1], ARGV[1]) or 'leave 0'
local state, since = string.match(old, '^(%a+) ([%d.]+)$')
if state == ARGV[2] or now - tonumber(since) < tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


class Overflows:
    """The rules in overflow, by policy."""

    def __init__(self, client: StoreClient, *, dwell_s: float, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        self._dwell_s = dwell_s
        self._prefix = prefix
        self._move = client.register_script(_MOVE)

    def now(self, policy: str) -> tuple[str, ...]:
        """The names of a policy's rules that are in overflow. Raises StoreUnavailable."""
        with store_errors():
            found = self._redis.hgetall(self._key(policy))
        return tuple(sorted(rule.decode() for rule, state in found.items() if state.startswith(b"enter ")))

    def note(self, policy: str, rule: str, move: str) -> bool:
        """`enter` or `leave`: whether that changed anything. Raises StoreUnavailable."""
        with store_errors():
            return bool(self._move(keys=[self._key(policy)], args=[rule, move, self._dwell_s, _KEEP_S]))

    def _key(self, policy: str) -> str:
        return f"{self._prefix}:overflow:{policy}"
