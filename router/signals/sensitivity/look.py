"""One look at some texts: every detector at every reading of each, and what came of it so far.

It judges nothing. What goes wrong is noted beside what was found, and the others still look. A look may be given up
from outside while it runs: what it has noted by then can be read at any time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from router.signals.sensitivity.detector import Detector, Failure, Span, may_find
from router.signals.sensitivity.gate import Gate
from router.signals.sensitivity.lists import AS_SHIPPED, Rules
from router.signals.sensitivity.pieces import Piece, pieces
from router.signals.sensitivity.readings import readings
from router.signals.sensitivity.views import HINTS, confirmed
from router.signals.sensitivity.views.view import AS_WRITTEN, View
from tidegate.logs import logger
from tidegate.signals import Coverage, Finding

log = logger(__name__)

INSPECTION = "inspection"
"""Who failed, where no single detector did."""

Hints = frozenset[str] | None


class Sight(NamedTuple):
    """One place in a reading, and the detector that saw it."""

    view: View
    detector: str
    span: Span

    @property
    def finding(self) -> Finding:
        """The same for the record: without where it stood."""
        return Finding(type=self.span.type, score=self.span.score, detector=self.detector, view=self.view.name)


@dataclass(kw_only=True)
class Look:
    """What was seen so far. Written by the thread that looks, read by the one that waits."""

    detectors: Sequence[Detector] = ()
    gate: Gate | None = None
    rules: Rules = AS_SHIPPED
    every: bool = False
    """Whether all places are wanted, or one a type."""
    sights: list[Sight] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    """What nobody could look at and the policy declares harmless."""
    chars: int = 0
    read: dict[str, None] = field(default_factory=dict)
    """The readings that were looked at, in order."""
    at_work: str = INSPECTION
    given_up: bool = False
    """Nobody waits any more: whoever looks may stop."""

    def glance(self, texts: Iterable[str]) -> tuple[View, ...]:
        """The texts that need a look, by what the gate sees in them. Takes microseconds where there is nothing."""
        return tuple(view for view in map(self._as_written, texts) if self._is_asked_for(view))

    def at(self, texts: Iterable[View]) -> None:
        """Let every detector see every reading of every text."""
        found = tuple(self._pieces(texts))
        for detector in self.detectors:
            self.at_work = detector.name
            try:
                for piece in found:
                    self._search(detector, piece)
            except BaseException as exc:  # noqa: BLE001 - however a detector fails, it has not judged; a Rust panic is no Exception
                self.fail(exc)

    def fail(self, error: BaseException) -> None:
        """Note that whoever is at work could not judge."""
        self.note(Failure.of(self.at_work, error))

    def note(self, failure: Failure) -> None:
        """Note a failure, once."""
        if failure not in self.failures:
            self.failures.append(failure)

    @property
    def coverage(self) -> Coverage:
        """What was looked at, and what nobody could look at."""
        skipped = (failure.kind for failure in tuple(self.failures) if failure.detector == INSPECTION)
        return Coverage(chars=self.chars, views=tuple(self.read), skipped=(*skipped, *self.unseen))

    def _as_written(self, text: str) -> View:
        self.chars += len(text)
        return View(text, hints=self._hints(text), locate=self._ends)

    def _is_asked_for(self, view: View) -> bool:
        self.read[AS_WRITTEN] = None
        if view.hints is None or not view.hints.isdisjoint(HINTS):
            return True
        return any(may_find(detector, view.hints) for detector in self.detectors)

    def _hints(self, text: str) -> Hints:
        """What the gate sees. A gate that fails is no gate: then everything is looked for."""
        if self.gate is None or self.given_up:
            return None
        try:
            return confirmed(text, self.gate.hints(text))
        except Exception as exc:  # noqa: BLE001 - in whatever way
            log.warning("gate.failed", error=type(exc).__name__)
            return None

    def _ends(self, text: str, hint: str) -> Sequence[int] | None:
        """Where the gate saw a hint; a gate that fails saw it anywhere."""
        try:
            return self.gate.ends(text, hint) if self.gate else None
        except Exception as exc:  # noqa: BLE001 - in whatever way
            log.warning("gate.failed", error=type(exc).__name__)
            return None

    def _pieces(self, texts: Iterable[View]) -> Iterator[Piece]:
        """The readings of each text, up to what could not be read, in pieces."""
        self.at_work = INSPECTION
        for text in texts:
            try:
                for view in readings(text, self._hints):
                    if self.given_up:
                        return
                    self.read[view.name] = None
                    yield from map(self._hinted, pieces(view))
            except BaseException as exc:  # noqa: BLE001 - one text that nobody can read does not hide the next
                self.fail(exc)

    def _hinted(self, piece: Piece) -> Piece:
        part = piece.part
        hints = part.hints if part.hints is not None else self._hints(part.text)
        return piece._replace(part=replace(part, hints=hints, locate=self._ends))

    def _search(self, detector: Detector, piece: Piece) -> None:
        if self.given_up or not may_find(detector, piece.part.hints):
            return
        for span in self.rules.find(detector, piece.part, every=self.every):
            place = span._replace(start=span.start + piece.start, end=span.end + piece.start)
            self.sights.append(Sight(piece.whole, detector.name, place))
