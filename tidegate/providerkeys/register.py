"""The register of provider keys: which key belongs to which environment, as a file that environments can share.

What it protects from is the mistake that people make: staging is handed production's key, in a variable, a file or a
secret, and from then on spends its budget and its limits, or production's texts go to an account that was meant for
trials. A mark in the key's file would miss each key that comes by a variable, so what is known is the key itself, by a
fingerprint.

A line is `environment NAME fingerprint date`. The rule: a key that is registered is taken only where it is registered.
What nobody registered is not judged: refusing it would turn each rotation by another tool into an outage.

The fingerprint is a slow hash of the key, cut short. It has no key of its own: environments that must not share
secrets would have to share that one. A provider's key is too random to be guessed, and a poor one is guessed slowly.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tidegate import keyfiles
from tidegate.errors import InvalidSettings, StorageFull
from tidegate.settings import Settings

_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.:-]{0,63}) ([A-Z][A-Z0-9_]*) ([0-9a-f]{16}) (\d{4}-\d{2}-\d{2})")
_SALT = b"tidegate provider key"
MOST_BYTES = 1_000_000
HEAD = "# Which provider key belongs to which environment: environment NAME fingerprint date. Holds no key.\n"


@dataclass(frozen=True, order=True)
class Entry:
    """One key in one environment."""

    environment: str
    name: str
    fingerprint: str
    date: str

    @property
    def key_of(self) -> tuple[str, str, str]:
        """What it says, whenever it was written."""
        return self.environment, self.name, self.fingerprint

    @property
    def line(self) -> str:
        """As it stands in the file."""
        return f"{self.environment} {self.name} {self.fingerprint} {self.date}"


@lru_cache(maxsize=64)
def _fingerprint(key_hash: bytes) -> str:
    """About 40 ms: once a key and process. Cached by a hash, so that no key lies in a cache."""
    return hashlib.scrypt(key_hash, salt=_SALT, n=2**14, r=8, p=1, dklen=8).hex()


def fingerprint(key: str) -> str:
    """Sixteen hex digits that tell keys apart, and give none away."""
    return _fingerprint(hashlib.sha256(key.encode()).digest())


def read(path: Path) -> tuple[Entry, ...]:
    """The register; empty where there is none. Raises InvalidSettings for one that cannot be read or understood."""
    try:
        with path.open(encoding="ascii") as file:
            text = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidSettings(f"{path}: the register of keys cannot be read ({type(exc).__name__})") from None
    return tuple(_entries(path, text))


def refusal(entries: Iterable[Entry], *, key: str, environment: str) -> str | None:
    """Why this key is not taken in this environment; None: it is."""
    known = tuple(entries)
    found = fingerprint(key) if known else ""
    owners = sorted({entry.environment for entry in known if entry.fingerprint == found})
    if not owners or environment in owners:
        return None
    return f"the key {found} is registered for {', '.join(owners)}, and this is {environment}"


def add(path: Path, entry: Entry) -> None:
    """Put a key on the register, if it is not there. Raises InvalidSettings, StorageFull."""
    with _alone(path.parent):
        known = read(path)
        if any(one.key_of == entry.key_of for one in known):
            return
        fresh = not path.exists()
        before = HEAD if fresh else path.read_text(encoding="ascii")
        keyfiles.replace(path, before.rstrip("\n") + "\n" + entry.line)
        if fresh:
            path.chmod(0o644)  # it holds no secret, and is there to be shared


def path_of(settings: Settings) -> Path:
    """The register's file. Raises InvalidSettings where one is named and is not there: then nobody could judge."""
    named = settings.provider_register
    if named is not None and not named.exists():
        raise InvalidSettings(f"TIDEGATE_PROVIDER_REGISTER: no file {named}")
    return named or settings.provider_keys_folder / "register"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two who write at once: neither's line is lost."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as exc:
        raise StorageFull(f"{folder}: the register of keys cannot be written: {exc.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _entries(path: Path, text: str) -> Sequence[Entry]:
    if len(text) > MOST_BYTES:
        raise InvalidSettings(f"{path}: the register of keys is longer than {MOST_BYTES} bytes")
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise InvalidSettings(f"{path}:{number}: expected `environment NAME fingerprint date`")
        found.append(Entry(*match.groups()))
    return found
