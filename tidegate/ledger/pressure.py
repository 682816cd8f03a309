"""Pressure: what is in, to be held against the limits of `admission`; and what the janitor measures for it."""

from dataclasses import dataclass
from importlib import resources
from typing import Any

from tidegate.connections import StoreClient
from tidegate.ledger.admission import Limits, refusal
from tidegate.ledger.faults import store_errors
from tidegate.names import STORE_PREFIX

_SEE_ROOM = "return refused(ARGV[1], ARGV[2], 0, ARGV[3]) or {}"

_SET_RIGHT = "return redis.call('ZCARD', KEYS[1]) == 0 and redis.call('DEL', KEYS[2]) or 0"
"""Where no job is open, none is counted. A count can be wrong only where somebody removed a record by hand."""

PRESSURE_KEEP_S = 15
"""Past this nobody believes what was measured: without a janitor the age of jobs refuses nobody."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """What is in now, to be held against the limits."""

    open_: int
    reserved_bytes: int
    """What the open jobs may still need before they end."""
    tenants: dict[str, int]
    """Open jobs of each tenant that has any, the largest first."""
    memory_bytes: int | None
    memory_max_bytes: int | None
    """None where the store does not tell, or has no limit."""
    oldest_s: float | None
    """The longest that a job has been waiting; None where no janitor measures it."""
    ends_per_s: float | None
    limits: Limits
    """Those that count: the installation's, where a janitor tells them."""


class Pressure:
    """What is in, read by people and by the janitor, who measures what a script cannot."""

    def __init__(self, client: StoreClient, *, limits: Limits | None = None, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        self._limits = limits or Limits()
        self._prefix = prefix
        script = resources.files(__package__).joinpath("admission.lua").read_text(encoding="utf-8")
        self._refused = client.register_script(script + _SEE_ROOM)

    def use(self) -> Use:
        """What is in now."""
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(f"{self._prefix}:open")
            pipe.hgetall(f"{self._prefix}:pressure")
            counts, measured = pipe.execute()
        tenants = {
            name.decode().removeprefix("tenant:"): int(count)
            for name, count in counts.items()
            if name.startswith(b"tenant:")
        }
        memory = _memory(self._redis)
        return Use(
            open_=int(counts.get(b"jobs", 0)),
            reserved_bytes=int(counts.get(b"bytes", 0)),
            tenants=dict(sorted(tenants.items(), key=lambda item: (-item[1], item[0]))),
            memory_bytes=memory.get("used_memory"),
            memory_max_bytes=memory.get("maxmemory") or None,
            oldest_s=_number(measured.get(b"oldest_s")),
            ends_per_s=_number(measured.get(b"ends_per_s")),
            limits=Limits.read(measured[b"limits"].decode()) if b"limits" in measured else self._limits,
        )

    def see_room(self, *, tenant: str) -> None:
        """Raises SubmitRefused where a job of this tenant would be refused now."""
        with store_errors():
            told = self._refused(args=[self._prefix, tenant, self._limits.wire])
        if told:
            raise refusal(told, tenant=tenant)

    def measured(self, *, oldest_s: float, ends_per_s: float) -> None:
        """Tell what the janitor measured, and the installation's limits. It is believed for a while only."""
        key = f"{self._prefix}:pressure"
        told = {"oldest_s": f"{oldest_s:.3f}", "ends_per_s": f"{ends_per_s:.3f}", "limits": self._limits.wire}
        with store_errors(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping=told)
            pipe.expire(key, PRESSURE_KEEP_S)
            pipe.eval(_SET_RIGHT, 2, f"{self._prefix}:agenda", f"{self._prefix}:open")
            pipe.execute()


def _memory(client: StoreClient) -> dict[str, Any]:
    """What the server tells of its memory; nothing where it does not let us ask."""
    try:
        told: dict[str, Any] = client.info("memory")
    except Exception:  # noqa: BLE001 - each server refuses in its own way
        return {}
    return told


def _number(text: bytes | None) -> float | None:
    return None if text is None else float(text)
