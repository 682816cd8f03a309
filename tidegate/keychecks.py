"""Whether the keys of this process are the installation's, before a payload is sealed that nobody can open.

The router announces a short print of each of its keys in the store; producers and workers compare theirs. A print is a
truncated hash of 32 random bytes: it gives nothing away.
"""

import hashlib
from collections.abc import Iterable

from tidegate.connections import StoreClient
from tidegate.errors import InvalidSettings
from tidegate.keys import Keyring
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX


def announce(client: StoreClient, rings: Iterable[Keyring], *, prefix: str = STORE_PREFIX) -> None:
    """Say which keys this installation uses. Raises Unavailable."""
    with store_errors():
        for ring in rings:
            client.sadd(f"{prefix}:keys:{ring.zone}", *(print_of(key) for key in ring.keys.values()))


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


def print_of(key: bytes) -> str:
    """Twelve hex digits that tell keys apart."""
    return hashlib.sha256(b"tidegate key print\0" + key).hexdigest()[:12]
