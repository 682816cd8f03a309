"""Rules: what a policy says about sensitivity, as an inspection uses it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from router.signals.sensitivity.detector import Detector, Span
from router.signals.sensitivity.levels import SHIPPED, Table
from router.signals.sensitivity.lists.allow import Allow
from router.signals.sensitivity.lists.entry import Entry, Lookout
from router.signals.sensitivity.lists.patterns import LIMIT_S, Watch
from router.signals.sensitivity.views.view import View


@dataclass(frozen=True)
class Rules:
    """The table, what to look for besides, and what to leave out. One a policy, for all its jobs and threads."""

    table: Table = SHIPPED
    entries: tuple[Entry, ...] = ()
    """Deny lists and patterns of the operator's own."""
    allow: Allow = field(default_factory=Allow)
    images: bool = False
    """Whether images have a level, by the table: as shipped they make a job `unknown`."""
    limit_s: float = LIMIT_S
    """Of processor time, that the entries may take for one job."""
    loosened: tuple[str, ...] = ()
    """What now keeps no job inside and would by the shipped table, in words: told loudly."""

    def detectors(self) -> tuple[Detector, ...]:
        """What looks for the operator's own entries in one job: ask once a job, they share its time."""
        if not self.entries:
            return ()
        watch = Watch(self.limit_s)
        return tuple(entry.watched(watch) for entry in self.entries)

    def find(self, detector: Detector, view: View, *, every: bool = False) -> Iterable[Span]:
        """What a detector finds, less what is allowed; what is denied stays. Raises what the detector raises.

        A detector tells one span a type. Where that one is allowed, or too weak for this policy, it may stand for
        another that is neither: then the detector is asked for every one.
        """
        denied = isinstance(detector, Lookout) and detector.entry.denied
        if denied or not (self.allow or self._stricter):
            return detector.find(view, every=every)
        return self._kept(detector, view, every=every)

    @cached_property
    def _stricter(self) -> frozenset[str]:
        """Types of which more is asked than as shipped: a detector may stop at a finding that does not count here."""
        return frozenset(name for name, one in self.table.weights.items() if one.least > SHIPPED.weight(name).least)

    def _kept(self, detector: Detector, view: View, *, every: bool) -> Iterator[Span]:
        spans = tuple(detector.find(view, every=every))
        if not every and any(self._hides(span, view) for span in spans):
            spans = tuple(detector.find(view, every=True))
        return (span for span in spans if not self._allowed(span, view))

    def _hides(self, span: Span, view: View) -> bool:
        weak = span.type in self._stricter and span.score < self.table.weight(span.type).least
        return weak or self._allowed(span, view)

    def _allowed(self, span: Span, view: View) -> bool:
        return self.allow.allows(view, span)


AS_SHIPPED = Rules()
"""Where a policy says nothing."""
