"""Live keys: a process follows its key files, so that keys change while it runs.

A file is looked at once a second at most, and at once when an envelope names a key that is not known. A file that
cannot be read, or holds no keys, changes nothing: what was read before goes on. A variable is read once: its process
must be started anew.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from tidegate import keys
from tidegate.errors import TidegateError
from tidegate.keyfiles import Source
from tidegate.keys import Keyring, Signer, Verifier
from tidegate.lane import Zone
from tidegate.logs import logger
from tidegate.settings import Settings

LOOK_S = 1.0
"""A file is looked at this often at most."""

T = TypeVar("T")

log = logger(__name__)


class Live(Generic[T]):
    """What a file holds now."""

    def __init__(self, read: Callable[[], T], source: Source | None) -> None:
        self._read = read
        self._path = source.path if source else None
        self._lock = threading.Lock()
        self._value = read()
        self._mark = self._stat()
        self._looked = time.monotonic()

    def __call__(self, *, at_once: bool = False) -> T:
        """The present value. `at_once`: look at the file now, whenever it was looked at last."""
        if self._path is not None and (at_once or time.monotonic() - self._looked >= LOOK_S):
            with self._lock:
                self._look()
        return self._value

    def _look(self) -> None:
        self._looked = time.monotonic()
        mark = self._stat()
        if mark in (self._mark, None):
            return
        try:
            self._value = self._read()
            log.info("keys.reloaded", file=str(self._path))
        except TidegateError as exc:
            log.error("keys.unreadable", file=str(self._path), error=type(exc).__name__)  # noqa: TRY400 - may quote
        self._mark = mark

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino, found.st_size) if found else None


class Rings(Mapping[Zone, Keyring]):
    """The keyrings of a process, by zone, as their files hold them now."""

    def __init__(self, settings: Settings, zones: tuple[Zone, ...]) -> None:
        self._live = {zone: _live_ring(settings, zone) for zone in zones}

    def __getitem__(self, zone: Zone) -> Keyring:
        return self._live[zone]()

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._live)

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, zone: object) -> bool:
        return zone in self._live

    def look(self, zone: Zone) -> Keyring:
        """The keyring after a look at the file: for an envelope whose key is not known yet."""
        return self._live[zone](at_once=True)


@dataclass(frozen=True)
class LiveSigner:
    """Signs with what the file holds now."""

    _live: Live[Signer]

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._live().sign(message)

    @property
    def verifier(self) -> Verifier:
        """The public half of what signs now."""
        return self._live().verifier


def rings(settings: Settings, *zones: Zone) -> Rings:
    """These zones' keyrings."""
    return Rings(settings, zones)


def live_signer(settings: Settings, use: str = "clearance") -> LiveSigner:
    """The signing key."""
    return LiveSigner(Live(lambda: keys.signer(settings, use), keys.signer_source(settings, use)))


def live_verifier(settings: Settings, use: str = "clearance") -> Live[Verifier]:
    """The public halves. Raises InvalidSettings where there are none."""
    source = keys.verifier_source(settings, use) or keys.signer_source(settings, use)
    return Live(lambda: keys.verifier(settings, use), source)


def own_verifier(settings: Settings, signs: LiveSigner, use: str = "clearance") -> Callable[[], Verifier]:
    """For who signs and reads it again: his own half, and those that he was given for what an older key signed."""
    given = live_verifier(settings, use)
    return lambda: Verifier((*given().keys, *signs.verifier.keys))


def _live_ring(settings: Settings, zone: Zone) -> Live[Keyring]:
    return Live(lambda: keys.keyring(settings, zone), keys.ring_source(settings, zone))
