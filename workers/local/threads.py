"""How many threads an engine may use: what this process may really run on, not what the machine has.

llama.cpp's own default is half the machine's CPUs and knows nothing of a container's quota; threads beyond the quota
wait for each other inside every step and make it several times slower.
"""

import os
from collections.abc import Iterator
from pathlib import Path

BYTES_PER_THREAD = 64_000_000
"""Measured beside a busy neighbour: a model of 0.5 MB makes 6,600 tokens/s on one thread, and 18 on two."""


def usable(*, cgroup: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """CPUs by affinity and by the tightest cgroup quota above this process; at least one."""
    return max(1, int(min([_affinity(), *_quotas(cgroup, own)])))


def for_model(size_bytes: int) -> int:
    """No more than the weights can keep busy: a step of a small model is shorter than the threads' handshake."""
    return max(1, min(usable(), size_bytes // BYTES_PER_THREAD))


def _affinity() -> float:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(cgroup: Path, own: Path) -> Iterator[float]:
    """Each quota, in CPUs, from the process's own group up to the root; version 2 and version 1."""
    for folder in _groups(cgroup, own):
        yield from _ratio(_words(folder / "cpu.max"))
        yield from _ratio([*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")])


def _groups(cgroup: Path, own: Path) -> Iterator[Path]:
    """The folders of the process's groups; a line is `0::/path` or `4:cpu,cpuacct:/path`."""
    for line in _lines(own) or ["0::/"]:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroup / controllers if controllers else cgroup
        group = root / path.lstrip("/")
        yield from (group, *(parent for parent in group.parents if parent.is_relative_to(root)))


def _ratio(words: list[str]) -> Iterator[float]:
    """Quota over period; `max` and -1 mean none."""
    if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]) > 0:  # noqa: PLR2004
        yield int(words[0]) / int(words[1])


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
