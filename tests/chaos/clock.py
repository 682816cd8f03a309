"""A clock of its own for some processes, that can jump: a small library in C that is compiled for the run."""

import shutil
import subprocess
import sys
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """The wall clock of the processes that are started with `env`. Their monotonic clock goes on as it is."""

    def __init__(self, file: Path, library: Path | None) -> None:
        self._file = file
        self._library = library
        self.set(0)

    @property
    def can_jump(self) -> bool:
        """Whether there is a library for it."""
        return self._library is not None

    @property
    def env(self) -> dict[str, str]:
        """What a process must be started with to have this clock."""
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._file)} if self._library else {}

    def set(self, ahead_s: int) -> None:
        """Jump: this far from the true time, at once."""
        draft = self._file.with_suffix(".part")
        draft.write_text(f"{ahead_s}\n")
        draft.replace(self._file)


def open_clock(folder: Path) -> Clock:
    """A clock that jumps where a compiler is here."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("g++")
    if not sys.platform.startswith("linux") or compiler is None:
        return Clock(folder / "clock", None)
    library = folder / "clock.so"
    command = (compiler, "-O1", "-shared", "-fPIC", "-x", "c", "-o", str(library), str(_SOURCE))
    built = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return Clock(folder / "clock", library if built.returncode == 0 else None)
