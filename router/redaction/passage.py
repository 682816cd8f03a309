"""A passage: one string of a job, in which some parts have given way to placeholders. Frozen.

What is written and what stands for something are kept apart, so that nothing ever has to guess which of the two a
`[PERSON_1]` is: the producer may have written that, too.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from string import ascii_lowercase
from typing import NamedTuple

from tidegate.redaction import bracketed


class Kind(Enum):
    """What may stand in a string."""

    TEXT = "text"
    WORD = "word"
    """A name in a program's sense: no brackets, no blanks."""
    NUMBER = "number"
    """A number as JSON has it; where it gives way, it becomes a text."""


class Mark(NamedTuple):
    """A placeholder where something stood."""

    name: str


class Cut(NamedTuple):
    """Characters of a passage's blank form that give way to a placeholder."""

    start: int
    end: int
    name: str


BLANK = "XXX"
"""Stands for a placeholder where detectors look: people write so themselves, and nobody is called so."""


@dataclass(frozen=True)
class Passage:
    """One string."""

    parts: tuple[str | Mark, ...]
    kind: Kind = Kind.TEXT

    @classmethod
    def of(cls, text: str, kind: Kind = Kind.TEXT) -> "Passage":
        """As it came."""
        return cls((text,), kind)

    @property
    def whole(self) -> bool:
        """Whether nothing has given way yet."""
        return not any(isinstance(part, Mark) for part in self.parts)

    @property
    def blank(self) -> str:
        """For detectors: with a sign that means nothing in each placeholder's place."""
        return "".join(BLANK if isinstance(part, Mark) else part for part in self.parts)

    def told_apart(self, number: int) -> str:
        """The blank form, in which two keys of one object stay two."""
        if self.whole or self.kind is not Kind.WORD:
            return self.blank
        return self.blank + "".join(ascii_lowercase[int(digit)] for digit in str(number))

    @property
    def written(self) -> str:
        """As it leaves."""
        word = self.kind is Kind.WORD
        return "".join(
            part if isinstance(part, str) else part.name if word else bracketed(part.name) for part in self.parts
        )

    def literals(self) -> Iterator[tuple[int, str]]:
        """What is written, with where it begins in the blank form."""
        at = 0
        for part in self.parts:
            if isinstance(part, str):
                yield at, part
                at += len(part)
            else:
                at += len(BLANK)

    def cut(self, cuts: Iterable[Cut]) -> "Passage":
        """With these characters replaced. The cuts lie within literals, in order, and do not overlap."""
        left = deque(sorted(cuts))
        parts: list[str | Mark] = []
        at = 0
        for part in self.parts:
            if isinstance(part, Mark):
                parts.append(part)
                at += len(BLANK)
                continue
            done = 0
            while left and left[0].start < at + len(part):
                cut = left.popleft()
                parts += [part[done : cut.start - at], Mark(cut.name)]
                done = cut.end - at
            parts.append(part[done:])
            at += len(part)
        return Passage(tuple(part for part in parts if part), self.kind)
