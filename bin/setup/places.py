"""Where the set-up reads and writes: every path that it touches is named here, and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """One checkout's paths, and the cache that it shares with others."""

    root: Path
    cache: Path

    @classmethod
    def of(cls, root: Path) -> Places:
        """Find the cache as the environment names it."""
        return cls(root=root, cache=_cache_folder(root))

    @property
    def venv(self) -> Path:
        """What all of this makes."""
        return self.root / ".venv"

    @property
    def venv_python(self) -> Path:
        """The interpreter that runs tidegate."""
        return self.venv / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Says what .venv was made from; absent or incomplete while it is being made."""
        return self.venv / ".tidegate-setup"

    @property
    def lock(self) -> Path:
        """Held during a set-up of this checkout."""
        return self.root / ".cache" / "setup.lock"

    @property
    def log(self) -> Path:
        """The full output of the last set-up."""
        return self.root / ".cache" / "setup.log"

    @property
    def lockfile(self) -> Path:
        """Every package with its hash."""
        return self.root / "uv.lock"

    @property
    def pins(self) -> Path:
        """The tools that come before uv.lock can be read."""
        return Path(__file__).with_name("tools.txt")


def _cache_folder(root: Path) -> Path:
    named = os.environ.get("TIDEGATE_CACHE")
    if named:
        return Path(named).absolute()
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]).absolute() / "tidegate"
    if os.environ.get("HOME"):
        return Path(os.environ["HOME"]).absolute() / ".cache" / "tidegate"
    # A container may have no home: then the cache serves this checkout alone.
    return root / ".cache" / "tidegate"
