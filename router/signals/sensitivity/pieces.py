"""Long readings in pieces, so that time and memory grow with the length only, and the clock is looked at in between.

Pieces overlap by more than the longest value, so that what stands across a cut is whole in one of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from router.signals.sensitivity.views.view import View

PIECE_CHARS = 64 * 1024
OVERLAP_CHARS = 8 * 1024
"""More than a JWT or a private key of 8,192 bits."""

NEAR_CHARS = 1024
"""So far from a cut's place a gap between words is looked for: half a number is another number."""


class Piece(NamedTuple):
    """A part of a view as a view of its own, without hints, and where it begins in the whole."""

    whole: View
    start: int
    part: View


def pieces(view: View) -> Iterator[Piece]:
    """The view itself, or its parts one after the other."""
    text, start = view.text, 0
    if len(text) <= PIECE_CHARS + OVERLAP_CHARS:
        yield Piece(view, 0, view)
        return
    while start < len(text):
        end = _gap(text, start + PIECE_CHARS)
        yield Piece(view, start, View(text[start:end], view.name))
        start = _gap(text, end - OVERLAP_CHARS) if end < len(text) else end


def _gap(text: str, near: int) -> int:
    """The end of a line shortly before a place, or of a word; the place itself where there is none."""
    if near >= len(text):
        return len(text)
    for gap in "\n ":
        found = text.rfind(gap, near - NEAR_CHARS, near)
        if found >= 0:
            return found + 1
    return near
