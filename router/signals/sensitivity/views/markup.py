"""Markup: what a format puts between the characters of a value: tags, emphasis, quotes, joins, line ends."""

import re
from collections.abc import Iterator
from itertools import pairwise

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading


def _tags(text: str) -> Iterator[Edit]:
    """Tags vanish; between words a space is left, where the tag is none that stands inside a word."""
    for match in _TAG.finditer(text):
        inline = match["name"] is None or match["name"].lower() in _INLINE
        yield Edit(match.start(), match.end(), "" if inline else " ")


_INLINE = frozenset(
    "a b i u s em strong span font small big sub sup wbr mark code tt bdo bdi del ins nobr abbr var kbd".split()  # noqa: SIM905
)
_TAG = re.compile(
    r"<!--(?:[^-]|-(?!->)){0,400}-->"
    r"|</?(?!(?:at|dot|punkt|punto|point)>)(?P<name>[A-Za-z][A-Za-z0-9]{0,15})(?:\s[^<>]{0,300})?/?>|<!\[CDATA\[|\]\]>"
)


def _marks(text: str) -> Iterator[Edit]:
    """Emphasis, code ticks and backslashes inside a value, and what LaTeX puts there."""
    for match in _MARK.finditer(text):
        yield Edit(match.start(), match.end(), "")


_MARK = re.compile(
    r"(?<=[A-Za-z0-9@.])(?:\*{2,3}|_{2,3}|~~|`{1,3})(?=[A-Za-z0-9@.])|(?<=\d)\{?[,.]?\\[,;:! ]\}?(?=\d)"
    r"|(?<=[\w.@-])\\(?=[\w.@-])|(?<=[\d@])\{(?=\d)|(?<=\d)\}(?=\d)|\\(?:text|mathrm|mathtt|texttt|mbox)\{|(?<=\w)(?:\{\}|\[\]|\(\)|<>)(?=\w)"
    r"|(?<=[\w.@-])(?:\"\"|'')(?=[\w.@-])|(?<=\w)/\*[^*\n]{0,80}\*/(?=\w)"
)


def _joins(text: str) -> Iterator[Edit]:
    """Strings that a program puts together: `"078-05" + "-1120"`, `'a' . 'b'`, `"a" "b"`, `a${""}b`."""
    for match in _JOIN.finditer(text):
        yield Edit(match.start(), match.end(), "")


_JOIN = re.compile(
    r"(?<=[^\s\"'`])[\"'`]\s{0,40}(?:\+|\.\.?|&|\|\||<<|~|\^|<>|\+\+|\\|_)\s{0,40}[fruRb@$]{0,2}[\"'`](?=[^\s\"'`])"
    r"|(?<=[^\s\"'`(\[{,=:])([\"'`])\s{1,40}\1(?=[^\s\"'`)\]},:])|\$\{\s?[\"']{2}\s?\}"
)
_JOIN_HINTS = (
    r"[^\s\"'`][\"'`]\s{0,40}(?:\+|\.\.?|&|\|\||<<|~|\^|<>|\\|_)\s{0,40}[fruRb@$]{0,2}[\"'`][^\s\"'`]",
    r"[^\s\"'`(\[{,=:][\"'`]\s{1,40}[\"'`][^\s\"'`)\]},:]|\$\{\s?[\"']{2}",
)


def _parts(text: str) -> Iterator[Edit]:
    """A value in pieces, each the value of a name: `p0="4003"; p1="2675"`."""
    for match in _ASSIGNED.finditer(text):
        pieces = list(_LITERAL.finditer(match[0]))
        if not VALUE.search("".join(piece[1] for piece in pieces)):
            continue
        for piece, after in pairwise(pieces):
            yield Edit(match.start() + piece.end(1), match.start() + after.start(1), "")


VALUE = re.compile(r"[\w.+-]{2,}@[\w-]+\.[A-Za-z]{2}|\d(?:[ ().-]{0,2}\d){6}|[A-Z]{2}\d\d[A-Z0-9]{10}")
"""What may be an address, a number or an account: the end that a doubtful reading must come to."""

_NAMED = r"[\w$.\[\]]{1,20}\s{0,2}(?:=|:|=>|:=)\s{0,2}[\"'][^\"'\n]{1,12}[\"']"
_ASSIGNED = re.compile(rf"{_NAMED}(?:\s{{0,2}}[;,]?\s{{1,6}}{_NAMED}){{2,24}}")
_LITERAL = re.compile(r"[=:>]\s{0,2}[\"']([^\"'\n]{1,12})")


def _rows(text: str) -> Iterator[Edit]:
    """A value down a numbered column: `0,j`, `1,o`, `2,h`."""
    for match in _COLUMN.finditer(text):
        rows = list(_ROW.finditer(match[0]))
        numbers = [int(row[1]) for row in rows]
        if any(after - before != 1 for before, after in pairwise(numbers)):
            continue
        last = match.start()
        for row in rows:
            yield Edit(last, match.start() + row.start(2), "")
            last = match.start() + row.end(2)


_ROW = re.compile(r"(\d{1,3})[^\w\n]{1,3}(\S{1,4})[ \t]*(?:\r?\n|$|(?=[ .]))")
_COLUMN = re.compile(r"(?<![\w.])(?:\d{1,3}[^\w\n]{1,3}\S{1,4}[ \t]*\r?\n){5,400}\d{1,3}[^\w\n]{1,3}\S{1,4}")


def _wraps(text: str) -> Iterator[Edit]:
    """Values broken over two lines: a hyphen or a backslash at the end, or an address or digits on either side."""
    for match in _WRAP.finditer(text):
        yield Edit(match.start(), match.end(), "-" if match["kept"] else "")


def _breaks(text: str) -> Iterator[Edit]:
    """A domain broken over two lines."""
    for match in _BROKEN.finditer(text):
        yield Edit(match.start("gap"), match.end("gap"), "")


_INDENT = r"[ \t]{0,4}\r?\n[ \t>|#*/]{0,8}"
_WRAP = re.compile(
    rf"(?<=[a-z])[-\u2010]{_INDENT}(?=[A-Za-z])|(?<=\d)(?P<kept>-){_INDENT}(?=\d)|(?<=\w)\\\r?\n[ \t]{{0,8}}(?=\w)"
    rf"|(?<=@)-?{_INDENT}(?=\w)|(?<=\w){_INDENT}(?=@\w)"
)
_BROKEN = re.compile(rf"@[\w.-]{{1,60}}(?P<gap>{_INDENT})(?=[\w-]{{0,30}}\.?[A-Za-z]{{2,10}}\b)")

MARKUP: tuple[Reading, ...] = (
    Reading("tags", (_TAG.pattern,), _tags),
    Reading(
        "marks",
        (
            r"[A-Za-z0-9@.](?:\*{2,3}|_{2,3}|~~|`{1,3})[A-Za-z0-9@.]",
            r"\d\{?[,.]?\\[,;:! ]\}?\d|[\w.@-]\\[\w.@-]|[\d@]\{\d|\d\}\d|\\(?:text|mathrm|mathtt|texttt|mbox)\{",
            r"\w(?:\{\}|\[\]|\(\)|<>|/\*[^*\n]{0,80}\*/)\w|[\w.@-](?:\"\"|'')[\w.@-]",
        ),
        _marks,
    ),
    Reading("joins", _JOIN_HINTS, _joins),
    Reading("parts", (rf"[\"']\s{{0,2}}[;,]?\s{{1,6}}{_NAMED}\s{{0,2}}[;,]?\s{{1,6}}{_NAMED}",), _parts),
    Reading("rows", (r"\d[^\w\n]{1,3}\S{1,4}[ \t]*\r?\n\d{1,3}[^\w\n]{1,3}\S{1,4}[ \t]*\r?\n\d{1,3}[^\w\n]",), _rows),
    Reading(
        "wraps",
        (
            r"[a-z][-\u2010][ \t]{0,4}\r?\n[ \t>|#*/]{0,8}[A-Za-z]",
            r"\d-[ \t]{0,4}\r?\n",
            r"\w\\\r?\n",
            r"@-?[ \t]{0,4}\r?\n",
            r"\n[ \t>|#*/]{0,8}@\w",
        ),
        _wraps,
    ),
    Reading("breaks", (r"@[\w.-]{1,60}[ \t]{0,4}\r?\n[ \t>|#*/]{0,8}[\w.-]",), _breaks),
)
