"""What a way of reading is: a name, when it can change a text, and how."""

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
