"""The gate: one pass over a text tells which detectors and readings could find anything in it at all.

Each detector and each reading publishes `HINTS`: a name, and the patterns of which a text must hold one before there is
anything to look for. `necessary.py` makes them necessary conditions that Hyperscan can compile, `database.py` compiles
all of them into one database and asks it, `cache.py` keeps what took seconds to compile.

A gate may let through what turns out to be nothing; it must never hold back what a detector would report. Without one,
everything is looked for: slower, and the same.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

Hints = Mapping[str, tuple[str, ...]]
"""A hint's name -> patterns in Python's syntax; a text without all of them has nothing for who asks for the hint."""


class Gate(Protocol):
    """Tells which hints are in a text, in microseconds. May be asked from several threads."""

    def hints(self, text: str) -> frozenset[str]:
        """The names of what may be in a text. What is not named is not there."""

    def ends(self, text: str, name: str) -> Sequence[int] | None:
        """Where the matches of a hint end, in order; None where nobody can tell: then they may be anywhere."""
