"""Cues: words and forms that give a person away without a model.

An honest first step. A name that nothing announces and that is not among the common ones is not seen; a trained tagger
is to come, beside this.
"""

from collections.abc import Iterator

from router.signals.sensitivity.cues.health import HEALTH
from router.signals.sensitivity.cues.numbers import NUMBERS
from router.signals.sensitivity.cues.persons import PERSONS
from router.signals.sensitivity.cues.places import PLACES
from tidegate.signals import Finding

CUES = (*PERSONS, *PLACES, *HEALTH, *NUMBERS)


class Cues:
    """Finds persons, places, births, health and numbers by the words around them."""

    name = "cues"

    def find(self, text: str) -> Iterator[Finding]:
        """One finding a type, by the first cue that holds."""
        lowered, seen = text.lower(), set[str]()
        for cue in CUES:
            if cue.type in seen or (cue.words and not any(word in lowered for word in cue.words)):
                continue
            if any(cue.holds(match) for match in cue.pattern.finditer(text)):
                seen.add(cue.type)
                yield Finding(type=cue.type, score=cue.score, detector=self.name)
