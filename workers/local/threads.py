"""How many threads an engine may use: what this process may really run on, not what the machine has.

llama.cpp's own default is half the machine's CPUs and knows nothing of a container's quota; threads beyond the quota
wait for each other inside every step and make it several times slower.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from workers.local import cgroup

BYTES_PER_THREAD = 64_000_000
"""Measured beside a busy neighbour: a model of 0.5 MB makes 6,600 tokens/s on one thread, and 18 on two."""


def usable(*, root: Path = cgroup.ROOT, own: Path = cgroup.OWN) -> int:
    """CPUs by affinity and by the tightest cgroup quota above this process; at least one."""
    return max(1, int(min([_affinity(), *_quotas(root, own)])))


def for_model(size_bytes: int) -> int:
    """No more than the weights can keep busy: a step of a small model is shorter than the threads' handshake."""
    return max(1, min(usable(), size_bytes // BYTES_PER_THREAD))


def _affinity() -> float:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path, own: Path) -> Iterator[float]:
    """Each quota, in CPUs, from the process's own group up to the root; version 2 and version 1."""
    for folder in cgroup.folders("cpu", root=root, own=own):
        yield from _ratio(cgroup.words(folder / "cpu.max"))
        yield from _ratio([*cgroup.words(folder / "cpu.cfs_quota_us"), *cgroup.words(folder / "cpu.cfs_period_us")])


def _ratio(words: list[str]) -> Iterator[float]:
    """Quota over period; `max` and -1 mean none."""
    if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]) > 0:  # noqa: PLR2004
        yield int(words[0]) / int(words[1])
