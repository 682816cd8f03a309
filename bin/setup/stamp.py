"""The stamp in .venv: what it was made from. ready.sh compares it on every call, so its four lines are a contract."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

# Never equal to a key, which is a checksum and a length.
_INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class Stamp:
    """What .venv is made from: the checksum of its sources, for whom, and the choices of whoever made it."""

    key: str
    purpose: str
    python: str
    flags: str

    @classmethod
    def wanted(cls, path: Path, *, key: str, purpose: str) -> Stamp:
        """What this call asks for. What it does not mention stays as it was: flags, Python, the developers' tools."""
        before = cls.read(path) or _NOTHING
        # A developer's own `uv sync` leaves no stamp, but the tools that it brought are in use.
        has_tools = (path.parent / "bin" / "pytest").exists()
        return cls(
            key=key,
            purpose="dev" if has_tools or "dev" in (purpose, before.purpose) else "run",
            python=os.environ.get("TIDEGATE_PYTHON", before.python),
            flags=os.environ.get("TIDEGATE_LLAMA_CMAKE_ARGS", before.flags),
        )

    @classmethod
    def read(cls, path: Path) -> Stamp | None:
        """The stamp that is there, if one can be read."""
        try:
            key, purpose, python, flags = path.read_text().splitlines()
        except (OSError, ValueError):
            return None
        return cls(key=key, purpose=purpose, python=python, flags=flags)

    @property
    def complete(self) -> bool:
        """Whether the set-up that wrote it came to its end."""
        return self.key != _INCOMPLETE

    def is_on(self, path: Path) -> bool:
        """Whether .venv is already what this stamp says."""
        return Stamp.read(path) == self

    def write(self, path: Path) -> None:
        """Put it in place in one step."""
        draft = path.with_suffix(".new")
        draft.write_text(f"{self.key}\n{self.purpose}\n{self.python}\n{self.flags}\n")
        draft.replace(path)

    @staticmethod
    def write_incomplete(path: Path, before: Stamp | None) -> None:
        """Before .venv changes: whatever happens from now on, nobody takes it for whole until `write`.

        The choices of the last whole one stay: a flag that does not build must not be remembered.
        """
        replace(before or _NOTHING, key=_INCOMPLETE).write(path)


_NOTHING = Stamp(key="", purpose="run", python="", flags="")
