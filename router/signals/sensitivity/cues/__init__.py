"""Cues: words and forms that give a person away without a model: `Dear …`, `name: …`, `born …`, `Pt c/o …`.

A name that nothing announces is the tagger's to find.
"""

from collections.abc import Iterator, Mapping

from router.signals.sensitivity.cues.cue import Cue
from router.signals.sensitivity.cues.health import HEALTH
from router.signals.sensitivity.cues.numbers import NUMBERS
from router.signals.sensitivity.cues.persons import PERSONS
from router.signals.sensitivity.cues.places import PLACES
from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.views import is_guess
from router.signals.sensitivity.views.view import View

CUES = (*PERSONS, *PLACES, *HEALTH, *NUMBERS)

HINTS: Mapping[str, tuple[str, ...]] = {
    f"cue:{cue.type}:{place}": (cue.hint or cue.pattern.pattern,) for place, cue in enumerate(CUES)
}
"""For the gate: one a cue."""

REACH_CHARS = 400
"""More than any cue matches, with what it looks at before and behind."""


class Cues:
    """Finds persons, places, births, health and numbers by the words around them."""

    name = "cues"
    hints = HINTS

    def find(self, view: View, *, every: bool = False) -> Iterator[Span]:
        """One span a type, by the first cue that holds; or all of them."""
        done = _unlikely(view)
        for hint, cue in _possible(view):
            if cue.type in done:
                continue
            for span in _spans(view, hint, cue):
                yield span
                if not every:
                    done.add(cue.type)
                    break


def _possible(view: View) -> Iterator[tuple[str, Cue]]:
    """The cues that the gate saw; without one, those with a word of theirs in the text."""
    named = zip(HINTS, CUES, strict=True)
    if view.hints is not None:
        return ((hint, cue) for hint, cue in named if hint in view.hints)
    lowered = view.text.lower()
    return ((hint, cue) for hint, cue in named if not cue.words or any(word in lowered for word in cue.words))


def _spans(view: View, hint: str, cue: Cue) -> Iterator[Span]:
    for start, end in view.windows(hint, before=REACH_CHARS, after=REACH_CHARS):
        yield from cue.spans(view.text, start, end)


def _unlikely(view: View) -> set[str]:
    """What is not looked for in a reading that nobody may have meant; names do not change where digits do."""
    if not is_guess(view):
        return set()
    return {"USERNAME", "PERSON"} if "joined" in view.name or "misread" in view.name else {"USERNAME"}
