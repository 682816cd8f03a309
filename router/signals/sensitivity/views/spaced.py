"""Spaced: characters that stand apart, each by itself, joined again: `j o h n @`, `D-E-6-7`, a value down a page."""

import re
from collections.abc import Iterator
from itertools import pairwise

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.markup import VALUE
from router.signals.sensitivity.views.reading import Reading

MIN_APART = 6
"""So many characters must stand apart in one manner: `a, b, c` is a list."""

_BLANK_RUN = re.compile(
    rf"(?<!\S)[(\[\"'<]?\S(?:[ \t]{{1,9}}\S(?!\S)){{{MIN_APART - 2},}}"
    rf"(?:[ \t]{{1,9}}\S(?=[.,;:!?)\]}}\"']{{1,2}}(?:\s|$)))?"
)
_BLANK_HINT = re.compile(r"(?:[ \t]{1,4}[^\s=<>&^%]){5}")
_BLANKS = re.compile(r"[ \t]+")
_ELEMENT = r"[\w@.+()/ -]"
_SIGN_RUN = re.compile(
    rf"(?<![A-Za-z0-9])[\w@.(](?P<by>[^\w\s@]|_|\r?\n[ \t]{{0,4}}|[^\w\n@.]{{2,5}}){_ELEMENT}"
    rf"(?:(?P=by){_ELEMENT}(?![A-Za-z0-9])){{{MIN_APART - 2},}}"
)
_SHARE_OF_LETTERS = 0.7
"""Of characters that stand apart: less is a formula, `a + b = c`."""


def _spaced(text: str) -> Iterator[Edit]:
    for match in _BLANK_RUN.finditer(text):
        run = match[0]
        signs = _BLANKS.sub("", run)
        if signs.isdigit() or not _BLANK_HINT.search(run):
            continue
        gaps = list(_BLANKS.finditer(run))
        if len(set(signs[1::2])) == 1 and not signs[1].isalnum():  # `j - o - h - n`
            for sign in re.finditer(rf"[ \t]+{re.escape(signs[1])}[ \t]+", run):
                yield Edit(match.start() + sign.start(), match.start() + sign.end(), "")
            continue
        if sum(char.isalnum() or char in "@." for char in signs) < _SHARE_OF_LETTERS * len(signs):
            continue
        least = min(len(gap[0]) for gap in gaps)
        for gap in gaps:  # a wider gap than the others stands for one between words
            wide = len(gap[0]) > least
            yield Edit(match.start() + gap.start(), match.start() + gap.end(), " " if wide else "")


def _apart(text: str) -> Iterator[Edit]:
    for match in _SIGN_RUN.finditer(text):
        by = len(match["by"])
        signs = match[0][:: by + 1]
        if signs.isdigit() or sum(map(str.isalnum, signs)) < MIN_APART - 1:  # digits alone are another reading's
            continue
        for place in range(match.start() + 1, match.end() - 1, by + 1):
            yield Edit(place, place + by, "")


def _chunks(text: str) -> Iterator[Edit]:
    """A value in pieces of one length: `ma ry .s mi th @a cm e. io`, `DE 74 62 69`, lines of five."""
    if not any(hint.search(text) for hint in _CHUNK_HINTS):
        return
    for match in _CHUNK_RUN.finditer(text):
        pieces = list(re.finditer(rf"(?:(?!{re.escape(match['by'])})\S)+", match[0]))
        for run in _even(pieces):
            if VALUE.search("".join(piece[0] for piece in run)):
                for piece, after in pairwise(run):
                    yield Edit(match.start() + piece.end(), match.start() + after.start(), "")


_CHUNK_HINTS = (
    re.compile(r"[ _/|~\n-][^\s@]{0,5}@[^\s@]{0,5}[ _/|~\r\n-]"),
    re.compile(r"\b[A-Z]{2}\d{0,3}[ _/|~-](?:\d{2,5}[ _/|~-]){2}"),
)
_CHUNK_RUN = re.compile(r"(?<!\S)\S{1,6}?(?P<by>[ _/|~-]|\r?\n)(?:\S{1,6}?(?P=by)){2,60}\S{1,6}")


def _even(pieces: list[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Stretches of pieces of one length, the last perhaps shorter."""
    run: list[re.Match[str]] = []
    for piece in (*pieces, None):
        if piece is not None and run and len(piece[0]) == len(run[0][0]):
            run.append(piece)
            continue
        if len(run) >= MIN_PIECES:
            yield [*run, piece] if piece is not None and len(piece[0]) < len(run[0][0]) else run
        run = [piece] if piece is not None and len(piece[0]) > 1 else []


MIN_PIECES = 3

SPACED: tuple[Reading, ...] = (
    Reading("spaced", (_BLANK_HINT.pattern,), _spaced),
    Reading(
        "apart",
        (
            r"(?:[ \t]?[^\w\s@][^\w\n@.]{0,4}[\w@.+()/-]){4}[^A-Za-z0-9]",
            r"(?:_[A-Za-z0-9@.+-]){4}",
            r"(?:\n[ \t]{0,4}[\w@.+-]\r?){4}",
        ),
        _apart,
    ),
    Reading("chunks", tuple(hint.pattern for hint in _CHUNK_HINTS), _chunks),
)
