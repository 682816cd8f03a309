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
    confirms: Callable[[str], bool] | None = None
    """Looks once more where the gate's patterns let much through; False: nothing would change."""

    @property
    def hint(self) -> str:
        """The name of `needs` among the gate's hints."""
        return f"view:{self.name}"


def tried(name: str, needs: tuple[str, ...], edits: Callable[[str], Iterable[Edit]]) -> Reading:
    """A reading that is quick enough to be tried at once on all of a text, before parts of it are read."""

    def confirms(text: str) -> bool:
        return any(edit.problem or text[edit.start : edit.end] != edit.text for edit in edits(text))

    return Reading(name, needs, edits, confirms)


def guarded(name: str, needs: tuple[str, ...], edits: Callable[[str], Iterable[Edit]]) -> Reading:
    """A reading that looks for its own needs first: where the gate sees none, it would change nothing."""
    patterns = tuple(map(re.compile, needs))

    def needed(text: str) -> bool:
        return any(pattern.search(text) for pattern in patterns)

    def guarded_edits(text: str) -> Iterable[Edit]:
        return edits(text) if needed(text) else ()

    return Reading(name, needs, guarded_edits, needed)
