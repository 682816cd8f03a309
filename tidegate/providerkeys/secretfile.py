"""A file with one secret in it: who may read it, and what it holds. No message here quotes what it holds."""

import os
import stat
from pathlib import Path

from tidegate.errors import InvalidSettings

MOST_BYTES = 16_384
"""Far more than any key; a log that was linked here by mistake is not read to its end."""


def read(path: Path, *, strict: bool) -> str:
    """The secret. `strict`: refuse a file that others may read, or that others own.

    What is judged is what was opened, behind any number of links: so the links of a Kubernetes secret work, and
    nobody can change the file between the look and the reading.
    """
    try:
        # Not blocking: a pipe in its place must not hold up a worker.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _see(path, os.fstat(descriptor), strict=strict)
            content = os.read(descriptor, MOST_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise InvalidSettings(f"{path} cannot be read ({exc.strerror})") from None
    return checked(content.decode("ascii", "replace"), str(path))


def checked(text: str, where: str) -> str:
    """The key in a text. Raises InvalidSettings that names where it was found."""
    if not text.strip():
        raise InvalidSettings(f"{where} is empty")
    if not plain(text.strip()):
        raise InvalidSettings(f"{where} holds no key: one line of printable ASCII without spaces is expected")
    return text.strip()


def plain(text: str) -> bool:
    """Whether this can be a key: one line of printable ASCII without a space in it, since it goes into a header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text and len(text) <= MOST_BYTES


def _see(path: Path, found: os.stat_result, *, strict: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InvalidSettings(f"{path} is no file")
    if not strict:
        return
    if found.st_uid not in (os.geteuid(), 0) and found.st_uid != _owner_of_folder(path):
        raise InvalidSettings(f"{path} belongs to user {found.st_uid}; run: chown {os.geteuid()} {path}")
    if found.st_mode & 0o077 and not _lent(found):
        raise InvalidSettings(f"{path}: others may read this key; run: chmod 600 {path}")


def _owner_of_folder(path: Path) -> int:
    """Who could put any key here. Root looks after the keys of a service that is not root."""
    return path.parent.stat().st_uid


def _lent(found: os.stat_result) -> bool:
    """Whether root lets exactly one of our groups read it: a Kubernetes secret with an fsGroup."""
    ours = found.st_gid in {os.getegid(), *os.getgroups()}
    return found.st_uid == 0 != os.geteuid() and ours and not found.st_mode & 0o037
