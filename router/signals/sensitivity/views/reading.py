"""What a way of reading is: a name, when it can change a text, and how."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from router.signals.sensitivity.views.edits import Edit


class Reading(NamedTuple):
    """One way to read a text."""

    name: str
    needs: tuple[str, ...]
    """Patterns for the gate: in a text that holds none of them, nothing would change."""
    edits: Callable[[str], Iterable[Edit]]

    @property
    def hint(self) -> str:
        """The name of `needs` among the gate's hints."""
        return f"view:{self.name}"


def guarded(name: str, needs: tuple[str, ...], edits: Callable[[str], Iterable[Edit]]) -> Reading:
    """A reading that looks for its own needs first: where the gate sees none, it would change nothing."""
    patterns = tuple(map(re.compile, needs))

    def guarded_edits(text: str) -> Iterable[Edit]:
        return edits(text) if any(pattern.search(text) for pattern in patterns) else ()

    return Reading(name, needs, guarded_edits)
