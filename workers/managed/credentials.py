"""The key that a deployment's calls carry: as it lies in its place now, so that it can change while everything runs.

A file is looked at once a second at most, however many calls there are, and at once after a provider refused its key.
What is held here is wrapped: it shows in no repr, no traceback with locals, and cannot be pickled.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

from pydantic import SecretStr

from tidegate.deployment import Deployment
from tidegate.errors import AuthFailed, InvalidSettings
from tidegate.lane import Lane
from tidegate.providerkeys import places, register, secretfile
from tidegate.settings import Settings

NO_KEY = "none"
"""What an own server is sent where the lane names no key: some insist on a key and take any."""

LOOK_S = 1.0
KEEP_S = 5.0
"""A file that is empty or gone may be on its way: so long the key that lay there before goes on."""

T = TypeVar("T")


class Credential:
    """One deployment's key. Thread-safe."""

    def __init__(self, lane: Lane, deployment: Deployment, settings: Settings) -> None:
        self._lane = lane.name
        self._name = places.name_of(lane, deployment)
        self._settings = settings

    def key(self) -> str:
        """The key to send. Raises AuthFailed where there is none that may be sent, and says what to do."""
        if self._name is None:
            return NO_KEY
        try:
            secret = self._present(self._name)
            self._see_whose(secret)
        except InvalidSettings as exc:
            raise AuthFailed(f"lane {self._lane}: {exc}") from None
        return secret.get_secret_value()

    def mark(self, *, at_once: bool = False) -> str:
        """What tells this key from the next, and gives it away to nobody. `at_once`: look at its file now."""
        if self._name is None:
            return ""
        try:
            secret = self._present(self._name, at_once=at_once)
        except InvalidSettings:
            return ""
        return hashlib.sha256(secret.get_secret_value().encode()).hexdigest()

    def _present(self, name: str, *, at_once: bool = False) -> SecretStr:
        place = places.place_of(name, self._settings)
        if place.path is None:
            return SecretStr(place.read())
        if place.strict and not _known(place.path) and not place.there:
            raise InvalidSettings(
                f"put the provider's key into the environment variable {name}, a file's name into {name}_FILE, "
                f"or the key into {place.path}: tidegate keys provider set {name}"
            )
        return _file(place.path, strict=place.strict)(at_once=at_once)

    def _see_whose(self, secret: SecretStr) -> None:
        """Raises InvalidSettings for another environment's key, and where nobody can tell."""
        entries = _register(register.path_of(self._settings))()
        environment = places.environment_of(self._settings)
        refusal = register.refusal(entries, key=secret.get_secret_value(), environment=environment)
        if refusal is not None:
            raise InvalidSettings(refusal)


def given(name: str) -> str:
    """A variable's value, else what the file in `<name>_FILE` holds; nothing where it cannot be read. For documents."""
    value, file = os.environ.get(name, "").strip(), os.environ.get(f"{name}_FILE")
    if value or not file:
        return value
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


class Watched(Generic[T]):
    """What a file holds now; what it held a moment ago, where it cannot be read for a moment."""

    def __init__(self, path: Path, read: Callable[[Path], T], *, keep_s: float = 0.0) -> None:
        self._path, self._read, self._keep_s = path, read, keep_s
        self._lock = threading.Lock()
        self._value: T | None = None
        self._problem: InvalidSettings | None = None
        self._mark: tuple[int, ...] | None = None
        self._looked_at = self._read_at = -float("inf")

    def __call__(self, *, at_once: bool = False) -> T:
        """What it holds. Raises InvalidSettings."""
        now = time.monotonic()
        if at_once or now - self._looked_at >= LOOK_S:
            with self._lock:
                self._look(now)
        if self._problem is not None:
            raise InvalidSettings(str(self._problem))
        assert self._value is not None  # noqa: S101 - one of the two is always there
        return self._value

    def __reduce__(self) -> NoReturn:
        raise TypeError("what may be a key is not pickled")

    @property
    def known(self) -> bool:
        """Whether it could ever be read."""
        return self._value is not None

    def _look(self, now: float) -> None:
        self._looked_at = now
        mark = self._stat()
        if mark is not None and mark == self._mark and self._problem is None:
            self._read_at = now
            return
        try:
            self._value, self._problem = self._read(self._path), None
            self._mark, self._read_at = mark, now
        except InvalidSettings as exc:
            if self._value is None or now - self._read_at > self._keep_s:
                self._problem = exc

    def _stat(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode, found.st_uid, found.st_gid)


# One view of a file for all lanes that read it: else a key would be new to one of them and old to the next.
@lru_cache(maxsize=256)
def _file(path: Path, *, strict: bool) -> Watched[SecretStr]:
    return Watched(path, lambda path: SecretStr(secretfile.read(path, strict=strict)), keep_s=KEEP_S)


@lru_cache(maxsize=16)
def _register(path: Path) -> Watched[tuple[register.Entry, ...]]:
    return Watched(path, register.read)


def _known(path: Path) -> bool:
    return _file(path, strict=True).known
