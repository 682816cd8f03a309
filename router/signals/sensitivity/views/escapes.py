"""Escapes: characters that a format spells out: percent, HTML, backslashes, quoted-printable, code points, punycode."""

import html
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading

Spelled = Callable[[re.Match[str]], str | None]


def _table(pattern: str, spelled: Spelled) -> Callable[[str], Iterator[Edit]]:
    """A reading that replaces each match by what it spells; None leaves it."""
    compiled = re.compile(pattern)

    def read(text: str) -> Iterator[Edit]:
        for match in compiled.finditer(text):
            shown = spelled(match)
            if shown is not None:
                yield Edit(match.start(), match.end(), shown)

    return read


def _percent(text: str) -> Iterator[Edit]:
    for match in _PERCENT.finditer(text):
        run = match[0]
        if run == "+":
            start = text.rfind("=", max(0, match.start() - _VALUE_CHARS), match.start())
            if start >= 0 and not _SPACE.search(text, start, match.start()):
                yield Edit(match.start(), match.end(), " ")
        elif run[1] in "uU":
            yield Edit(match.start(), match.end(), _char(int(run.lstrip("%uU"), 16)))
        else:
            data = bytes.fromhex(run.replace("%", ""))
            if data.isascii():
                for place, byte in enumerate(data):
                    yield Edit(match.start() + 3 * place, match.start() + 3 * place + 3, chr(byte))
            else:
                yield Edit(match.start(), match.end(), _decoded(data))


_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+|%[uU][0-9A-Fa-f]{4}|(?<=[\w.])\+(?=[\w.%])")
_SPACE = re.compile(r"\s")
_VALUE_CHARS = 200


def _entity(match: re.Match[str]) -> str | None:
    shown = html.unescape(match[0] if match[0].endswith(";") else match[0] + ";")
    return None if shown == match[0] or shown == match[0] + ";" else shown


def _backslash(match: re.Match[str]) -> str | None:
    kind, found = match.lastgroup, match[match.lastgroup or 0]
    if kind == "pairs":
        units = b"".join(int(unit, 16).to_bytes(2, "big") for unit in re.findall(r"u+([0-9A-Fa-f]{4})", found))
        return units.decode("utf-16-be", "replace")
    if kind == "octal":
        return _char(int(found, 8))
    if kind == "name":
        try:
            return unicodedata.lookup(found)
        except KeyError:
            return None
    if kind == "control":
        return {"n": "\n", "r": "\n", "t": "\t", "/": "/", '"': '"', "'": "'"}[found]
    return _char(int(found, 16))


_BACKSLASH = (
    r"(?P<pairs>(?:\\{1,4}u+[0-9A-Fa-f]{4})+)"
    r"|\\{1,4}u\{(?P<braced>[0-9A-Fa-f]{1,6})\}|\\{1,4}U(?P<long>[0-9A-Fa-f]{8})"
    r"|\\{1,4}x\{?(?P<hex>[0-9A-Fa-f]{2})\}?|\\{1,4}N\{(?P<name>[A-Za-z0-9 -]{1,60})\}"
    r"|\\{1,4}(?P<css>0{2,4}[0-9A-Fa-f]{2})[ ]?|\\{1,4}(?P<octal>[0-3][0-7]{2})"
    r"|\\(?P<short>[2-7][0-9A-Fa-f])(?:[ ]|(?=\\))"
    r"|\\{1,2}(?P<control>[nrt](?=[A-Za-z0-9+(])|[/\"'])"
)


def _quoted(match: re.Match[str]) -> str | None:
    """Runs of `=XX`, a lone one where it hides a sign inside a word, and soft line ends."""
    run = match[0]
    if run[1] in "\r\n":
        return ""
    data = bytes.fromhex(run.replace("=", ""))
    if len(data) == 1 and not re.fullmatch(r"\W|_", chr(data[0])):
        return None
    return _decoded(data)


def _unicode(match: re.Match[str]) -> str | None:
    return "".join(_char(int(code, 16)) for code in re.findall(r"[Uu]\+([0-9A-Fa-f]{2,6})", match[0]))


def _punycode(match: re.Match[str]) -> str | None:
    try:
        return match[1].encode().decode("punycode")
    except (UnicodeError, OverflowError, ValueError):
        return None


def _utf7(match: re.Match[str]) -> str | None:
    try:
        shown = match[0].encode().decode("utf-7")
    except UnicodeError:
        return None
    return shown if shown.isprintable() else None


def _char(code: int) -> str:
    """A code point's character; what is none, or half of one, cannot be read."""
    return "\ufffd" if code > sys.maxunicode or 0xD800 <= code <= 0xDFFF else chr(code)  # noqa: PLR2004 - halves of characters


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


ESCAPES = (
    Reading("percent", (r"%[0-9A-Fa-f]{2}", r"%[uU][0-9A-Fa-f]{4}", r"=[^\s=]{1,200}\+"), _percent),
    Reading(
        "entities",
        (r"&#[0-9xX]", r"&[A-Za-z][A-Za-z0-9]{1,30};"),
        _table(r"&(?:#\d{1,7};?|#[xX][0-9A-Fa-f]{1,6};?|[A-Za-z][A-Za-z0-9]{1,30};)", _entity),
    ),
    Reading("backslash", (r"\\[uUxN0-7nrt/\"']",), _table(_BACKSLASH, _backslash)),
    Reading(
        "quoted-printable",
        (r"=[0-9A-Fa-f]{2}", r"=[ \t]{0,8}\r?\n"),
        _table(r"(?:=[0-9A-Fa-f]{2}){2,}|(?<=\w)=[0-9A-F]{2}(?=\w)|=[ \t]{0,8}\r?\n", _quoted),
    ),
    Reading(
        "code-points",
        (r"[Uu]\+[0-9A-Fa-f]{2}",),
        _table(r"[Uu]\+[0-9A-Fa-f]{2,6}(?:[ ,;]{0,2}[Uu]\+[0-9A-Fa-f]{2,6})+", _unicode),
    ),
    Reading("punycode", (r"[xX][nN]--",), _table(r"[xX][nN]--([a-z0-9-]{1,59})", _punycode)),
    Reading("utf-7", (r"\+[A-Za-z0-9/]{3,}-",), _table(r"\+[A-Za-z0-9/]{3,200}-", _utf7)),
)
