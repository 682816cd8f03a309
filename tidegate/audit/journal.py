"""The journal in the store: where moves and operators' acts wait for the keeper of the audit log.

Moves come in by the ledger's scripts, in the same atomic step (`ledger/journal.lua`). What operators do beside that is
told here. The store counts the entries without a gap, so one that was taken out is missed.
"""

import getpass
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis import exceptions

from tidegate.connections import StoreClient
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX

MOST = 500_000
"""Entries that wait at most, as in journal.lua: past it the oldest go, and the keeper puts the gap on record."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry as it lies in the journal."""

    serial: int
    job: str
    event: str
    """JSON, as whoever wrote it made it."""


def act(
    client: StoreClient,
    move: str,
    *,
    by: str | None = None,
    job: str = "",
    note: Mapping[str, Any] | None = None,
    prefix: str = STORE_PREFIX,
) -> None:
    """Put on record what an operator does: `act(redis, "revealed", job=…)`. Raises Unavailable.

    To be called before the deed: one that failed is on record then, and none is missing.
    """
    with store_errors():
        seconds, micros = client.time()
        event = {"at": float(seconds) + float(micros) / 1e6, "move": move, "note": {**(note or {}), "by": by or who()}}
        fields = {"job": job, "event": json.dumps(event, separators=(",", ":"))}
        client.xadd(_key(prefix), fields, id="0-*", maxlen=MOST, approximate=True)


def who() -> str:
    """The person at this terminal, as far as the machine knows."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def waiting(client: StoreClient, *, after: int, limit: int, prefix: str = STORE_PREFIX) -> list[Entry]:
    """The entries after a serial, in their order. Raises Unavailable."""
    with store_errors():
        found = client.xrange(_key(prefix), min=f"(0-{after}", count=limit)
    return [
        Entry(serial=int(entry.partition(b"-")[2]), job=_text(fields, b"job"), event=_text(fields, b"event"))
        for entry, fields in found
    ]


def length(client: StoreClient, *, prefix: str = STORE_PREFIX) -> int:
    """How many entries wait. Raises Unavailable."""
    with store_errors():
        return int(client.xlen(_key(prefix)))


def last_serial(client: StoreClient, *, prefix: str = STORE_PREFIX) -> int:
    """The serial of the newest entry that ever was; 0 where the store has no journal. Raises Unavailable."""
    try:
        with store_errors():
            told = client.xinfo_stream(_key(prefix))
    except exceptions.ResponseError as exc:
        if "no such key" not in str(exc):
            raise
        return 0
    return int(told["last-generated-id"].decode().partition("-")[2])


def _key(prefix: str) -> str:
    return f"{prefix}:journal"


def _text(fields: Mapping[bytes, bytes], name: bytes) -> str:
    return fields.get(name, b"").decode("utf-8", "replace")
