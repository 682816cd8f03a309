"""Sheets: the passages of a job laid out as texts for detectors, and the way back from a place to its passage.

One sheet holds all of them, a line each, a key beside its value: the words around a number tell what it is. The other
holds the seams, where a value may be split over two turns or two fields.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from router.redaction.leaves import Leaf
from router.redaction.passage import Passage

SEAM_CHARS = 80
"""How much of either side of a seam is looked at: longer than any single value, short enough to cost nothing."""

SHORT_CHARS = 64
"""Fields that hold pieces of one value are short."""

_BREAK = "\n\n"
"""Between what does not meet: a long turn's beginning and its end, two chains."""


class Place(NamedTuple):
    """Characters of one passage's blank form."""

    passage: int
    start: int
    end: int


class _Run(NamedTuple):
    """A run of a sheet and the passage that it came from."""

    start: int
    end: int
    passage: int
    origin: int


@dataclass(frozen=True)
class Sheet:
    """One text for detectors."""

    text: str
    runs: tuple[_Run, ...]

    def places(self, start: int, end: int) -> Iterator[Place]:
        """Where some characters of the sheet stand: in one passage, or in several where they cross a border."""
        first = max(0, bisect_right(self.runs, start, key=lambda run: run.start) - 1)
        for at in range(first, len(self.runs)):
            run = self.runs[at]
            if run.start >= end:
                return
            low, high = max(start, run.start), min(end, run.end)
            if low < high:
                yield Place(run.passage, low - run.start + run.origin, high - run.start + run.origin)


class _Piece(NamedTuple):
    """Some characters of a passage, and what follows them on the sheet."""

    passage: int
    start: int
    end: int
    after: str


def sheets(leaves: Sequence[Leaf], passages: Sequence[Passage]) -> tuple[Sheet, Sheet]:
    """All of the job; and the seams: where turns meet, all and those of each role, and where short fields do."""
    blanks = [passage.blank for passage in passages]
    lines = enumerate(zip(leaves, blanks, strict=True))
    whole = _laid((_Piece(at, 0, len(blank), ": " if leaf.is_key else "\n") for at, (leaf, blank) in lines), blanks)
    turns = tuple(_turns(leaves))
    roles = dict.fromkeys(leaves[turn[0]].role for turn in turns)
    chains = (turns, *(tuple(turn for turn in turns if leaves[turn[0]].role == role) for role in roles))
    glued = [
        _glued((piece for turn in chain for piece in _edges(turn, blanks)), blanks) for chain in dict.fromkeys(chains)
    ]
    glued += (_labelled(keys, _glued(values, blanks)) for keys, values in _fields(leaves, blanks))
    return whole, _laid((piece for chain in glued if len(chain) > 1 for piece in chain), blanks)


def _turns(leaves: Sequence[Leaf]) -> Iterator[tuple[int, ...]]:
    """The passages of each turn's content."""
    turns: dict[int, list[int]] = {}
    for index, leaf in enumerate(leaves):
        if leaf.turn is not None:
            turns.setdefault(leaf.turn, []).append(index)
    yield from map(tuple, turns.values())


def _edges(turn: tuple[int, ...], blanks: Sequence[str]) -> Iterator[_Piece]:
    """A turn without its middle where it is long."""
    for index in turn:
        text = blanks[index]
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        after = "" if index == turn[-1] else "\n"
        if end - start > 2 * SEAM_CHARS:
            yield _Piece(index, start, start + SEAM_CHARS, _BREAK)
            start = end - SEAM_CHARS
        yield _Piece(index, start, end, after)


def _fields(leaves: Sequence[Leaf], blanks: Sequence[str]) -> Iterator[tuple[list[_Piece], list[_Piece]]]:
    """Runs of short fields, keys and values."""
    keys: list[_Piece] = []
    values: list[_Piece] = []
    for index, (leaf, blank) in enumerate(zip(leaves, blanks, strict=True)):
        if leaf.turn is not None or len(blank) > SHORT_CHARS:
            yield keys, values
            keys, values = [], []
        else:
            (keys if leaf.is_key else values).append(_Piece(index, 0, len(blank), " " if leaf.is_key else ""))
    yield keys, values


def _labelled(keys: list[_Piece], values: list[_Piece]) -> list[_Piece]:
    """The fields' values, glued, behind all their keys. Nothing where there is nothing to glue."""
    if len(values) < 2:  # noqa: PLR2004 -- two that meet
        return []
    return [*keys[:-1], *(key._replace(after=": ") for key in keys[-1:]), *values]


def _glued(pieces: Iterable[_Piece], blanks: Sequence[str]) -> list[_Piece]:
    """Nothing stands between two that meet, but a blank between digits; and a line ends after the last."""
    given = list(pieces)
    for at, (piece, following) in enumerate(pairwise(given)):
        ends, begins = (
            blanks[piece.passage][piece.end - 1 : piece.end],
            blanks[following.passage][following.start :][:1],
        )
        if not piece.after and ends.isdigit() and begins.isdigit():
            given[at] = piece._replace(after=" ")
    return [*given[:-1], *(piece._replace(after=_BREAK) for piece in given[-1:])]


def _laid(pieces: Iterable[_Piece], blanks: Sequence[str]) -> Sheet:
    texts: list[str] = []
    runs: list[_Run] = []
    at = 0
    for piece in pieces:
        text = blanks[piece.passage][piece.start : piece.end]
        runs.append(_Run(at, at + len(text), piece.passage, piece.start))
        texts += (text, piece.after)
        at += len(text) + len(piece.after)
    return Sheet("".join(texts), tuple(runs))
