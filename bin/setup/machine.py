"""What the machine must bring: a compiler, venv, room, memory; the lock between set-ups; RabbitMQ for tests."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from console import Console, SetupError
from places import Places

# .venv, uv's own cache and the build of the libraries together, at their largest.
_ROOM_MB = 1500

_RABBITMQ_LINE = "sudo apt-get install rabbitmq-server (Debian, Ubuntu), or brew install rabbitmq"


@contextlib.contextmanager
def lock(path: Path, console: Console, holder: str) -> Iterator[None]:
    """Hold the lock file; say whom we wait for, if somebody has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.say(f"Waiting for {holder} to end …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        # Inherited by what we start, so that a compiler which outlives us keeps the next set-up waiting.
        with console.inherited(handle.fileno()):
            yield


def prepare(places: Places, console: Console) -> None:
    """Install what is missing where we may, and otherwise say what to install."""
    missing = _missing()
    if missing and _may_install():
        _install(list(missing), console)
        importlib.invalidate_caches()
        missing = _missing()
    if missing:
        raise SetupError(
            f"This machine lacks {' and '.join(missing.values())}. Install with:\n  {_install_line(missing)}"
        )
    for folder in (places.root, places.cache):
        folder.mkdir(parents=True, exist_ok=True)
        free_mb = shutil.disk_usage(folder).free // 1_000_000
        if free_mb < _ROOM_MB and not places.stamp.exists():
            console.say(f"Only {free_mb} MB are free at {folder}; the set-up may need {_ROOM_MB} MB. Trying.")


def servers_for_tests(console: Console) -> None:
    """RabbitMQ, for the tests that need one. Where we may not install it they are skipped, except in CI."""
    if shutil.which("rabbitmq-server") or Path("/usr/sbin/rabbitmq-server").exists():
        return
    if not _may_install():
        console.say(f"RabbitMQ is not here: its tests are skipped. To have them: {_RABBITMQ_LINE}")
        return
    try:
        _install(
            ["rabbitmq-server"],
            console,
            why="for tests; they start a node of their own, and the system's may be stopped",
        )
    except SetupError as problem:
        console.say(f"RabbitMQ could not be installed, its tests are skipped: {problem}")


def runs(python: Path) -> bool:
    """Whether it starts at all: a .venv whose Python was upgraded away is a folder of dead links."""
    try:
        return subprocess.run([python, "-Ic", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def build_jobs() -> int:
    """Compilers to run at once: one a CPU, as far as memory goes. The largest files take most of a gigabyte each."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cpus, _free_memory_mb() // 800))


def _install(names: list[str], console: Console, *, why: str = "") -> None:
    told = f"System packages: apt-get install {' '.join(names)}" + (f" ({why})" if why else "")
    with console.step(told, usually="a minute"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        # Stale lists may still do, and a broken third-party source should not stop us: install decides.
        with contextlib.suppress(SetupError):
            console.run(["apt-get", "update", "-q"], env=environment)
        console.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *names], env=environment)


def _missing() -> dict[str, str]:
    """Debian's package names, each with what it stands for."""
    missing = {}
    if not any(shutil.which(name) for name in filter(None, (os.environ.get("CXX"), "c++", "g++", "clang++"))):
        missing["g++"] = "a C++ compiler"
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        minor = f"python3.{sys.version_info.minor}"
        default = Path("/usr/bin/python3").resolve().name == minor
        missing["python3-venv" if default else f"{minor}-venv"] = "Python's venv module with pip"
    return missing


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install_line(missing: dict[str, str]) -> str:
    compiler_only = "g++" in missing
    if shutil.which("apt-get"):
        return f"sudo apt-get update && sudo apt-get install {' '.join(missing)}"
    if shutil.which("dnf"):
        return "sudo dnf install gcc-c++ python3-pip" if compiler_only else "sudo dnf install python3-pip"
    if shutil.which("apk"):
        return "apk add build-base python3 py3-pip"
    if shutil.which("pacman"):
        return "sudo pacman -S --needed base-devel python"
    if sys.platform == "darwin":
        return "xcode-select --install"
    return f"the package manager of this system: {', '.join(missing.values())}"


def _free_memory_mb() -> int:
    """What a container may still take counts for less than what its host has free."""
    limits = [64_000]
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        limits.append(next(int(line.split()[1]) // 1000 for line in lines if line.startswith("MemAvailable:")))
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        allowed = int((group / "memory.max").read_text())  # "max" is no number, and no limit
        limits.append((allowed - int((group / "memory.current").read_text())) // 1_000_000)
    return min(limits)
