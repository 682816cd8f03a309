"""Edits: how a reading changes a text, and the way back from what it gave to the original.

A reading yields edits; this applies them. What no edit touches stays as it is, so a decoded value keeps the words
around it.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

from router.signals.sensitivity.views.view import Piece, View

MARGIN_CHARS = 160
"""How much is kept on either side of an edit in a reading that shows only what changed: a sentence of context."""


class Edit(NamedTuple):
    """A run of the text and what it reads as. Edits come in order and do not overlap; one that does is skipped."""

    start: int
    end: int
    text: str
    problem: str = ""
    """A word for what could not be read here: `binary`, `too large`."""


class Rewritten(NamedTuple):
    """A text with its edits made."""

    view: View | None
    """None where nothing changed."""
    problems: tuple[str, ...]


def rewrite(view: View, edits: Iterable[Edit], *, name: str, whole: bool = False) -> Rewritten:
    """The view with the edits made; without `whole` only what stands near one of them."""
    writer = _Writer(view, whole=whole)
    problems = dict.fromkeys(writer.add(edit) for edit in edits)
    problems.pop("", None)
    return Rewritten(writer.view(name), tuple(problems))


def edits_of(view: View, source: str) -> Iterator[Edit]:
    """The edits, all at once, that lead from a source to a view whose pieces map back to it."""
    read = 0
    for start, end, low, high, verbatim in _groups(view.pieces):
        if low > read:
            yield Edit(read, low, "")
        if not verbatim:
            yield Edit(low, high, view.text[start:end])
        elif view.text[start:end] != source[low:high]:
            yield from (
                Edit(place, place + 1, char)
                for place, char in enumerate(view.text[start:end], low)
                if char != source[place]
            )
        read = high
    if read < len(source):
        yield Edit(read, len(source), "")


def _groups(pieces: Sequence[Piece]) -> Iterator[tuple[int, int, int, int, bool]]:
    """The pieces, with those made one that stand for runs of the original that overlap."""
    last: tuple[int, int, int, int, bool] | None = None
    for piece in pieces:
        start, end, low, high = piece
        if last is not None and not (last[4] or piece.verbatim) and (low < last[3] or (low, high) == last[2:4]):
            last = (last[0], end, last[2], max(high, last[3]), False)
            continue
        if last is not None:
            yield last
        last = (start, end, low, high, piece.verbatim)
    if last is not None:
        yield last


def origin(view: View, start: int, end: int) -> tuple[int, int]:
    """Where in the original a span of the view's text came from: the shortest run that covers all of it."""
    pieces = view.pieces
    if not pieces:
        return start, end
    first = max(0, bisect_right(pieces, start, key=_start) - 1)
    found: list[tuple[int, int]] = []
    for index in range(first, len(pieces)):
        piece = pieces[index]
        if piece.start >= end and found:
            break
        if piece.end > start:
            found.append(_inside(piece, start, end))
    if not found:  # nothing of the original stands here: the nearest place
        return pieces[-1].origin_end, pieces[-1].origin_end
    return min(low for low, _ in found), max(high for _, high in found)


def _start(piece: Piece) -> int:
    return piece.start


def _inside(piece: Piece, start: int, end: int) -> tuple[int, int]:
    if not piece.verbatim:
        return piece.origin_start, piece.origin_end
    shift = piece.origin_start - piece.start
    low = min(max(start, piece.start), piece.end)
    return low + shift, max(low, min(end, piece.end)) + shift


class Pieces(Sequence[Piece]):
    """Pieces, four numbers each in one array: a text of a million characters may have as many."""

    def __init__(self) -> None:
        self._numbers = array("q")

    def __len__(self) -> int:
        return len(self._numbers) // 4

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Piece]: ...
    def __getitem__(self, index: int | slice) -> Piece | Sequence[Piece]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index] * 4
        return Piece(*self._numbers[at : at + 4])

    def verbatim(self, start: int, length: int, from_start: int) -> None:
        """Add a run that stands for the original's, character by character; it grows the last one where it can."""
        if not length:
            return
        numbers = self._numbers
        if numbers and numbers[-3] == start and numbers[-1] == from_start and self[-1].verbatim:
            numbers[-3] += length
            numbers[-1] += length
        else:
            numbers.extend((start, start + length, from_start, from_start + length))

    def coarse(self, start: int, end: int, from_start: int, from_end: int) -> None:
        """Add a run that stands for one of the original as a whole."""
        if end - start == from_end - from_start > 1:
            # As long as what it came from, and yet not that character by character: two pieces say so.
            self._numbers.extend((start, start + 1, from_start, from_end))
            start += 1
        if end > start:
            self._numbers.extend((start, end, from_start, from_end))


class _Writer:
    """Puts the new text together, run by run, and remembers where each came from."""

    def __init__(self, view: View, *, whole: bool) -> None:
        self._source = view
        self._margin = len(view.text) if whole else MARGIN_CHARS
        self._texts: list[str] = []
        self._length = 0
        self._read = 0
        self._pieces = Pieces()
        self._at = 0  # the source's piece that the next run begins in

    def add(self, edit: Edit) -> str:
        """Make one edit; returns its problem."""
        if edit.start < self._read or self._source.text[edit.start : edit.end] == edit.text:
            return edit.problem
        self._keep_until(edit.start)
        low, high = self._origin(edit.start, edit.end)
        self._pieces.coarse(self._length, self._length + len(edit.text), low, high)
        self._write(edit.text)
        self._read = edit.end
        return edit.problem

    def view(self, name: str) -> View | None:
        """What was written; None when that is what was there."""
        if not self._texts:
            return None
        text = self._source.text
        stop = len(text) if len(text) - self._read <= self._margin else _gap(text, self._read + self._margin, 1)
        self._keep(self._read, stop)
        return View("".join(self._texts), name, pieces=self._pieces)

    def _keep_until(self, start: int) -> None:
        text, begin = self._source.text, self._read
        if start - begin <= 2 * (self._margin + _WORD_CHARS):
            self._keep(begin, start)
            return
        if self._texts:
            self._keep(begin, _gap(text, begin + self._margin, 1))
            self._write("\n")
        self._keep(_gap(text, start - self._margin, -1), start)

    def _keep(self, start: int, end: int) -> None:
        for run in self._runs(start, end):
            low, high = max(start, run.start), min(end, run.end)
            at = self._length + low - start
            if run.verbatim:
                self._pieces.verbatim(at, high - low, run.origin_start + low - run.start)
            else:
                self._pieces.coarse(at, at + high - low, run.origin_start, run.origin_end)
        self._write(self._source.text[start:end])

    def _write(self, text: str) -> None:
        self._texts.append(text)
        self._length += len(text)

    def _runs(self, start: int, end: int) -> Iterator[Piece]:
        """The source's own pieces that a run of it touches. Runs are asked for in order."""
        pieces = self._source.pieces
        if not pieces:
            yield Piece(start, end, start, end)
            return
        while self._at < len(pieces) and pieces[self._at].end <= start:
            self._at += 1
        for index in range(self._at, len(pieces)):
            piece = pieces[index]
            if piece.start >= end:
                break
            yield piece

    def _origin(self, start: int, end: int) -> tuple[int, int]:
        if not self._source.pieces:
            return start, end
        return origin(self._source, start, end)


_WORD_CHARS = 24


def _gap(text: str, at: int, step: int) -> int:
    """The next place between words, not far from a position."""
    for place in range(at, max(0, min(len(text), at + step * _WORD_CHARS)), step):
        if text[place : place + 1].isspace():
            return place
    return max(0, min(len(text), at))
