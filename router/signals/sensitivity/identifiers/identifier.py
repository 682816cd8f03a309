"""What an identifier is: the words that announce it, the form that it has, and the check that its digits must pass.

Two ways to be seen. After (or just before) one of its words, in any form that people write; a failed check then weakens
it and never hides it, since a mistyped number is still somebody's. And without a word, where letters or separators make
its form unlike anything else and the check holds. Digits alone, without a word, say nothing: of ten random numbers one
passes a check digit.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import re2

from router.signals.sensitivity.detector import Span

Check = Callable[[str], bool]

CALLED, CALLED_WRONG, SHAPED = 0.85, 0.6, 0.6
"""Scores: announced and checked, announced with a wrong check digit, unannounced and checked."""

GAP = r"\D{0,40}?"
"""Between a word and its number; a line's end is allowed, as between a table's head and its first row."""

_IS = r"[\s,;(:-]{1,3}(?:(?:is|was|as|for|being) )?(?:(?:my|his|her|the|their|our|your) )?"
_ANNOUNCES = r"\s?(?:number|numbers|no\b|nr|num\b|is\b|code|card|[:#])"
EARLY_CHARS = 64
LEAD = re.compile(r"(?i)(?:(?:is|was|no|nr|num|id|to|it|of)\b[\s.:-]*)*")
"""Short words before a number that may begin with letters itself."""


class Identifier(NamedTuple):
    """A kind of identifier."""

    name: str
    type: str
    check: Check
    strict: bool
    """Whether what fails the check is nothing, even after a word."""
    said: Any
    """RE2's pattern of the words."""
    late: re.Pattern[str]
    early: re.Pattern[str]
    shape: str
    """What may be the form by itself, without a look around it; empty for none."""
    shaped: re.Pattern[str] | None

    @property
    def hints(self) -> Mapping[str, tuple[str, ...]]:
        """For the gate: what it calls the words and the form, and what these look like."""
        shape = {f"{self.name}_shape": (self.shape,)} if self.shape else {}
        return {f"{self.name}_word": (self.said.pattern,), **shape}

    def called(self, text: str) -> Iterator[Span]:
        """Where it stands with a word."""
        for word in self.said.finditer(text):
            start, end = word.span()
            match = self.late.match(text, end) or self.early.search(text, max(0, start - EARLY_CHARS), start)
            if match:
                start = match.start("value") + LEAD.match(match["value"]).end()  # type: ignore[union-attr] # at least nothing
                end = match.end("value")
                holds = self.check(text[start:end])
                if holds or not self.strict:
                    yield Span(self.type, CALLED if holds else CALLED_WRONG, start, end)

    def alone(self, text: str) -> Iterator[Span]:
        """Where its form speaks for itself."""
        for match in self.shaped.finditer(text) if self.shaped else ():
            if self.check(match[0]):
                yield Span(self.type, SHAPED, *match.span())


def identifier(
    name: str,
    words: str,
    form: str,
    *,
    capitals: str = "",
    shaped: str = "",
    check: Check = lambda _: True,
    strict: bool = False,
    entity: str = "NATIONAL_ID",
) -> Identifier:
    """A row of a table.

    `words` in any case, `capitals` are words that mean something else in small letters, unless `number`, `is` or a
    colon follows; both separated by bars. `form` as people write it after a word, `shaped` where it speaks for itself.
    """
    said = "|".join([*map(word, alternatives(words)), *_capitals(capitals)])
    value = f"(?<![A-Za-z0-9])(?P<value>{form})(?![A-Za-z0-9])"
    return Identifier(
        f"identifier_{name}",
        entity,
        check,
        strict,
        re2.compile(said),
        re.compile(f"{GAP}{value}", re.IGNORECASE),
        re.compile(f"{value}{_IS}$", re.IGNORECASE),
        shaped,
        re.compile(rf"(?<![\w.,/+-])(?:{shaped})(?!\w|[.,/-]\d)") if shaped else None,
    )


def alternatives(words: str) -> list[str]:
    """What bars separate; those inside brackets belong to a word's endings."""
    return re.findall(r"(?:\\.|\((?:[^()]|\([^()]*\))*\)|[^|()\\])+", words)


def word(text: str) -> str:
    """A word with its borders, where they can be told in every engine: beyond ASCII they cannot."""
    return rf"\b(?i:{text})\b" if text.isascii() else f"(?i:{text})"


def _capitals(words: str) -> Iterator[str]:
    if words:
        yield rf"\b(?:{words})\b"
        yield rf"\b(?i:{words}){_ANNOUNCES}"
