"""Tight: what a renderer shows nothing of, between the pieces of a value, in any markup; and dumps of bytes."""

import re
from collections.abc import Iterator
from itertools import pairwise

from router.signals.sensitivity.views.assembly import KEY, assembled, is_account
from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading, guarded

MIN_FILLERS = 2
CHUNK_CHARS = 16
"""Between two fillers of one value stands no more than this."""

_NAMES = "texttt|textbf|textit|textsf|emph|mathrm|mathtt|mbox|text|hbox"
_FILLER = (
    r"(?:</?[A-Za-z][^<>\n]{0,60}>|\[/?[a-z]{1,8}(?:=[^\[\]\n]{0,40})?\]|\]\([^()\n]{0,24}\)\[?"
    r"|\\(?:hspace|kern|vspace|hskip|phantom)\*?\{[^{}\n]{0,8}\}"
    rf"|\}}?\\(?:{_NAMES})\{{|\{{\}}|\\[-,;:!/]|\\(?=[\w ])"
    r"|'{2,6}|={2,8}|~{2,8}|\*{1,8}|_{1,2}|&shy;|&zwnj;|&zwj;|&#8203;|&#173;|&#x200b;|[\u200b-\u200d\u00ad\u2060])"
)
_FILLERS = re.compile(rf"(?i){_FILLER}+")
_CHUNK = re.compile(rf"[A-Za-z0-9@.+() -]{{1,{CHUNK_CHARS}}}")
_BEFORE = re.compile(rf"[A-Za-z0-9@.+-]{{1,{CHUNK_CHARS}}}$")
_AFTER = re.compile(rf"[A-Za-z0-9@.+-]{{1,{CHUNK_CHARS}}}")


def _tight(text: str) -> Iterator[Edit]:
    run: list[re.Match[str]] = []
    for filler in _FILLERS.finditer(text):
        if run and not _CHUNK.fullmatch(text, run[-1].end(), filler.start()):
            yield from _without(text, run)
            run = []
        run.append(filler)
    yield from _without(text, run)


def _without(text: str, run: list[re.Match[str]]) -> Iterator[Edit]:
    """The run without its fillers, where a value is left."""
    if len(run) < MIN_FILLERS:
        return
    low, high = run[0].start(), run[-1].end()
    before = _BEFORE.search(text[max(0, low - CHUNK_CHARS) : low])
    after = _AFTER.match(text, high)
    inner = [text[one.end() : two.start()] for one, two in pairwise(run)]
    whole = "".join(((before[0] if before else ""), *inner, (after[0] if after else "")))
    around = f"{text[max(0, low - 100) : low]} {text[high : high + 60]}"
    outer = _is_value(whole, around)
    if not outer and not _is_value("".join(inner), around):
        return
    for filler in run:
        edge = filler is run[0] or filler is run[-1]
        yield Edit(filler.start(), filler.end(), " " if edge and not outer else "")


def _is_value(whole: str, around: str) -> bool:
    digits = re.sub(r"[ ().-]", "", whole)
    if _VALUE.search(whole) or KEY.fullmatch(whole.strip()) or is_account(digits) or _SHAPED.fullmatch(whole.strip()):
        return True
    return digits.lstrip("+").isdigit() and assembled([digits], around) is not None


_VALUE = re.compile(
    r"[\w.+-]{2,40}@[\w-]{1,40}(?:\.[\w-]{1,20}){0,3}\.[A-Za-z]{2,10}"
    r"|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"
)
_SHAPED = re.compile(r"\d{3}-\d\d-\d{4}|(?:\d{4}[ -]){3}\d{4}|\(?\d{3}\)?[ .-]\d{3}[.-]\d{4}|\+\d{1,3}[ -][\d -]{8,14}")


def _dumps(text: str) -> Iterator[Edit]:
    """The bytes of a dump: of lines with offsets, or as a document format writes them."""
    block: list[re.Match[str]] = []
    for line in _DUMPED.finditer(text):
        if block and line.start() - block[-1].end() > 2:  # noqa: PLR2004 - the end of a line
            yield _bytes(block)
            block = []
        block.append(line)
    if block:
        yield _bytes(block)
    for match in _QUOTED.finditer(text):
        yield Edit(match.start(), match.end(), bytes.fromhex(match[0].replace("\\'", "")).decode("latin-1"))


def _bytes(block: list[re.Match[str]]) -> Edit:
    data = bytes.fromhex("".join("".join(line["bytes"].split()) for line in block))
    return Edit(block[0].start(), block[-1].end(), data.decode("latin-1"))


_DUMPED = re.compile(
    r"(?m)^[ \t>]{0,8}(?:0x)?[0-9a-fA-F]{4,8}:?[ \t]{1,4}"
    r"(?P<bytes>(?:[0-9a-fA-F]{2}){1,2}(?:[ \t]{1,2}(?:[0-9a-fA-F]{2}){1,2}){0,15})"
    r"(?:[ \t]{2,60}\|?[^\n]{0,18})?$"
)
_QUOTED = re.compile(r"(?:\\'[0-9a-fA-F]{2}){6,400}")


def _symbols(text: str) -> Iterator[Edit]:
    for match in _SYMBOL.finditer(text):
        code = match["code"]
        shown = chr(int(code)) if code else match["sign"]
        yield Edit(match.start(), match.end(), shown if shown.isprintable() else "")


_SYMBOL = re.compile(r"\\(?:symbol|char)\{?(?P<code>\d{2,3})\}?|(?<=\w)\{(?P<sign>[@.+_-])\}(?=\w)")

TIGHT: tuple[Reading, ...] = (
    guarded(
        "dumps",
        (r"(?:\n|^)[ \t>]{0,8}(?:0x)?[0-9a-fA-F]{4,8}:?[ \t]{1,4}(?:[0-9a-fA-F]{2})", r"(?:\\'[0-9a-fA-F]{2}){6}"),
        _dumps,
    ),
    guarded("symbols", (r"\\(?:symbol|char)\{?\d{2}", r"\w\{[@.+_-]\}\w"), _symbols),
    guarded(
        "tight",
        (rf"(?i){_FILLER}[A-Za-z0-9@.+() -]{{1,{CHUNK_CHARS}}}{_FILLER}",),
        _tight,
    ),
)
