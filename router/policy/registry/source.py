"""The configured policy file as a router watches it: whether it has changed, and has come to rest since."""

from dataclasses import dataclass, field
from pathlib import Path

from router.policy.registry.bundle import Bundle, bundled

Print = tuple[tuple[str, int, int, int], ...]
"""What tells that files changed without reading them: name, time, size and inode of each."""


_READS = 5
"""A file that changes between this many reads is looked at again later."""


@dataclass
class Source:
    """A policy file and what it includes."""

    path: Path
    _files: tuple[Path, ...] = ()
    _taken: Print | None = None
    _seen: Print | None = field(default=None, repr=False)

    def taken(self) -> Bundle:
        """Read it now, whole. Raises InvalidDocument; then it counts as changed until it can be read."""
        self._taken = None
        found = bundled(self.path)
        for _ in range(_READS):
            root = self.path.resolve().parents[len(Path(found.main).parts) - 1]
            self._files = tuple(root / name for name in found.files)
            seen = self._print()
            again = bundled(self.path)
            if again == found:  # so the print is of what was read
                self._taken = self._seen = seen
                break
            found = again
        return found

    def changed(self) -> bool:
        """Whether it differs from what was taken, and looks the same twice: nobody is in the middle of writing it."""
        now = self._print()
        rests, self._seen = now == self._seen, now
        return rests and now != self._taken

    def _print(self) -> Print:
        return tuple(_of(file) for file in self._files)


def _of(file: Path) -> tuple[str, int, int, int]:
    try:
        stat = file.stat()
    except OSError:
        return (str(file), 0, -1, 0)
    return (str(file), stat.st_mtime_ns, stat.st_size, stat.st_ino)
