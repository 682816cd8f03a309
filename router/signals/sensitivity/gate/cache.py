"""Compiled databases, each in a file of the user's cache folder: compiling takes seconds, reading a few milliseconds.

A file counts only when it is the user's own, nobody else may write to it, and its digest is right: a broken database
can do anything to the process that reads it. Whatever is wrong with it, it is compiled anew; where nothing can be
written, every start compiles.
"""

import contextlib
import hashlib
import os
import platform
import stat
import tempfile
from functools import cache
from pathlib import Path

from tidegate.logs import logger

log = logger(__name__)

MAGIC = b"tidegate gate 1\n"
MAX_BYTES = 256 * 1024 * 1024
"""A larger file is not ours: databases of a few hundred patterns are some megabytes."""

MAX_FILES = 1000
"""One version on one machine has some hundred; what was longest unused goes first."""

DIGEST_BYTES = hashlib.sha256().digest_size


class Kept:
    """The place of one database: other patterns, another Hyperscan or another processor have another."""

    def __init__(self, *parts: object) -> None:
        digest = hashlib.sha256(repr((MAGIC, parts, _processor())).encode())
        self.path = _folder() / f"gate-{digest.hexdigest()[:32]}.hsdb"

    def read(self) -> bytes | None:
        """The database; None where there is no file, or one that is not to be trusted."""
        try:
            kept = _read_own(self.path)
        except FileNotFoundError:
            return None
        except OSError as exc:
            log.warning("gate.cache_refused", error=type(exc).__name__)
            return None
        database = kept[len(MAGIC) + DIGEST_BYTES :]
        if kept != _sealed(database):
            log.warning("gate.cache_refused", error="digest")
            return None
        with contextlib.suppress(OSError):
            os.utime(self.path)
        return database

    def write(self, database: bytes) -> None:
        """Keep it for the next start, all at once; without room or right to, do without."""
        try:
            _write_whole(self.path, _sealed(database))
            _prune(self.path.parent)
        except OSError as exc:
            log.warning("gate.cache_unwritable", error=type(exc).__name__)


def _folder() -> Path:
    """By the XDG base directories; a relative path there is to be ignored."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path(os.path.expanduser("~/.cache"))) / "tidegate"  # noqa: PTH111 - never raises


@cache
def _processor() -> str:
    """What Hyperscan compiles for: it checks this itself as well."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{platform.machine()} {features}"


def _read_own(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor: what was checked is what is read
        about = os.fstat(descriptor)
        others_may_write = about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or others_may_write:
            raise PermissionError("not a file of ours alone")
        if about.st_size > MAX_BYTES:
            raise PermissionError("too large")
        return file.read(MAX_BYTES)


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".gate-")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content)
        os.replace(name, path)  # noqa: PTH105 - both are strings of the same folder
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise


def _prune(folder: Path) -> None:
    """Keep no more than the bound; another process may be doing the same."""
    used: dict[Path, float] = {}
    for path in (*folder.glob("gate-*.hsdb"), *folder.glob(".gate-*")):
        with contextlib.suppress(FileNotFoundError):
            used[path] = path.stat().st_mtime
    for path in sorted(used, key=used.__getitem__)[:-MAX_FILES]:
        path.unlink(missing_ok=True)


def _sealed(body: bytes) -> bytes:
    return MAGIC + hashlib.sha256(body).digest() + body
