"""The ways of reading, in order: which there are, which are guesses, and which may follow which."""

from collections.abc import Mapping
from typing import NamedTuple

from router.signals.sensitivity.views.addresses import ADDRESSES
from router.signals.sensitivity.views.cells import CELLS
from router.signals.sensitivity.views.codes import CODES
from router.signals.sensitivity.views.digits import DIGITS
from router.signals.sensitivity.views.embedded import EMBEDDED
from router.signals.sensitivity.views.encodings import ENCODINGS
from router.signals.sensitivity.views.escapes import ESCAPES
from router.signals.sensitivity.views.flipped import FLIPPED_DIGITS
from router.signals.sensitivity.views.glued import GLUED
from router.signals.sensitivity.views.lookalikes import LOOKALIKES
from router.signals.sensitivity.views.markup import MARKUP
from router.signals.sensitivity.views.numerals import NUMERALS
from router.signals.sensitivity.views.plain import PLAIN
from router.signals.sensitivity.views.reading import Reading
from router.signals.sensitivity.views.said import SAID_READINGS
from router.signals.sensitivity.views.scanned import SCANNED
from router.signals.sensitivity.views.spaced import SPACED
from router.signals.sensitivity.views.tight import TIGHT
from router.signals.sensitivity.views.turned import FLIPPED, TURNED
from router.signals.sensitivity.views.words import WORDS


class Stage(NamedTuple):
    """Readings that are made one upon the other and give one view together."""

    readings: tuple[Reading, ...]
    decodes: bool = False
    """Whether it undoes what a program did: then it is made again on what any stage gives, to a bound."""
    whole: bool = False
    """Whether its view is the whole text; else it is only what changed, and what stands around it."""
    last: bool = False
    """Whether it reads what stands there as no program would have written it: then nothing is decoded after it."""


BASE: tuple[Stage, ...] = tuple(
    Stage((reading,), whole=True) for reading in (PLAIN, FLIPPED, FLIPPED_DIGITS, LOOKALIKES)
)
"""First, one upon the other, and the last of them is what the others read."""

STAGES: tuple[Stage, ...] = (
    Stage(ESCAPES, decodes=True),
    Stage((*EMBEDDED, *CODES, *ENCODINGS), decodes=True),
    Stage((*MARKUP, NUMERALS, *ADDRESSES, *WORDS)),
    Stage(SPACED),
    *(Stage((reading,)) for reading in TURNED),
    Stage(TIGHT, last=True),
    Stage((CELLS,), last=True),
    Stage(SAID_READINGS, last=True),
    Stage(SCANNED, last=True),
    Stage(GLUED[:2], last=True),
    Stage((DIGITS[0],), last=True),
    Stage((DIGITS[1],), last=True),
    Stage((GLUED[2],), last=True),
)

GUESSES = frozenset(("joined", "misread", "leet", "reversed", "shifted", "rot47", "stuck"))
"""Readings that nobody may have meant: a weak finding in one of these needs a check digit or a telling word."""

HINTS: Mapping[str, tuple[str, ...]] = {
    reading.hint: reading.needs for stage in (*BASE, *STAGES) for reading in stage.readings
}
"""For the gate: a reading's hint -> patterns, of which one is in every text that the reading would change."""
