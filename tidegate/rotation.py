"""Rotation: how the keys of one use change while everything runs. The steps as values, and what still needs an old key.

prepare    the new key is added, and seals nothing yet: everybody learns to read it
activate   it seals, or signs; the old one still opens what it sealed
retire     the old one goes, when nothing is left that it sealed
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tidegate import clearance
from tidegate.connections import StoreClient
from tidegate.errors import Misuse, NoClearance
from tidegate.keys import KEY_BYTES, Keyring, Signer, Verifier
from tidegate.lane import Zone
from tidegate.ledger.states import OPEN
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX
from tidegate.vault import Seals, head_of

_PAGE = 1000
_HEAD_BYTES = 96
"""Enough of an envelope for its zone and its key's id."""


def prepared(ring: Keyring) -> tuple[Keyring, str]:
    """With a new key that does not seal yet, and the new key's id."""
    new = _new_id()
    return replace(ring, keys={new: secrets.token_bytes(KEY_BYTES), **ring.keys}, named=ring.naming), new


def activated(ring: Keyring, key_id: str) -> Keyring:
    """The same keys, and this one seals."""
    others = {name: key for name, key in ring.keys.items() if name != key_id}
    return replace(ring, keys={**others, key_id: _known(ring.keys, key_id)}, named=ring.naming)


def retired(ring: Keyring, key_id: str) -> Keyring:
    """Without this key. Raises Misuse where it seals."""
    _known(ring.keys, key_id)
    if key_id == ring.sealing[0]:
        raise Misuse(f"{key_id} is the one that seals: rotate first")
    return replace(ring, keys={name: key for name, key in ring.keys.items() if name != key_id}, named=ring.naming)


def first(zone: Zone) -> Keyring:
    """A keyring of one new key."""
    return Keyring(zone, {_new_id(): secrets.token_bytes(KEY_BYTES)})


def new_signer() -> Signer:
    """A signing key that nobody has seen."""
    return Signer(Ed25519PrivateKey.from_private_bytes(secrets.token_bytes(KEY_BYTES)))


@dataclass(frozen=True, kw_only=True)
class StillSealed:
    """What there is that only an old key opens."""

    envelopes: int = 0
    longest_s: float = 0.0
    """How long the last of them is kept."""


def still_sealed(client: StoreClient, zone: Zone, key_id: str, *, prefix: str = STORE_PREFIX) -> StillSealed:
    """The envelopes in the vault that this key sealed. Looks at every one: seconds for a million."""
    head = head_of(zone, key_id)
    count, longest_s = 0, 0.0
    for page in _pages(client, f"{prefix}:vault:*"):
        with store_errors(), client.pipeline(transaction=False) as pipe:
            for name in page:
                pipe.getrange(name, 0, _HEAD_BYTES)
                pipe.ttl(name)
            found = pipe.execute()
        for begins, left_s in zip(found[::2], found[1::2], strict=True):
            if begins.startswith(head):
                count += 1
                longest_s = max(longest_s, float(left_s))
    return StillSealed(envelopes=count, longest_s=longest_s)


def still_signed(client: StoreClient, old: Verifier, *, prefix: str = STORE_PREFIX) -> int:
    """How many open jobs have a clearance that only this key's owner signed."""
    count = 0
    for page in _pages(client, f"{prefix}:job:*", kind="hash"):
        with store_errors(), client.pipeline(transaction=False) as pipe:
            for name in page:
                pipe.hmget(name, "state", "clearance")
            found = pipe.execute()
        open_states = {state.value.encode() for state in OPEN}
        count += sum(_signed_by(wire, old) for state, wire in found if wire and state in open_states)
    return count


def reseal_policies(client: StoreClient, seals: Seals, key_id: str, *, prefix: str = STORE_PREFIX) -> int:
    """Applied policies do not expire, so they are sealed anew: with the key that seals now. Returns how many."""
    name, count = f"{prefix}:policy:sealed", 0
    with store_errors():
        found = client.hgetall(name)
    for number, envelope in found.items():
        if envelope.startswith(head_of(Zone.INSIDE, key_id)):
            slot = f"policy:{number.decode()}"
            with store_errors():
                client.hset(name, number, seals.seal(Zone.INSIDE, slot, seals.open(slot, envelope)))
            count += 1
    return count


def _pages(client: StoreClient, pattern: str, *, kind: str | None = None) -> Iterator[list[bytes]]:
    cursor = 0
    while True:
        with store_errors():
            cursor, page = client.scan(cursor, match=pattern, count=_PAGE, _type=kind)
        if page:
            yield page
        if not cursor:
            return


def _new_id() -> str:
    return f"k{secrets.token_hex(4)}"


def _known(keys: Mapping[str, bytes], key_id: str) -> bytes:
    if key_id not in keys:
        raise Misuse(f"no key {key_id}; there is: {', '.join(keys)}")
    return keys[key_id]


def _signed_by(wire: bytes, old: Verifier) -> bool:
    try:
        clearance.verified(wire.decode(), old)
    except NoClearance:
        return False
    return True
