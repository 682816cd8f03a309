"""Passwords and keys in tables: a head that names a column, and the rows below it; SQL's INSERT is one of them."""

import re
from collections.abc import Iterator

import re2

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.secrets.values import mixed
from router.signals.sensitivity.views.view import View

HINT = "secret_column"

_NAME = r"[\w -]{0,20}(?:password|passwd|pwd|passwort|passphrase|secret|api[_ ]?key|token)"
HEAD = rf"(?i)[,;|\t(][ ]*[\"'`]?{_NAME}[\"'`]?[ ]*[,;|\t)\n\r]|{_NAME}[\"'`]?[ ]*[,;|\t]"
HINTS = {HINT: (HEAD,)}
HEADS = re2.compile(HEAD)
NAME = re.compile(rf"(?i){_NAME}", re.ASCII)
INSERT = re.compile(r"(?i)\((?P<head>[^()\n]{3,400})\)\s{0,20}VALUES\s{0,20}")
ROW = re.compile(r"\((?P<row>(?:[^()'\"]|'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"){1,2000})\)[\s,;]{0,4}")

MAX_ROWS = 200
MAX_LINE_CHARS = 2000
QUOTES = " \t\r\"'`"


def spans(view: View) -> Iterator[Span]:
    """The values below such a head."""
    if not view.may_hold(HINT):
        return
    text, done = view.text, -1
    for found in HEADS.finditer(text):
        start = text.rfind("\n", max(0, found.start() - MAX_LINE_CHARS), found.start() + 1) + 1
        if start <= done:
            continue
        done = start
        for column, delimiter, rows in (*_lines(text, start), *_inserted(text, start)):
            for row, end in rows:
                done = max(done, row)  # a row is no head
                cell = _cell(text, row, end, delimiter, column)
                if cell and mixed(text[slice(*cell)]):
                    yield Span("PASSWORD", 0.7, *cell)


Table = tuple[int, str, list[tuple[int, int]]]
"""Which column, what stands between columns, and where the rows are."""


def _lines(text: str, start: int) -> Iterator[Table]:
    """A table of lines: those below the head that have as many columns."""
    end = _line_end(text, start)
    head = text[start:end]
    delimiter = max(",;|\t", key=head.count)
    rows, columns = list[tuple[int, int]](), _columns(head, delimiter)
    while columns and end < len(text) and len(rows) < MAX_ROWS:
        first, end = end + 1, _line_end(text, end + 1)
        if text.count(delimiter, first, end) != head.count(delimiter):
            break
        rows.append((first, end))
    yield from ((column, delimiter, rows) for column in columns)


def _inserted(text: str, start: int) -> Iterator[Table]:
    match = INSERT.search(text, start, _line_end(text, start) + MAX_LINE_CHARS)
    columns = _columns(match["head"], ",") if match else []
    rows, at = list[tuple[int, int]](), match.end() if match else 0
    while columns and len(rows) < MAX_ROWS and (row := ROW.match(text, at)):
        rows.append(row.span("row"))
        at = row.end()
    yield from ((column, ",", rows) for column in columns)


def _columns(head: str, delimiter: str) -> list[int]:
    cells = [cell.strip(QUOTES) for cell in head.split(delimiter)]
    return [at for at, cell in enumerate(cells) if NAME.fullmatch(cell)] if len(list(filter(None, cells))) > 1 else []


def _cell(text: str, start: int, end: int, delimiter: str, column: int) -> tuple[int, int] | None:
    for _ in range(column):
        start = text.find(delimiter, start, end) + 1
        if not start:
            return None
    stop = text.find(delimiter, start, end)
    cell = text[start : end if stop < 0 else stop]
    start += len(cell) - len(cell.lstrip(QUOTES))
    return start, start + len(cell.strip(QUOTES))


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start, start + MAX_LINE_CHARS)
    return min(len(text), start + MAX_LINE_CHARS) if end < 0 else end
