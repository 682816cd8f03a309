"""Cells: a value split over fields: of JSON, tables, lists, configurations, messages, subtitles, calls of a program."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby

from router.signals.sensitivity.views.assembly import MAX_PIECES, assembled
from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading

BEFORE_CHARS, AFTER_CHARS = 160, 60
GAP_CHARS = 60
"""Between two cells stands no more than this: a key and some signs."""

SPARE_CELLS = 3
"""Before and behind a value's pieces stand no more others of the same kind: more is a row of numbers."""

_ATOM = r"(?:[A-Za-z0-9@.+_]|-(?=\w))(?:[A-Za-z0-9@.+_ -]{0,38}[A-Za-z0-9@.+_-])?[ ]?"
_MARKER = r"(?:\(\d{1,3}\)|\d{1,3}[.)]|#\d{1,3}|[-*\u2022])[ \t]{1,4}"
_CELL = re.compile(
    rf"(?m)(?:^[ \t>]{{0,40}}(?:{_MARKER})?|[:=\[,(|;\t>{{][ \t]{{0,8}}|<<?[ ])(?:(?P<quote>[\"'`])[ ]?)?(?P<atom>{_ATOM})"
    r"(?:(?P=quote)(?=[ \t]*[,;}\])|<\t\n.+&~>/]|[ \t]+[\w.]|[ \t]*$)|(?(quote)(?!))[ \t]{0,8}(?=[,;}\])|<\t\n\"]|$))"
)
_NOTHING = frozenset(("true", "false", "null", "none", "nil", "yes", "no", "ok", "-"))

_TIMING = re.compile(
    r"(?m)^\d{1,5}\r?\n(?=\d\d:\d\d)|(?:\d\d:)?\d\d:\d\d[.,]\d{2,3}|(?<!\d)\d\d?:\d\d(?::\d\d)?(?![\d:])|\d{4}-\d\d-\d\d"
)
"""When it was said says nothing about what was said."""

_Cell = tuple[int, int, str]


def _cells(text: str) -> Iterator[Edit]:
    timed = bytearray(len(text) + 1)
    for match in _TIMING.finditer(text):
        timed[match.start() : match.end()] = b"\x01" * (match.end() - match.start())
    found = [
        (match.start("atom"), match.end("atom"), match["atom"].rstrip())
        for match in _CELL.finditer(text)
        if match["atom"].lower() not in _NOTHING and not timed[match.start("atom")]
    ]
    runs = list(_runs(found))
    edits = [edit for run in runs for order in _orders(text, run) for edit in _values(text, order)]
    yield from sorted(edits, key=lambda edit: (edit.start, -edit.end))


def _runs(cells: Sequence[_Cell]) -> Iterator[list[_Cell]]:
    """Cells that stand close together."""
    run: list[_Cell] = []
    for cell in cells:
        if run and cell[0] - run[-1][1] > GAP_CHARS:
            yield run
            run = []
        run.append(cell)
    yield run


def _orders(text: str, run: Sequence[_Cell]) -> Iterator[Sequence[_Cell]]:
    """As they stand, and down the columns where lines have several."""
    if len(run) < 2:  # noqa: PLR2004
        return
    yield run
    ends = [match.start() for match in re.finditer("\n", text[run[0][0] : run[-1][1]])]
    rows = [list(row) for _, row in groupby(run, key=lambda cell: bisect_left(ends, cell[0] - run[0][0]))]
    if len(rows) > 1 and max(map(len, rows)) > 1:
        for column in range(1, min(max(map(len, rows)), 12)):
            yield [row[column] for row in rows if len(row) > column]


def _values(text: str, cells: Sequence[_Cell]) -> Iterator[Edit]:
    """What cells that follow each other make together."""
    done = 0
    for kind, first, last in _kinds(cells):
        for start in range(max(first, done), last - 1):
            if kind == "number" and start - first > SPARE_CELLS:
                break
            for end in _ends(kind, start, last):
                pieces = cells[start:end]
                if len(pieces) < 2:  # noqa: PLR2004
                    continue
                around = text[max(0, pieces[0][0] - BEFORE_CHARS) : pieces[-1][1] + AFTER_CHARS]
                value = assembled([piece[2].strip() if kind == "number" else piece[2] for piece in pieces], around)
                if value is not None:
                    yield Edit(pieces[0][0], pieces[-1][1], value)
                    done = end
                    break
            if done > start:
                break


def _ends(kind: str, start: int, last: int) -> range:
    """Where a value that begins at a cell may end, the longest first."""
    if kind == "number":
        return range(last, max(start + 1, last - SPARE_CELLS - 1), -1)
    return range(min(last, start + MAX_PIECES), start + 1, -1)


def _kinds(cells: Sequence[_Cell]) -> Iterator[tuple[str, int, int]]:
    """Rows of numbers; rows that an account or a key may begin; pairs that may be an address."""
    at = 0
    for numeric, group in groupby(cells, key=lambda cell: _NUMERIC.fullmatch(cell[2]) is not None):
        count = len(list(group))
        if numeric and 1 < count <= MAX_PIECES:
            yield "number", at, at + count
        at += count
    for place, (_, _, atom) in enumerate(cells):
        if _OPENS.match(atom):
            yield "code", place, min(len(cells), place + MAX_PIECES)
        elif _DOMAIN.search(atom) or "@" in atom:
            first = max(0, place - 2)
            for start in range(first, place):
                yield "address", start, min(len(cells), place + 1)
            yield "address", place, min(len(cells), place + 3)


_NUMERIC = re.compile(r"\+?[\d ().-]{1,16}")
_OPENS = re.compile(r"[A-Z]{2}\d{0,3}(?:\b|[A-Z])|[A-Z]$|sk-|gh|gl|AK|AI|hf|xo|[a-z]$")
_DOMAIN = re.compile(r"\.[a-z]{2,6}$|^[a-z]{2,3}$")

CELLS = 3
"""Before and behind a value's pieces stand no more others of the same kind: more is a row of numbers."""

_ATOM = r"(?:[A-Za-z0-9@.+_]|-(?=\w))(?:[A-Za-z0-9@.+_ -]{0,38}[A-Za-z0-9@.+_-])?[ ]?"
_MARKER = r"(?:\(\d{1,3}\)|\d{1,3}[.)]|#\d{1,3}|[-*\u2022])[ \t]{1,4}"
_CELL = re.compile(
    rf"(?m)(?:^[ \t>]{{0,40}}(?:{_MARKER})?|[:=\[,(|;\t>{{][ \t]{{0,8}}|<<?[ ])(?:(?P<quote>[\"'`])[ ]?)?(?P<atom>{_ATOM})"
    r"(?:(?P=quote)(?=[ \t]*[,;}\])|<\t\n.+&~>/]|[ \t]+[\w.]|[ \t]*$)|(?(quote)(?!))[ \t]{0,8}(?=[,;}\])|<\t\n\"]|$))"
)
_NOTHING = frozenset(("true", "false", "null", "none", "nil", "yes", "no", "ok", "-"))

_TIMING = re.compile(
    r"(?m)^\d{1,5}\r?\n(?=\d\d:\d\d)|(?:\d\d:)?\d\d:\d\d[.,]\d{2,3}|(?<!\d)\d\d?:\d\d(?::\d\d)?(?![\d:])|\d{4}-\d\d-\d\d"
)
"""When it was said says nothing about what was said."""

_Cell = tuple[int, int, str]


def _cells(text: str) -> Iterator[Edit]:
    timed = bytearray(len(text) + 1)
    for match in _TIMING.finditer(text):
        timed[match.start() : match.end()] = b"\x01" * (match.end() - match.start())
    found = [
        (match.start("atom"), match.end("atom"), match["atom"].rstrip())
        for match in _CELL.finditer(text)
        if match["atom"].lower() not in _NOTHING and not timed[match.start("atom")]
    ]
    runs = list(_runs(found))
    edits = [edit for run in runs for order in _orders(text, run) for edit in _values(text, order)]
    yield from sorted(edits, key=lambda edit: (edit.start, -edit.end))


def _runs(cells: Sequence[_Cell]) -> Iterator[list[_Cell]]:
    """Cells that stand close together."""
    run: list[_Cell] = []
    for cell in cells:
        if run and cell[0] - run[-1][1] > GAP_CHARS:
            yield run
            run = []
        run.append(cell)
    yield run


def _orders(text: str, run: Sequence[_Cell]) -> Iterator[Sequence[_Cell]]:
    """As they stand, and down the columns where lines have several."""
    if len(run) < 2:  # noqa: PLR2004
        return
    yield run
    ends = [match.start() for match in re.finditer("\n", text[run[0][0] : run[-1][1]])]
    rows = [list(row) for _, row in groupby(run, key=lambda cell: bisect_left(ends, cell[0] - run[0][0]))]
    if len(rows) > 1 and max(map(len, rows)) > 1:
        for column in range(1, min(max(map(len, rows)), 12)):
            yield [row[column] for row in rows if len(row) > column]


def _values(text: str, cells: Sequence[_Cell]) -> Iterator[Edit]:
    """What cells that follow each other make together."""
    done = 0
    for kind, first, last in _kinds(cells):
        for start in range(max(first, done), last - 1):
            if kind == "number" and start - first > SPARE_CELLS:
                break
            for end in _ends(kind, start, last):
                pieces = cells[start:end]
                if len(pieces) < 2:  # noqa: PLR2004
                    continue
                around = text[max(0, pieces[0][0] - BEFORE_CHARS) : pieces[-1][1] + AFTER_CHARS]
                value = assembled([piece[2].strip() if kind == "number" else piece[2] for piece in pieces], around)
                if value is not None:
                    yield Edit(pieces[0][0], pieces[-1][1], value)
                    done = end
                    break
            if done > start:
                break


def _ends(kind: str, start: int, last: int) -> range:
    """Where a value that begins at a cell may end, the longest first."""
    if kind == "number":
        return range(last, max(start + 1, last - SPARE_CELLS - 1), -1)
    return range(min(last, start + MAX_PIECES), start + 1, -1)


def _kinds(cells: Sequence[_Cell]) -> Iterator[tuple[str, int, int]]:
    """Rows of numbers; rows that an account or a key may begin; pairs that may be an address."""
    at = 0
    for numeric, group in groupby(cells, key=lambda cell: _NUMERIC.fullmatch(cell[2]) is not None):
        count = len(list(group))
        if numeric and 1 < count <= MAX_PIECES:
            yield "number", at, at + count
        at += count
    for place, (_, _, atom) in enumerate(cells):
        if _OPENS.match(atom):
            yield "code", place, min(len(cells), place + MAX_PIECES)
        elif _DOMAIN.search(atom) or "@" in atom:
            first = max(0, place - 2)
            for start in range(first, place):
                yield "address", start, min(len(cells), place + 1)
            yield "address", place, min(len(cells), place + 3)


_NUMERIC = re.compile(r"\+?[\d ().-]{1,16}")
_OPENS = re.compile(r"[A-Z]{2}\d{0,3}(?:\b|[A-Z])|[A-Z]$|sk-|gh|gl|AK|AI|hf|xo|[a-z]$")
_DOMAIN = re.compile(r"\.[a-z]{2,6}$|^[a-z]{2,3}$")

_SHORT = r"[\"'`]?[A-Za-z0-9@.+_ -]{1,16}[\"'`]?"
CELLS = Reading(
    "cells",
    (
        r"[\"'`][ \t]{0,8}[,;:=<+&~}\])][^\"'`]{0,60}[\"'`]",
        r"[|;\t][ \t]{0,8}[A-Za-z0-9@.+_-]{1,40}[ \t]{0,8}[|;\t\n]",
        r"[\d\"'`],[ ]{0,2}[\d\"'`A-Za-z]",
        r"[A-Za-z0-9],[A-Za-z0-9]",
        r">[^<>\n]{1,40}</",
        r"=[\"'][^\"'\n]{1,40}[\"']",
        r"[=:][ \t]{0,8}[A-Za-z0-9@.+_-]{1,40}[ \t]{0,8}\n",
        r"(?:\d[.)]|#\d{1,3}|[-*\u2022])[ \t]{1,4}[\"'`]?[A-Za-z0-9@.+_-]{1,40}[\"'`]?[ \t]{0,8}\n",
        r"\n[ \t>]{0,40}[A-Za-z0-9@.+_-]{1,40}[ \t]{0,8}\n",
    ),
    _cells,
)
