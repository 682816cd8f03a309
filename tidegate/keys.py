"""Keys: one keyring a zone, and the router's signing key. From the environment, from files, or made on first use.

A keyring's last key seals; all of them open, so that keys can rotate while old envelopes still live.
"""

import base64
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr

from tidegate.errors import InvalidSettings, StorageFull
from tidegate.lane import Zone
from tidegate.settings import Settings

KEY_BYTES = 32
"""AES-256."""

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""It stands in the head of an envelope, between dots."""


@dataclass(frozen=True)
class Keyring:
    """The keys of one zone by their ids, the sealing one last."""

    zone: Zone
    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def sealing(self) -> tuple[str, bytes]:
        """Id and key to seal with."""
        return list(self.keys.items())[-1]

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
        if not keys:
            raise InvalidSettings(f"{source}: no key in it")
        return cls(zone, keys)


@dataclass(frozen=True)
class Signer:
    """Signs clearances. Only the router holds one."""

    _key: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)

    @property
    def verifier(self) -> "Verifier":
        """The public half."""
        return Verifier(self._key.public_key())


@dataclass(frozen=True)
class Verifier:
    """Checks clearances. It cannot make one."""

    _key: Ed25519PublicKey

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._key.public_bytes_raw()

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether the router signed this."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def keyring(settings: Settings, zone: Zone) -> Keyring:
    """A zone's keyring; made and kept in the data folder where none is configured."""
    value, file = getattr(settings, f"{zone}_key"), getattr(settings, f"{zone}_key_file")
    text, source = _configured(value, file, f"TIDEGATE_{zone.upper()}_KEY")
    if text is None:
        path = settings.keys_folder / f"{zone}.key"
        text, source = _kept(path, _new_symmetric), str(path)
    return Keyring.parse(zone, text, source=source)


def signer(settings: Settings) -> Signer:
    """The router's signing key; made and kept in the data folder, with its public half, where none is configured."""
    text, source = _configured(settings.clearance_key, settings.clearance_key_file, "TIDEGATE_CLEARANCE_KEY")
    folder = settings.keys_folder
    if text is None:
        text, source = _kept(folder / "clearance.key", lambda: _b64(secrets.token_bytes(32))), "clearance.key"
        made = Signer(Ed25519PrivateKey.from_private_bytes(_raw(text, source)))
        _kept(folder / "clearance.pub", lambda: _b64(made.verifier.raw))
        return made
    return Signer(Ed25519PrivateKey.from_private_bytes(_raw(text, source)))


def verifier(settings: Settings) -> Verifier:
    """The public half. Raises InvalidSettings where a worker was not given it."""
    text, source = _configured(settings.clearance_pub, settings.clearance_pub_file, "TIDEGATE_CLEARANCE_PUB")
    if text is None and (settings.clearance_key or settings.clearance_key_file):
        return signer(settings).verifier
    if text is None:
        path = settings.keys_folder / "clearance.pub"
        text, source = _kept(path, lambda: _b64(signer(settings).verifier.raw)), str(path)
    return Verifier(Ed25519PublicKey.from_public_bytes(_raw(text, source)))


def flower_password(settings: Settings) -> str:
    """Flower's password; made and kept in the data folder where none is configured."""
    if settings.flower_password is not None:
        return settings.flower_password.get_secret_value()
    return _kept(settings.keys_folder / "flower.key", lambda: secrets.token_urlsafe(18)).strip()


def _configured(value: SecretStr | None, file: Path | None, name: str) -> tuple[str | None, str]:
    if value is not None and file is not None:
        raise InvalidSettings(f"{name} and {name}_FILE are both set: give one")
    if value is not None:
        return value.get_secret_value(), name
    if file is None:
        return None, name
    try:
        return file.read_text(encoding="ascii"), f"{name}_FILE"
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidSettings(f"{name}_FILE: {file} cannot be read ({type(exc).__name__})") from None


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read a key file, or make it with mode 600. Two processes at once agree on the first one's."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(make() + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)  # atomic, and refuses to replace a key that came first
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        if path.stat().st_mode & 0o077 and path.suffix == ".key":
            raise InvalidSettings(f"{path}: others may read this key; run: chmod 600 {path}")
        return path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise InvalidSettings(f"{path}: this is no key file") from None
    except OSError as exc:
        raise StorageFull(f"{path}: the key file cannot be made or read: {exc.strerror}") from None


def _new_symmetric() -> str:
    return f"k{secrets.token_hex(4)}:{_b64(secrets.token_bytes(KEY_BYTES))}"


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _raw(text: str, source: str) -> bytes:
    raw = _decoded(text.strip())
    if len(raw) != KEY_BYTES:
        raise InvalidSettings(f"{source}: expected base64 of {KEY_BYTES} bytes")
    return raw


def _decoded(text: str) -> bytes:
    """What base64 stands for; nothing where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # not base64, or not even ASCII
        return b""
