"""The port that every detector fills, and how one says that it could not look to the end.

A new detector is one new file with a class that has a name and a `find`, and one line in `router/inspection.py`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from router.signals.sensitivity.failure import Failure, GaveUpError
from router.signals.sensitivity.views.view import View

__all__ = ["Detector", "Failure", "GaveUpError", "Span", "hints_of", "may_find", "one_a_type"]


class Span(NamedTuple):
    """One place in a view's text and what stands there. Never the text itself."""

    type: str
    score: float
    start: int
    end: int


class Detector(Protocol):
    """Looks for one family of sensitive things. `find` may be called from several threads."""

    @property
    def name(self) -> str:
        """Names the detector in findings and in the cause of an `unknown`."""

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
        """What the view holds. One span a type is enough, unless `every` one is asked for, as before a redaction.

        Whatever it raises makes the job `unknown`.
        """


def one_a_type(spans: Callable[[AbstractSet[str]], Iterable[Span]], *, every: bool) -> Iterator[Span]:
    """The first span of each type, or all. `spans` is given the types that it need not look for any more."""
    seen = set[str]()
    for span in spans(frozenset() if every else seen):
        if every or span.type not in seen:
            seen.add(span.type)
            yield span


def hints_of(detector: Detector) -> Mapping[str, tuple[str, ...]]:
    """What the gate should look for on a detector's behalf: its attribute `hints`, where it has one, see `gate/`."""
    hints: Mapping[str, tuple[str, ...]] = getattr(detector, "hints", {})
    return hints


def may_find(detector: Detector, hints: frozenset[str] | None) -> bool:
    """Whether a detector has to be called for a text in which the gate saw these hints.

    One without hints always has; one with hints has where one of them was seen, or says so itself by `wakes(hints)`.
    """
    asked_for = hints_of(detector)
    if hints is None or not asked_for:
        return True
    wakes: Callable[[frozenset[str]], bool] | None = getattr(detector, "wakes", None)
    return wakes(hints) if wakes else not hints.isdisjoint(asked_for)
