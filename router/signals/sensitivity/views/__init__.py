"""Views of a text: the ways to read it that a person or a model would manage and a pattern would not.

A view is scanned beside the text, never instead of it. Each stage of `readings.py` is tried on the text, and on what
other stages gave, so that percent in base64 in a program's string is read; what is still encoded after that, what holds
no text, and what would grow too large, is reported and never passed over.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from router.signals.sensitivity.detector import GaveUpError
from router.signals.sensitivity.views.edits import edits_of, origin, rewrite
from router.signals.sensitivity.views.readings import BASE, GUESSES, HINTS, STAGES, Stage
from router.signals.sensitivity.views.view import AS_WRITTEN, View

__all__ = ["GUESSES", "HINTS", "View", "is_guess", "origin", "views"]

Hints = frozenset[str] | None
Gate = Callable[[str], Hints]

MAX_DEPTH = 4
"""Stages upon stages. Text that still decodes after so many was packed by somebody who meant to hide it."""

MAX_GROWTH = 8
SPARE_CHARS = 50_000
"""All views of a text together hold at most so many times the text, and this much more."""


def views(text: str, hints: Hints = None, *, gate: Gate | None = None) -> Iterator[View]:
    """The text, then each reading that differs from it and from the others.

    `hints` are the gate's for the text; a `gate` that is given is asked for those of each further view, and without one
    their hints are None. Raises UnicodeEncodeError on half a character, and after the last view a GaveUpError, when
    something was met that could not be read: `binary`, `undecodable`, `too large`, `nesting`, `hidden`.
    """
    first = View(text, hints=hints)
    yield first
    if not text.isascii():
        text.encode()  # a lone surrogate is no text: nobody can say what it stands for
    if hints is not None and hints.isdisjoint(HINTS):
        return
    reader = _Reader(text, gate)
    base = first
    for stage in BASE:
        made = reader.made(base, stage)
        if made is not None:
            base = made
            yield made
    waiting = [_Step(base, -1, 0)]
    for step in waiting:  # grows while it is walked
        for at, made in reader.readings(step):
            yield made
            waiting.append(_Step(made, step.last if STAGES[at].decodes else at, step.depth + 1))
    if reader.problems:
        raise GaveUpError(", ".join(reader.problems))


def is_guess(view: View) -> bool:
    """Whether a view is a reading that nobody may have meant."""
    return not GUESSES.isdisjoint(view.name.split("+"))


class _Step(NamedTuple):
    view: View
    last: int
    """The stage that may not come again, nor those before it."""
    depth: int


class _Reader:
    """Makes the readings of one text, each once, within its bounds, and notes what it could not read."""

    def __init__(self, text: str, gate: Gate | None) -> None:
        self.problems: dict[str, None] = {}
        self._gate = gate
        self._seen = {text}
        self._left = MAX_GROWTH * len(text) + SPARE_CHARS

    def readings(self, step: _Step) -> Iterator[tuple[int, View]]:
        """What each stage that may follow makes of a view."""
        for at, stage in enumerate(STAGES):
            if at <= step.last and not (stage.decodes and not STAGES[step.last].last):
                continue
            made = self.made(step.view, stage)
            if made is None:
                continue
            if step.depth >= MAX_DEPTH:
                self.problems["nesting"] = None
                return
            yield at, made

    def made(self, view: View, stage: Stage) -> View | None:
        """What a stage makes of a view; None where it changes nothing, or where that was read already."""
        whole, names = View(view.text, hints=view.hints), [] if view.name == AS_WRITTEN else [view.name]
        for reading in stage.readings:
            if whole.may_hold(reading.hint):
                changed, found = rewrite(whole, reading.edits(whole.text), name=AS_WRITTEN, whole=True)
                self.problems.update(dict.fromkeys(found))
                if changed is not None:
                    whole = changed
                    names.append(reading.name)
        if not whole.pieces:
            return None
        made, _ = rewrite(view, edits_of(whole, view.text), name="+".join(names), whole=stage.whole)
        return None if made is None or made.text in self._seen else self._counted(made)

    def _counted(self, made: View) -> View | None:
        """The view, unless it is one too many."""
        self._seen.add(made.text)
        self._left -= len(made.text)
        if self._left < 0:
            self.problems["too many readings"] = None
            return None
        return made if self._gate is None else replace(made, hints=self._gate(made.text))
