"""Places: every span of a text that something was found in, for those who replace or show them.

Spans of readings are mapped back to the text as written; what overlaps becomes one place, so that places can be cut out
from the last to the first.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from router.signals.sensitivity.detector import Failure, Span
from router.signals.sensitivity.levels import SHIPPED, Table
from router.signals.sensitivity.look import Sight
from router.signals.sensitivity.views import origin


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where something stands in a text, in order, none touching another, and who could not look."""

    spans: tuple[Span, ...] = ()
    failures: tuple[Failure, ...] = ()
    """With any of these there may be more than the spans say."""


def merged(sights: Iterable[Sight], *, table: Table = SHIPPED) -> tuple[Span, ...]:
    """One span of the original for each run of overlapping ones, named after the most guarded, then the longest."""
    places: list[Span] = []
    for span in sorted((_original(sight) for sight in sights), key=lambda span: (span.start, -span.end)):
        if places and span.start < places[-1].end:
            places[-1] = _both(places[-1], span, table)
        elif span.start < span.end:
            places.append(span)
    return tuple(places)


def _original(sight: Sight) -> Span:
    start, end = origin(sight.view, sight.span.start, sight.span.end)
    return sight.span._replace(start=start, end=end)


def _both(one: Span, other: Span, table: Table) -> Span:
    def weight(span: Span) -> tuple[int, int, float]:
        return table.weight(span.type).level.rank, span.end - span.start, span.score

    telling = max(one, other, key=weight)
    return telling._replace(start=min(one.start, other.start), end=max(one.end, other.end))
