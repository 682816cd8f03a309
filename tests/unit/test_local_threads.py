"""How many threads an engine may use."""

import os
from pathlib import Path

import pytest

from workers.local import threads

HERE = len(os.sched_getaffinity(0))


def group(root: Path, path: str, **files: str) -> None:
    """A cgroup folder with these files."""
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_dot_", ".")).write_text(content)


def count(root: Path, own: str) -> int:
    """The answer for a process in these groups."""
    (root / "own").write_text(own)
    return threads.usable(root=root, own=root / "own")


def test_without_a_quota_the_affinity_counts(tmp_path: Path) -> None:
    """`max` is no quota, and neither is -1."""
    group(tmp_path, "", cpu_dot_max="max 100000\n")
    group(tmp_path, "cpu", cpu_dot_cfs_quota_us="-1\n", cpu_dot_cfs_period_us="100000\n")
    assert count(tmp_path, "0::/\n4:cpu:/\n") == HERE


@pytest.mark.parametrize(("quota", "expected"), [("50000 100000", 1), ("100000 100000", 1), ("99999999 100000", HERE)])
def test_a_quota_bounds_the_threads(tmp_path: Path, quota: str, expected: int) -> None:
    """A share of a CPU is one thread; a quota above the affinity changes nothing."""
    group(tmp_path, "", cpu_dot_max=quota)
    assert count(tmp_path, "0::/") == expected


def test_the_tightest_group_above_counts(tmp_path: Path) -> None:
    """A quota on a parent binds its children."""
    group(tmp_path, "", cpu_dot_max="max 100000")
    group(tmp_path, "pod", cpu_dot_max="100000 100000")
    group(tmp_path, "pod/container", cpu_dot_max="max 100000")
    assert count(tmp_path, "0::/pod/container") == 1


def test_version_1_is_read_too(tmp_path: Path) -> None:
    """Older kernels keep quota and period in two files of the cpu controller."""
    group(tmp_path, "cpu/pod", cpu_dot_cfs_quota_us="100000", cpu_dot_cfs_period_us="100000")
    assert count(tmp_path, "12:memory:/pod\n4:cpu:/pod\n") == 1


@pytest.mark.parametrize("own", ["", "nonsense", "0::/../../etc"])
def test_nonsense_is_no_quota(tmp_path: Path, own: str) -> None:
    """Whatever the kernel's file says, there is an answer of at least one."""
    group(tmp_path, "", cpu_dot_max="nonsense")
    assert count(tmp_path, own) == HERE


def test_a_small_model_gets_one_thread() -> None:
    """Threads cost more than they bring where there is nothing to share out."""
    assert threads.for_model(1_000_000) == 1
    assert threads.for_model(10**12) == threads.usable()
