"""SHA-256 of model files, each counted once per process as long as the file does not change."""

import hashlib
from collections.abc import Callable
from pathlib import Path

CHUNK_BYTES = 4_000_000

_Print = tuple[int, int, int, int]
_known: dict[Path, tuple[_Print, str]] = {}
"""Path -> (what the file looked like, its checksum): an engine that restarts need not read gigabytes again."""


def sha256(path: Path, *, each_chunk: Callable[[], None] = lambda: None) -> str:
    """The file's checksum. `each_chunk` is called between reads and may raise to end it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            each_chunk()
    return digest.hexdigest()


def matches(path: Path, expected: str | None, *, each_chunk: Callable[[], None] = lambda: None) -> bool:
    """Whether the file is the one that `expected` names; without an expectation every file is."""
    if expected is None:
        return True
    look = _look(path)
    known = _known.get(path)
    if known is None or known[0] != look:
        known = _known[path] = (look, sha256(path, each_chunk=each_chunk))
    return known[1] == expected.lower()


def _look(path: Path) -> _Print:
    stat = path.stat()
    return (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
