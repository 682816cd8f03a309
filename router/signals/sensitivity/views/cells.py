"""Cells: a value split over fields: of JSON, tables, lists, configurations, messages, subtitles, calls of a program."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby

from router.signals.sensitivity.views.addresses import TLD
from router.signals.sensitivity.views.assembly import MAX_PIECES, MAX_VALUE_CHARS, assembled
from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import guarded

BEFORE_CHARS, AFTER_CHARS = 160, 60
GAP_CHARS = 60
"""Between two cells stands no more than this: a key and some signs."""

SPARE_CELLS = 3
"""Before and behind a value's pieces stand no more others of the same kind: more is a row of numbers."""

_ATOM = r"(?:[A-Za-z0-9@.+_]|-(?=\w))(?:[A-Za-z0-9@.+_ -]{0,38}[A-Za-z0-9@.+_-])?[ ]?"
_MARKER = r"(?:\(\d{1,3}\)|\d{1,3}[.)]|#\d{1,3}|[-*\u2022])[ \t]{1,4}"
_CELL = re.compile(
    rf"(?m)(?:^[ \t>]{{0,40}}(?:{_MARKER})?"
    rf"|[:=\[,(|;\t>{{][ \t]{{0,8}}|<<?[ ])(?:(?P<quote>[\"'`])[ ]?)?(?P<atom>{_ATOM})"
    r"(?:(?P=quote)(?=[ \t]*[,;}\])|<\t\n.+&~>/]|[ \t]+[\w.]|[ \t]*$)|(?(quote)(?!))[ \t]{0,8}(?=[,;}\])|<\t\n\"]|$))"
)
_NOTHING = frozenset(("true", "false", "null", "none", "nil", "yes", "no", "ok", "-"))

_TIMING = re.compile(
    r"(?m)^\d{1,5}\r?\n(?=\d\d:\d\d)|(?:\d\d:)?\d\d:\d\d[.,]\d{2,3}|(?<!\d)\d\d?:\d\d(?::\d\d)?(?![\d:])"
    r"|\d{4}-\d\d-\d\d"
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
    yield from _numbers(text, cells)
    for place, (_, _, atom) in enumerate(cells):
        if _OPENS.match(atom):
            yield from _code(cells, place)
        if place and (_ENDING.search(atom) or "@" in atom):
            yield from _address(text, cells, place)


def _numbers(text: str, cells: Sequence[_Cell]) -> Iterator[Edit]:
    """Rows of numbers, with the same signs between each."""
    for first, last in _rows(text, cells):
        around = _around(text, cells[first][0], cells[last - 1][1])
        if _TELLING.search(around) is None:
            continue
        for start in range(first, min(last - 1, first + SPARE_CELLS + 1)):
            ends = range(last, max(start + 1, last - SPARE_CELLS - 1), -1)
            made = next((pair for end in ends if (pair := _made(cells, start, end, around))[1] is not None), None)
            if made is not None and made[1] is not None:
                yield Edit(cells[start][0], cells[made[0] - 1][1], made[1])
                break


def _made(cells: Sequence[_Cell], start: int, end: int, around: str) -> tuple[int, str | None]:
    if not (end - start == OCTETS or MIN_DIGITS <= sum(len(piece[2]) for piece in cells[start:end]) <= MAX_VALUE_CHARS):
        return end, None
    return end, assembled([piece[2].strip() for piece in cells[start:end]], around)


OCTETS, MIN_DIGITS = 4, 8


def _around(text: str, start: int, end: int) -> str:
    return text[max(0, start - BEFORE_CHARS) : end + AFTER_CHARS]


def _rows(text: str, cells: Sequence[_Cell]) -> Iterator[tuple[int, int]]:
    first, signs = 0, ""
    for at in range(1, len(cells) + 1):
        numeric = at < len(cells) and _NUMERIC.fullmatch(cells[at][2]) and _NUMERIC.fullmatch(cells[at - 1][2])
        between = _WORDS.sub("", text[cells[at - 1][1] : cells[at][0]]) if numeric else ""
        if numeric and (at - first == 1 or between == signs):
            signs = between
            continue
        if 1 < at - first <= MAX_PIECES:
            yield first, at
        first, signs = (at - 1, between) if numeric else (at, "")


def _code(cells: Sequence[_Cell], place: int) -> Iterator[Edit]:
    """An account or a key: both say themselves what they are."""
    whole = ""
    for at in range(place, min(len(cells), place + MAX_PIECES)):
        whole += cells[at][2]
        if len(whole) > MAX_VALUE_CHARS or not _CODE.match(whole):
            return
        value = assembled([whole], "") if at > place and len(whole) >= MIN_CODE_CHARS else None
        if value is not None and not (at + 1 < len(cells) and _GOES_ON.fullmatch(cells[at + 1][2])):
            yield Edit(cells[place][0], cells[at][1], value)
            return


MIN_CODE_CHARS = 15
_CODE = re.compile(
    r"[A-Z]{1,2}$|[A-Z]{2}\d[\dA-Z ]*$|s?$|s?k|g?[hl]|gi|A?K?I|AIza|hf?|xo?|[A-Za-z]{1,3}$|[a-z]{2,3}[-_]"
)
_GOES_ON = re.compile(r"[A-Za-z0-9_-]{1,2}|\d{3,4}")


def _address(text: str, cells: Sequence[_Cell], place: int) -> Iterator[Edit]:
    """Two or three cells of which the last is a domain, where mail is spoken of."""
    for start in range(place - 1, max(-1, place - 4), -1):
        end = place + 1
        low = cells[start][0]
        if cells[place][0] - cells[start][1] > 3 * NEAR_CHARS:
            return
        around = text[max(0, low - NEAR_CHARS) : cells[place][1]]
        value = assembled([piece[2] for piece in cells[start:end]], around) if _MAIL.search(around) else None
        if value is not None:
            yield Edit(low, cells[place][1], value)
            return
    if "@" in cells[place][2] and place + 1 < len(cells):
        for end in range(min(len(cells), place + 4), place + 1, -1):
            for start in range(max(0, place - 3), place + 1):
                value = assembled([piece[2] for piece in cells[start:end]], "")
                if value is not None:
                    yield Edit(cells[start][0], cells[end - 1][1], value)
                    return


NEAR_CHARS = 60
_MAIL = re.compile(r"(?i)mail|contact.address|correo|adres|@")
_TELLING = re.compile(
    r"(?i)card|visa|master|amex|credit|debit|cc|pan|payment|charge|karte|tarjeta|carte|ip|octet|o1|host|server|address"
    r"|ssn|social|phone|mobile|cell|tel|call|fax|app|handy|area|concat|cat|join|paste|format|sprintf|implode|\d{4}\W"
)
_ENDING = re.compile(rf"(?i)(?:^|\.){TLD}$")
_WORDS = re.compile(r"[\w\s]+")
_NUMERIC = re.compile(r"\+?[\d ().-]{1,16}")
_OPENS = re.compile(r"[A-Z]{2}\d|[A-Z]{2}$|[A-Z]$|sk-|gh[opsur]|glpat|AKIA|AIza|hf_|xox|[rs]k_|[sghx]$")

CELLS = guarded(
    "cells",
    (
        r"[\"'`][ \t]{0,8}[,;:=<+&~}\])][^\"'`]{0,60}[\"'`]",
        r"[|;\t][ \t]{0,8}[A-Za-z0-9@.+_-]{1,40}[ \t]{0,8}[|;\t\n]",
        r"\d,[ ]{0,2}\d{1,8},[ ]{0,2}\d",
        r"[\d\"'`],[ ]{0,2}[\"'`]|[\"'`],[ ]{0,2}\d",
        r"[A-Za-z0-9],[A-Za-z0-9][^,\n]{0,40},[A-Za-z0-9]",
        r">[^<>\n]{1,40}</",
        r"[\])][ \t]?[\[({]\w",
        r"=[\"'][^\"'\n]{1,40}[\"']",
        r"[=:][ \t]{0,8}[A-Za-z0-9+_-]{0,40}[\d.@][A-Za-z0-9@.+_-]{0,40}[ \t]{0,8}\n",
        r"(?:\d[.)]|#\d{1,3}|[-*\u2022])[ \t]{1,4}[\"'`]?[A-Za-z0-9@.+_-]{1,40}[\"'`]?[ \t]{0,8}\n",
        r"\n[ \t>]{0,40}[A-Za-z0-9+_-]{0,40}[\d.@][A-Za-z0-9@.+_-]{0,40}[ \t]{0,8}\n",
    ),
    _cells,
)
