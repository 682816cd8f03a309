"""Keys: one keyring a zone, the router's signing key, the audit log's. Where they come from is in `keyfiles`.

A keyring's last key seals; all of them open, so that keys can rotate while old envelopes still live. Of signing keys
the last one signs; every public half that is listed is believed. How keys change while all run: `rotation`.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr

from tidegate.errors import InvalidSettings
from tidegate.keyfiles import Source, configured, kept
from tidegate.lane import Zone
from tidegate.settings import Settings

KEY_BYTES = 32
"""AES-256."""

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""It stands in the head of an envelope, between dots."""


NAMING = "naming"
"""An entry of a keyring that opens nothing: names are derived from it when the first key is gone."""


class Signs(Protocol):
    """What signs: a Signer, or one that follows its file."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""


@dataclass(frozen=True)
class Keyring:
    """The keys of one zone by their ids, the sealing one last."""

    zone: Zone
    keys: Mapping[str, bytes] = field(repr=False)
    named: bytes | None = field(default=None, repr=False)

    @property
    def sealing(self) -> tuple[str, bytes]:
        """Id and key to seal with."""
        return list(self.keys.items())[-1]

    @property
    def naming(self) -> bytes:
        """What keyed names are made with: ids of idempotency keys, fingerprints, conversations. No rotation changes it.

        It is derived from the first key that there ever was, one way: that key can be thrown away.
        """
        first = next(iter(self.keys.values()))
        return self.named or hmac.new(first, b"tidegate naming", hashlib.sha256).digest()

    @classmethod
    def parse(cls, zone: Zone, text: str, *, source: str) -> "Keyring":
        """Read `id:base64` entries, separated by commas or lines. Raises InvalidSettings, quoting nothing."""
        keys: dict[str, bytes] = {}
        for entry in text.replace(",", "\n").split():
            key_id, _, encoded = entry.partition(":")
            key = _decoded(encoded)
            if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
                raise InvalidSettings(f"{source}: each key is written id:base64 of {KEY_BYTES} bytes")
            if key_id in keys:
                raise InvalidSettings(f"{source}: two keys have the same id")
            keys[key_id] = key
        named = keys.pop(NAMING, None)
        if not keys:
            raise InvalidSettings(f"{source}: no key in it")
        return cls(zone, keys, named)

    def text(self) -> str:
        """As `parse` reads it, a key a line."""
        lines = {**({NAMING: self.named} if self.named else {}), **self.keys}
        return "".join(f"{key_id}:{_b64(key)}\n" for key_id, key in lines.items())


@dataclass(frozen=True)
class Signer:
    """Signs: clearances in the router, the audit log in its keeper."""

    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def parse(cls, text: str, *, source: str) -> "Signer":
        """Read base64 of 32 bytes; of several, the last signs. Raises InvalidSettings, quoting nothing."""
        return cls(Ed25519PrivateKey.from_private_bytes(_raws(text, source)[-1]))

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)

    def text(self) -> str:
        """As `parse` reads it."""
        return _b64(self._key.private_bytes_raw()) + "\n"

    @property
    def verifier(self) -> "Verifier":
        """The public half."""
        return Verifier((self._key.public_key(),))


@dataclass(frozen=True)
class Verifier:
    """Checks what a signer signed. It cannot sign."""

    keys: tuple[Ed25519PublicKey, ...]

    @classmethod
    def parse(cls, text: str, *, source: str) -> "Verifier":
        """Read base64 of 32 bytes each, separated by commas or lines. Raises InvalidSettings."""
        return cls(tuple(Ed25519PublicKey.from_public_bytes(raw) for raw in _raws(text, source)))

    @property
    def raws(self) -> tuple[bytes, ...]:
        """The 32 bytes of each public key."""
        return tuple(key.public_bytes_raw() for key in self.keys)

    @property
    def raw(self) -> bytes:
        """The newest one's."""
        return self.raws[-1]

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether the owner of one of these keys signed this."""
        return any(_holds(key, signature, message) for key in self.keys)

    def text(self) -> str:
        """As `parse` reads it, a key a line."""
        return "".join(f"{_b64(raw)}\n" for raw in self.raws)


def keyring(settings: Settings, zone: Zone) -> Keyring:
    """A zone's keyring; made and kept in the data folder where none is configured."""
    source = ring_source(settings, zone)
    return Keyring.parse(zone, source.text(), source=source.name)


def signer(settings: Settings, use: str = "clearance") -> Signer:
    """The router's or the audit log's; made and kept, with its public half, where none is configured."""
    source = signer_source(settings, use)
    made = Signer.parse(source.text(), source=source.name)
    if source.made:
        kept(settings.keys_folder / f"{use}.pub", lambda: _b64(made.verifier.raw))
    return made


def verifier(settings: Settings, use: str = "clearance") -> Verifier:
    """The public half. Raises InvalidSettings where a worker was not given it."""
    source = verifier_source(settings, use)
    if source is None:
        return signer(settings, use).verifier
    return Verifier.parse(source.text(), source=source.name)


def ring_source(settings: Settings, zone: Zone) -> Source:
    """Where a zone's keyring is read."""
    return _source(settings, f"{zone}_key") or Source(
        name=str(settings.keys_folder / f"{zone}.key"),
        path=settings.keys_folder / f"{zone}.key",
        make=lambda: f"k{secrets.token_hex(4)}:{_b64(secrets.token_bytes(KEY_BYTES))}",
    )


def signer_source(settings: Settings, use: str = "clearance") -> Source:
    """Where a signing key is read."""
    return _source(settings, f"{use}_key") or Source(
        name=f"{use}.key",
        path=settings.keys_folder / f"{use}.key",
        make=lambda: _b64(secrets.token_bytes(32)),
    )


def verifier_source(settings: Settings, use: str = "clearance") -> Source | None:
    """Where the public halves are read; None where only the signing key is configured."""
    given = _source(settings, f"{use}_pub")
    if given is not None or getattr(settings, f"{use}_key") or getattr(settings, f"{use}_key_file"):
        return given
    path = settings.keys_folder / f"{use}.pub"
    return Source(name=str(path), path=path, make=lambda: _b64(signer(settings, use).verifier.raw))


def flower_password(settings: Settings) -> str:
    """Flower's password; made and kept in the data folder where none is configured."""
    if settings.flower_password is not None:
        return settings.flower_password.get_secret_value()
    return kept(settings.keys_folder / "flower.key", lambda: secrets.token_urlsafe(18)).strip()


def _source(settings: Settings, name: str) -> Source | None:
    value: SecretStr | None = getattr(settings, name)
    return configured(value, getattr(settings, f"{name}_file"), f"TIDEGATE_{name.upper()}")


def _holds(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _raws(text: str, source: str) -> list[bytes]:
    found = [_decoded(entry) for entry in text.replace(",", "\n").split()]
    if not found or any(len(raw) != KEY_BYTES for raw in found):
        raise InvalidSettings(f"{source}: expected base64 of {KEY_BYTES} bytes")
    return found


def _decoded(text: str) -> bytes:
    """What base64 stands for; nothing where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # not base64, or not even ASCII
        return b""
