"""The control groups that this process is in: where a container's limits stand. Version 2 and version 1."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def folders(controller: str, *, root: Path = ROOT, own: Path = OWN) -> Iterator[Path]:
    """The folders of a controller's groups, from the process's own up to the root: each may hold a limit."""
    for line in lines(own) or ["0::/"]:  # a line is `0::/path` or `4:cpu,cpuacct:/path`
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        top = root / controllers if controllers else root
        group = top / path.lstrip("/")
        yield from (group, *(parent for parent in group.parents if parent.is_relative_to(top)))


def words(path: Path) -> list[str]:
    """A small file's words; none where it cannot be read."""
    return " ".join(lines(path)).split()


def lines(path: Path) -> list[str]:
    """A small file's lines; none where it cannot be read."""
    try:
        return path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
