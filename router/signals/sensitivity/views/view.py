"""View: a text as one way of reading it gives it, and the way back to where each piece stood in the original."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

AS_WRITTEN = "as_written"


class Piece(NamedTuple):
    """A run of a view's text and the run of the original that it came from; the two may differ in length."""

    start: int
    end: int
    origin_start: int
    origin_end: int

    @property
    def verbatim(self) -> bool:
        """Whether each character stands for one of the original, so that positions inside can be told apart."""
        return self.end - self.start == self.origin_end - self.origin_start


Locate = Callable[[str, str], Sequence[int] | None]
"""A text and a hint -> where each match of the hint's patterns ends; None where nobody can tell."""

SHORT_CHARS = 1000
"""In a shorter text to look everywhere is as fast as to ask where to look."""


@dataclass(frozen=True)
class View:
    """What detectors look at. Frozen; positions count characters."""

    text: str
    name: str = AS_WRITTEN
    """The way of reading, for findings on record: `as_written`, `plain`, `base64`, `base64+gzip`."""
    hints: frozenset[str] | None = field(default=None, kw_only=True)
    """What the gate saw in this text; None where no gate looked: then a detector looks for everything."""
    pieces: Sequence[Piece] = field(default=(), kw_only=True, repr=False)
    """Where the text came from, in order of `start`. Empty: it is the original."""

    locate: Locate | None = field(default=None, kw_only=True, repr=False, compare=False)
    """Asks the gate where it saw a hint, for `windows`."""

    def __repr__(self) -> str:
        return f"View({self.name}, {len(self.text)} chars)"  # never the text: a repr ends up in logs

    def may_hold(self, hint: str) -> bool:
        """Whether a detector needs to look for what the hint stands for."""
        return self.hints is None or hint in self.hints

    def windows(self, hint: str, *, before: int, after: int) -> Iterator[tuple[int, int]]:
        """The parts of the text to search for what a hint stands for, in order and apart; else the whole text.

        Each reaches from `before` characters before the end of a match to `after` behind it: `before` must be more than
        the longest match and what is looked at in front of it.
        """
        length = len(self.text)
        told = self.locate is not None and self.hints is not None and length > SHORT_CHARS
        ends = self.locate(self.text, hint) if told and self.locate is not None else None
        if ends is None:
            yield 0, length
            return
        first = last = -1
        for end in ends:
            if first >= 0 and end - before > last:
                yield first, last
                first = -1
            if first < 0:
                first = max(0, end - before)
            last = min(length, end + after)
        if first >= 0:
            yield first, last
