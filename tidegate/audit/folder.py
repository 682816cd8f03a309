"""The audit log's files on this machine: JSON lines, mode 600, that only grow; a new one each day or past a size.

A batch is one write, flushed to the disk before anybody is told. What a crash left of one, without a signed end, is cut
off when the folder is opened again: it was never acknowledged, and its entries still wait in the journal.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from tidegate.audit import line as lines
from tidegate.audit.line import Place
from tidegate.errors import StorageFull

FILE_BYTES = 64 * 1024 * 1024
"""A file that has grown to this is closed."""


class Folder:
    """The files of one place. One process at a time writes: it holds the folder's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._file: Path | None = None

    def lock(self) -> bool:
        """Become the one who writes here, for as long as this process lives. False where another one is."""
        if self._lock is not None:
            return True
        with _storage(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def unlock(self) -> None:
        """Let another process write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def name(self) -> str:
        """What tells this folder from another machine's."""
        with _storage(self.path), contextlib.suppress(FileExistsError):
            descriptor = os.open(self.path / ".place", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(descriptor, secrets.token_hex(8).encode("ascii"))
            os.close(descriptor)
        with _storage(self.path):
            return (self.path / ".place").read_text(encoding="ascii").strip()

    def recover(self, *, acknowledged: int) -> Place | None:
        """Cut off a torn batch, and say where the log stands. None where lines up to `acknowledged` are not all here.

        Then nothing is touched: what is there is evidence.
        """
        for file in reversed(files_of(self.path)):
            with _storage(file):
                kept, last = _whole(file.read_bytes())
                place = lines.place_of(last) if last is not None else None
                if place is None and _first_of(file) > acknowledged:
                    file.unlink()
                    continue
                if place is None or place.n < acknowledged:
                    return None
                if kept < file.stat().st_size:
                    os.truncate(file, kept)
            self._file = file
            return place
        return None

    def last(self) -> lines.Line:
        """The last line of the file that is written to."""
        if self._file is None:
            return {}
        with _storage(self._file):
            _, raw = _whole(self._file.read_bytes())
        return lines.read(raw) if raw is not None else {}

    def full(self, *, today: str) -> bool:
        """Whether the next batch belongs into a new file."""
        if self._file is None:
            return True
        with _storage(self._file):
            return self._file.stat().st_size >= FILE_BYTES or f".{today}." not in self._file.name

    def append(self, batch: list[bytes], *, first: int, today: str, fresh: bool) -> int:
        """Write a batch to the end, whole and flushed. Returns the size before it, for `take_back`."""
        if fresh or self._file is None:
            self._file = self._new(first, today)
        with _storage(self._file):
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND)
            try:
                before = os.fstat(descriptor).st_size
                try:
                    _write_all(descriptor, b"".join(line + b"\n" for line in batch))
                    os.fsync(descriptor)
                except OSError:
                    os.ftruncate(descriptor, before)
                    raise
            finally:
                os.close(descriptor)
        return before

    def take_back(self, size: int) -> None:
        """Undo the last append: another keeper was faster, and its lines count."""
        if self._file is not None:
            with _storage(self._file):
                os.truncate(self._file, size)
                if size == 0:
                    self._file.unlink()
            self._file = None

    def _new(self, first: int, today: str) -> Path:
        for number in range(1000):
            path = self.path / f"{first:012d}.{today}.{number}.jsonl"
            with _storage(path), contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                descriptor = os.open(self.path, os.O_RDONLY)
                os.fsync(descriptor)  # the name, too, must survive a crash
                os.close(descriptor)
                return path
        raise StorageFull(f"{self.path}: a thousand audit files begin with the same line")


def files_of(folder: Path) -> list[Path]:
    """The files of a log in the order of their lines."""
    return sorted(folder.glob("*.jsonl"))


def _first_of(file: Path) -> int:
    """The number of a file's first line, by its name; 0 where the name is not one of ours."""
    first = file.name.partition(".")[0]
    return int(first) if first.isdecimal() else 0


def _whole(content: bytes) -> tuple[int, bytes | None]:
    """How much of a file is whole batches, and its last line."""
    end = content.rfind(b"\n") + 1
    while end:
        start = content.rfind(b"\n", 0, end - 1) + 1
        raw = content[start : end - 1]
        with contextlib.suppress(lines.Unreadable):
            if lines.signed(lines.read(raw)):
                return end, raw
        end = start
    return 0, None


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    """A disk's errors as ours; a file that is there already is for the caller."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as exc:
        raise StorageFull(f"{path}: the audit log cannot be written: {exc.strerror}") from None
