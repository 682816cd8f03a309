"""Whether the keys of this process are the installation's, and which keys each running process can read.

Known by short prints: a truncated hash of 32 random bytes gives nothing away. The router announces its keys' prints;
producers and workers compare theirs before they seal what nobody could open. Each process says every few seconds what
it holds, so that a rotation goes on only when everybody can read the new key.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from tidegate.connections import StoreClient
from tidegate.errors import InvalidSettings, Unavailable
from tidegate.keys import Keyring, Verifier
from tidegate.lane import Zone
from tidegate.ledger.census import Presence
from tidegate.ledger.store import store_errors
from tidegate.logs import logger
from tidegate.names import STORE_PREFIX
from tidegate.value import Many, Value

AGAIN_S = 30.0
"""A producer compares its key again after so long: meanwhile it may have been retired."""

LOOK_S = 1.0
TELL_S = 10.0
KEPT_S = 30
"""A process that has not said for this long what it holds is gone, or stuck."""

READERS: Mapping[str, frozenset[str]] = {
    "inside": frozenset({"router", "worker:inside"}),
    "outside": frozenset({"router", "worker:outside"}),
    "clearance": frozenset({"worker:outside"}),
    "audit": frozenset({"janitor"}),
}
"""Who must be able to read what a key of this use seals or signs, of the processes that report themselves."""

log = logger(__name__)


class Holding(Value):
    """The keys of one use in one process, by their prints."""

    reads: Many[str]
    last: str = ""
    """The one that seals; empty where this process only checks."""


class Held(Value):
    """What one process holds."""

    keys: dict[str, Holding] = {}

    @classmethod
    def now(cls, rings: Mapping[Zone, Keyring], **verifiers: Verifier) -> "Held":
        """Of keyrings, and of public halves by their use."""
        held = {
            zone.value: Holding(reads=tuple(map(print_of, ring.keys.values())), last=print_of(ring.sealing[1]))
            for zone, ring in rings.items()
        }
        seen = {use: Holding(reads=tuple(map(print_of, one.raws))) for use, one in verifiers.items()}
        return cls(keys={**held, **seen})


def announce(client: StoreClient, rings: Iterable[Keyring], *, prefix: str = STORE_PREFIX) -> None:
    """Say which keys this installation uses. Raises Unavailable."""
    with store_errors():
        for ring in rings:
            client.sadd(f"{prefix}:keys:{ring.zone}", *(print_of(key) for key in ring.keys.values()))


def withdraw(client: StoreClient, use: str, key_print: str, *, prefix: str = STORE_PREFIX) -> None:
    """A key is no longer the installation's. Raises Unavailable."""
    with store_errors():
        client.srem(f"{prefix}:keys:{use}", key_print)


def check(client: StoreClient, rings: Iterable[Keyring], *, prefix: str = STORE_PREFIX) -> None:
    """Raises InvalidSettings where a sealing key is not the installation's. Before a router announced, any will do."""
    for ring in rings:
        with store_errors():
            known = {member.decode() for member in client.smembers(f"{prefix}:keys:{ring.zone}")}
        key_id, key = ring.sealing
        if known and print_of(key) not in known:
            name = f"TIDEGATE_{ring.zone.upper()}_KEY"
            raise InvalidSettings(
                f"the {ring.zone} key here ({key_id}) is not this installation's: nobody could open what it seals. "
                f"Set {name} or {name}_FILE to the router's, or copy its {ring.zone}.key into this data folder's keys/"
            )


def report(
    client: StoreClient,
    name: str,
    held: Callable[[], Held],
    *,
    changed: Callable[[], None] = lambda: None,
    stop: threading.Event | None = None,
    prefix: str = STORE_PREFIX,
) -> threading.Thread:
    """Say from now on which keys this process holds, until it ends or is stopped; call `changed` when they change.

    Gives the thread that says it: who stops it joins it before he closes the client.
    """
    pause = stop or threading.Event()

    def tell() -> None:
        said, waited_s = Held(), TELL_S
        while not pause.is_set():
            try:
                now = held()
                if now != said or waited_s >= TELL_S:
                    if now != said:
                        changed()  # first: who reads below that a key is known here may seal with it at once
                    _tell(client, name, now, prefix)
                    said, waited_s = now, 0.0
            except (Unavailable, InvalidSettings) as exc:
                log.warning("keys.untold", error=type(exc).__name__)
            waited_s += LOOK_S
            pause.wait(LOOK_S)

    thread = threading.Thread(target=tell, name="keys", daemon=True)
    thread.start()
    return thread


def _tell(client: StoreClient, name: str, held: Held, prefix: str) -> None:
    with store_errors():
        client.set(f"{prefix}:keys:held:{name}", held.to_json(), ex=KEPT_S)


def lacking(
    client: StoreClient, use: str, key_print: str, processes: Iterable[Presence], *, prefix: str = STORE_PREFIX
) -> list[str]:
    """The running processes that cannot read this key, or do not say. Raises Unavailable."""
    concerned = [one.name for one in processes if role_of(one) in READERS[use]]
    told = held_by(client, concerned, prefix=prefix)
    return [name for name in concerned if key_print not in _reads(told.get(name), use)]


def held_by(client: StoreClient, names: Iterable[str], *, prefix: str = STORE_PREFIX) -> dict[str, Held]:
    """What these processes say that they hold. Raises Unavailable."""
    asked = list(names)
    if not asked:
        return {}
    with store_errors():
        found = client.mget(f"{prefix}:keys:held:{name}" for name in asked)
    told = {}
    for name, text in zip(asked, found, strict=True):
        try:
            told[name] = Held.from_json(text or "")
        except ValidationError:
            continue
    return told


def role_of(process: Presence) -> str:
    """How its role is written in READERS."""
    return f"{process.role}:{process.zone}" if process.zone else process.role


def print_of(key: bytes) -> str:
    """Twelve hex digits that tell keys apart."""
    return hashlib.sha256(b"tidegate key print\0" + key).hexdigest()[:12]


def _reads(held: Held | None, use: str) -> tuple[Any, ...]:
    return held.keys[use].reads if held is not None and use in held.keys else ()
