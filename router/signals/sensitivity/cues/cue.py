"""What a cue is, the building blocks that the tables share, and the tests that a matched name must pass.

Every pattern takes linear time: fixed openings, bounded repeats, none nested.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from router.signals.sensitivity.cues.names import GIVEN_NAMES, NOT_NAMES
from router.signals.sensitivity.detector import Span

UP = "A-ZÀ-ÖØ-ÞĀ-Ž"
LOW = "a-zß-öø-ÿĀ-ž"
APOSTROPHE = "'\u2019"

WORD = rf"[{UP}](?:[{APOSTROPHE}][{UP}])?[{LOW}]{{1,24}}(?:[-{APOSTROPHE}][{UP}]?[{LOW}]{{2,20}})?"
"""A capitalised word: `Anna`, `O'Neill`, `Anne-Marie`."""

MORE = rf"(?:[ \t]{{1,2}}(?:[{UP}]\.?(?![{LOW}])|van|von|de|der|den|da|di|la|le|bin|al|el|ten|{WORD})){{0,3}}"

ONE = rf"(?P<name>{WORD}{MORE})"
"""A name of one word or more."""

FULL = rf"(?P<name>{WORD}{MORE}[ \t]{{1,2}}{WORD})"
"""A name of two words or more."""

Holds = Callable[[re.Match[str]], bool]


class Cue(NamedTuple):
    """A form that gives something away. It is searched where one of its words is in the lowered text, or always."""

    type: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]
    holds: Holds
    score: float
    hint: str
    """What the gate looks for, where that is not the pattern."""

    def spans(self, text: str, start: int, end: int) -> Iterator[Span]:
        """Where it holds: the name or the value where the pattern tells it from the words around, else all of it."""
        for match in self.pattern.finditer(text, start, end):
            if self.holds(match):
                yield Span(self.type, self.score, *match.span(match.lastgroup or 0))


def cue(
    entity: str, words: str, *pattern: str, holds: Holds = lambda _: True, score: float = 0.6, hint: str = ""
) -> Cue:
    """A cue of a table: its words separated by bars, its pattern in pieces."""
    return Cue(entity, tuple(words.split("|")) if words else (), re.compile("".join(pattern)), holds, score, hint)


def name(match: re.Match[str]) -> bool:
    """Neither the first nor the last word is one that sentences and headings are made of."""
    words = match["name"].split()
    return words[0].lower() not in NOT_NAMES and words[-1].lower().strip(".") not in NOT_NAMES


def greeted_name(match: re.Match[str]) -> bool:
    """After `Dear` any name; after `Hi`, which begins many a sentence, a full or a common one."""
    known = " " in match["name"] or match["name"].lower() in GIVEN_NAMES
    return name(match) and (known or match[0].startswith("Dear"))


def field_value(match: re.Match[str]) -> bool:
    """Words of a form's field that are no type, no placeholder and no sentence."""
    return not any(word in NOT_VALUES for word in match["name"].lower().replace(".", "").split())


NOT_VALUES = NOT_NAMES | {"str", "string", "none", "null", "na"}
