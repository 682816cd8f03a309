"""Tagger: the trained network as a detector."""

from collections.abc import Iterator
from pathlib import Path

from router.signals.sensitivity.detector import GaveUpError, Span
from router.signals.sensitivity.tagger.artefact import HOME, Artefact, read
from router.signals.sensitivity.tagger.decoding import runs
from router.signals.sensitivity.tagger.scoring import Scorer
from router.signals.sensitivity.tagger.tokens import starts, tokens
from router.signals.sensitivity.views import is_guess
from router.signals.sensitivity.views.view import View
from tidegate.errors import InvalidSettings

NO_NAMES = frozenset(("joined", "misread"))
"""Readings that change digits and no names: what the tagger would see there it has seen elsewhere."""

SURE = 0.9
"""What it takes in a reading that nobody may have meant: there, what is no word looks like a foreign name."""


class Tagger:
    """Finds persons and facts about them by what the words look like and what stands around them.

    Without its artefact it gives up on every text, so that every job stays inside; `problem` says what to do.
    """

    name = "tagger"

    def __init__(self, folder: Path = HOME) -> None:
        self.problem: str | None = None
        self._scorer: Scorer | None = None
        try:
            self._artefact: Artefact = read(folder)
            self._scorer = Scorer(self._artefact)
        except InvalidSettings as exc:
            self.problem = str(exc)
        except Exception as exc:  # noqa: BLE001 - onnxruntime's errors have no common class
            self.problem = f"the tagger in {folder} does not start ({type(exc).__name__})"

    def find(self, view: View, *, every: bool = False) -> Iterator[Span]:
        """The strongest span of each type, or every one."""
        if self._scorer is None:
            raise GaveUpError("no artefact")
        if not NO_NAMES.isdisjoint(view.name.split("+")):
            return
        spans = self._spans(view.text)
        if is_guess(view):
            spans = (span for span in spans if span.score >= SURE)
        if every:
            yield from spans
            return
        strongest: dict[str, Span] = {}
        for span in spans:
            if span.type not in strongest or strongest[span.type].score < span.score:
                strongest[span.type] = span
        yield from strongest.values()

    def _spans(self, text: str) -> Iterator[Span]:
        assert self._scorer is not None  # noqa: S101 - `find` has asked
        artefact = self._artefact
        pieces = tokens(text)
        if not pieces:
            return
        scores = self._scorer.score(pieces)
        begins: list[int] | None = None
        for run in runs(scores, pieces, artefact.labels, artefact.at_least, artefact.alone):
            begins = begins or starts(pieces)
            first, last = pieces[run.first], pieces[run.last]
            blank = len(first) - len(first.lstrip())
            yield Span(run.label, run.score, begins[run.first] + blank, begins[run.last] + len(last))
