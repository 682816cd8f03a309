"""Whether the store can keep what it is given: one that evicts, or keeps nothing on disk, breaks the second promise.

Each process looks when it starts. INFO tells all of it and is allowed more often than CONFIG; where a server allows
neither, nobody can know, and that is said.
"""

from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from tidegate.connections import StoreClient
from tidegate.errors import InvalidSettings, Unavailable
from tidegate.ledger.store import store_errors
from tidegate.logs import logger

KEEPS_ALL = "noeviction"

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """How a server keeps its data. None where it does not tell."""

    policy: str | None
    """Its maxmemory-policy."""
    append_only: bool | None
    fsync: str | None
    """Its appendfsync; only CONFIG tells it."""
    max_bytes: int | None
    """0 where it has no limit."""

    @property
    def evicts(self) -> bool:
        """Whether it removes what was accepted when its memory is full."""
        return self.policy is not None and self.policy != KEEPS_ALL

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know; no reason to refuse."""
        found = []
        if self.policy is None:
            found.append(f"the store does not tell its maxmemory-policy: see that it is {KEEPS_ALL}")
        if self.append_only is None:
            found.append("the store does not tell whether it is appendonly: see that it is")
        elif not self.append_only:
            found.append("the store is not appendonly: accepted jobs are lost when it stops; set appendonly yes")
        elif self.fsync == "no":
            found.append("the store never flushes: what was accepted is lost with the machine; set appendfsync always")
        if self.max_bytes == 0:
            found.append("the store has no maxmemory: it grows until the machine stops it; set one")
        return tuple(found)


def looked_at(client: StoreClient) -> Keeping:
    """How this server keeps its data. Raises Unavailable where it is not there."""
    memory, persistence = _info(client, "memory"), _info(client, "persistence")
    policy, append_only = memory.get("maxmemory_policy"), persistence.get("aof_enabled")
    return Keeping(
        policy=policy if policy is not None else _config(client, "maxmemory-policy"),
        append_only=append_only == 1 if append_only is not None else _yes(_config(client, "appendonly")),
        fsync=_config(client, "appendfsync"),
        max_bytes=memory.get("maxmemory"),
    )


def check(client: StoreClient) -> Keeping:
    """Raises InvalidSettings where the store evicts, Unavailable where it is not there.

    Silent about what is only risky: a producer's standard output is its own.
    """
    keeping = looked_at(client)
    if keeping.evicts:
        raise InvalidSettings(
            f"the store's maxmemory-policy is {keeping.policy}: when its memory is full it would remove accepted jobs. "
            f"Set it to {KEEPS_ALL} (redis.conf, or your provider's parameters), and give it a maxmemory: new jobs "
            "are refused in time then"
        )
    return keeping


def check_at_start(client: StoreClient) -> None:
    """The same for a process of ours: it says what is risky, and waits for a store that is down."""
    try:
        keeping = check(client)
    except Unavailable:
        log.warning("store.unchecked")
        return
    for warning in keeping.warnings:
        log.warning("store.risky", warning=warning)


def _info(client: StoreClient, section: str) -> dict[str, Any]:
    with store_errors():
        try:
            told: dict[str, Any] = client.info(section)
        except ResponseError:  # managed servers and narrow ACLs forbid it
            return {}
    return told


def _config(client: StoreClient, key: str) -> str | None:
    with store_errors():
        try:
            told: str | None = client.config_get(key).get(key)
        except ResponseError:  # managed servers and narrow ACLs forbid it
            return None
    return told


def _yes(text: str | None) -> bool | None:
    return None if text is None else text == "yes"
