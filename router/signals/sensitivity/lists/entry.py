"""One entry of an operator's lists as a detector: words or a pattern, and the type of what they find."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.lists.patterns import Matcher, Watch
from router.signals.sensitivity.views.view import View

NEAR_CHARS = 100
"""How far from a match its context may stand, on either side."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What to look for, under which name it stands on record, and what it is called when found."""

    name: str
    """`deny:projects`, `patterns:EMPLOYEE_NO`."""
    type: str
    score: float
    matchers: tuple[Matcher, ...]
    context: tuple[Matcher, ...] = ()
    """Words of which one must stand near; none: wherever it stands."""
    denied: bool = False
    """Whether it is of a deny list: no allow list leaves out what it finds."""

    def watched(self, watch: Watch) -> "Lookout":
        """The entry as a detector, for one job."""
        return Lookout(self, watch)


@dataclass(frozen=True)
class Lookout:
    """An entry at work on one job: all that look at one job share its time."""

    entry: Entry
    watch: Watch

    @property
    def name(self) -> str:
        """Names the entry in findings and in the cause of an `unknown`."""
        return self.entry.name

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
        """Where it stands: the first place, or every one. The gate knows nothing of these, so no hint is asked."""
        entry = self.entry
        for start, end in self._places(view.text):
            if self._in_context(view.text, start, end):
                yield Span(entry.type, entry.score, start, end)
                if not every:
                    return

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        return (place for matcher in self.entry.matchers for place in matcher.places(text, self.watch))

    def _in_context(self, text: str, start: int, end: int) -> bool:
        if not self.entry.context:
            return True
        before, behind = text[max(0, start - NEAR_CHARS) : start], text[end : end + NEAR_CHARS]
        return stands_in(before, self.entry.context, self.watch) or stands_in(behind, self.entry.context, self.watch)


def stands_in(text: str, matchers: Sequence[Matcher], watch: Watch) -> bool:
    """Whether any of the matchers finds something."""
    return any(True for matcher in matchers for _ in matcher.places(text, watch))
