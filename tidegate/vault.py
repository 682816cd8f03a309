"""The vault: where payloads and results lie, sealed by zone, until they expire.

An envelope is `tg1.<zone>.<key id>.` followed by a nonce and AES-256-GCM's ciphertext. The head and the slot's name are
authenticated: an envelope that is edited, or moved to another job's slot, does not open. A slot's name says whose it is
and what lies there, `<job>:<kind>:<random>`: a record that names another job's slot is not followed, and what only the
inside may write is not believed when the outside's key sealed it.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.connections import StoreClient
from tidegate.errors import PayloadMissing, SealBroken
from tidegate.keys import Keyring
from tidegate.lane import Zone
from tidegate.ledger.store import store_errors
from tidegate.livekeys import Rings
from tidegate.names import STORE_PREFIX

_MAGIC = "tg1"
_NONCE_BYTES = 12
_PARTS = 3
"""Of a slot's name: the job's id has no colon in it."""

_OUTSIDE_KINDS = frozenset({"outside", "answer", "result"})
"""What the outside's key may have sealed: the copy that left, and an answer from there."""

_PUT = """
redis.call('UNLINK', KEYS[1])
return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
"""
"""A full store lets a script go on that has begun to write: only jobs that are in get here, and they must end."""


@dataclass(frozen=True)
class Seals:
    """Seals and opens with the keyrings that this process was given. Pure but for its nonces."""

    keyrings: Mapping[Zone, Keyring]
    """Those of `livekeys.rings` follow their files."""

    def seal(self, zone: Zone, slot: str, plain: bytes) -> bytes:
        """Raises SealBroken where this process has no key of that zone."""
        key_id, key = self._ring(zone).sealing
        head = head_of(zone, key_id)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return head + nonce + AESGCM(key).encrypt(nonce, plain, head + slot.encode())

    def open(self, slot: str, envelope: bytes) -> bytes:
        """Raises SealBroken where the envelope is not whole, not for this slot, or not for this process."""
        try:
            magic, zone, key_id, rest = envelope.split(b".", 3)
            sealed_for = Zone(zone.decode("ascii"))
            name = key_id.decode("ascii")
        except ValueError:
            raise SealBroken("not an envelope", refusal="broken_seal") from None
        if sealed_for is Zone.OUTSIDE and kind_of(slot) not in _OUTSIDE_KINDS:
            raise SealBroken("only the inside may seal this, and the outside's key did", refusal="foreign_seal")
        key = self._key(sealed_for, name)
        if magic.decode("ascii", "replace") != _MAGIC or key is None:
            raise SealBroken(f"sealed with a key that this process does not have (zone {sealed_for})")
        head = envelope[: len(envelope) - len(rest)]
        try:
            return AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + slot.encode())
        except (InvalidTag, ValueError):
            raise SealBroken("the envelope was edited, or belongs to another slot", refusal="broken_seal") from None

    def _key(self, zone: Zone, key_id: str) -> bytes | None:
        """A key by its id. One that is not known may have come a moment ago: then the file is looked at."""
        key = self._ring(zone).keys.get(key_id)
        if key is None and isinstance(self.keyrings, Rings):
            key = self.keyrings.look(zone).keys.get(key_id)
        return key

    def _ring(self, zone: Zone) -> Keyring:
        if zone not in self.keyrings:
            raise SealBroken(f"this process has no key of the zone {zone}")
        return self.keyrings[zone]


class Vault:
    """Sealed texts in the store. Every text has a slot of its own and a time to live."""

    def __init__(self, client: StoreClient, seals: Seals, *, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        self.seals = seals
        self._prefix = prefix
        self._put = client.register_script(_PUT)

    def put(self, slot: str, plain: bytes, *, zone: Zone, keep_s: int) -> str:
        """Seal and store. Returns the envelope's digest."""
        envelope = self.seals.seal(zone, slot, plain)
        with store_errors():
            self._put(keys=[self._key(slot)], args=[envelope, keep_s])
        return digest(envelope)

    def envelope(self, slot: str) -> bytes:
        """The envelope as it lies there. Raises PayloadMissing."""
        with store_errors():
            found: bytes | None = self._redis.get(self._key(slot))
        if found is None:
            raise PayloadMissing("the vault has nothing in this slot: it expired, or was never there")
        return found

    def get(self, slot: str) -> bytes:
        """Open what lies in a slot. Raises PayloadMissing, SealBroken."""
        return self.seals.open(slot, self.envelope(slot))

    def drop(self, slot: str) -> None:
        """Remove what lies in a slot."""
        with store_errors():
            self._redis.unlink(self._key(slot))

    def _key(self, slot: str) -> str:
        return f"{self._prefix}:vault:{slot}"


def head_of(zone: Zone, key_id: str) -> bytes:
    """How an envelope begins that this key sealed."""
    return f"{_MAGIC}.{zone}.{key_id}.".encode("ascii")


def new_slot(job_id: str, kind: str) -> str:
    """A slot that nobody else writes to: two routers, or a zombie and its successor, never share one."""
    return f"{job_id}:{kind}:{secrets.token_hex(6)}"


def kind_of(slot: str) -> str:
    """What lies in a job's slot; nothing where it is no job's."""
    parts = slot.split(":")
    return parts[1] if len(parts) == _PARTS else ""


def own_slot(job_id: str, kind: str, slot: str) -> str:
    """A slot that a record names, where it is the job's own and of this kind. Raises SealBroken."""
    owner, *rest = slot.split(":")
    if owner != job_id or len(rest) != _PARTS - 1 or rest[0] != kind:
        raise SealBroken("the record names a slot that is not this job's", refusal="foreign_slot")
    return slot


def digest(envelope: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(envelope).hexdigest()
