"""Plain: what shows nothing is gone, and what shows a digit, a dash or a Latin letter in another dress is that.

Compatibility forms (NFKC), format characters and bidirectional controls, marks piled on letters, digits of any script,
circled and superscript ones, tags and variation selectors that carry hidden text.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading

INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Fillers and joiners that show nothing and that Unicode does not class as format characters."""

MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"

SETTLED = (
    r"\u00a1-\u00ac\u00ae-\u00b1\u00b4-\u00b8\u00ba-\u00bb\u00bf-\u017e\u0180-\u024f"  # Latin
    r"\u0370-\u0482\u048a-\u0589\u05be-\u05f4\u0620-\u065f\u066e-\u06dc"  # Greek, Cyrillic, Armenian, Hebrew, Arabic
    r"\u0900-\u0965\u0970-\u09e5\u0e01-\u0e4f"  # Devanagari, Bengali, Thai
    r"\u2013-\u2023\u2025-\u2027\u2030-\u203e\u20a0-\u20bf\u2160-\u2188"  # dashes, quotes, currencies
    r"\u2190-\u2211\u2213-\u23ff\u2500-\u2775"  # arrows, operators, boxes
    r"\u3041-\u3096\u30a1-\u30fe\u4e00-\u9fff\uac00-\ud7a3"  # kana, Han, Hangul
    r"\U0001f300-\U0001f64f\U0001f680-\U0001faff"  # pictures
)
"""What stays as it is: listed so that a text in these scripts is passed over quickly. Tested against `_plain`."""

PLACE = re.compile(
    r"\x1b\[[0-9;?]{0,20}[A-Za-z]"
    rf"|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{{4,}}"
    rf"|[^\n{MARKS}][{MARKS}]+"
    r"|(?<=\d)[\u2013-\u2015]|[\u2013-\u2015](?=\d)"
    rf"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[^\x00-\x7f{SETTLED}]"
)

HIDDEN = re.compile(r"[\u200b-\u200f\u2060-\u2064\ufeff\u180e\u00ad]{16,}")
"""More invisible characters in a row than any layout needs: they say something to those who can count them."""

OTHERS = {
    "\u3002": ".",
    "\u2024": ".",
    "\u2212": "-",
    "\u2796": "-",
    "\u0085": "\n",
    "\uff61": ".",
    "\u02d9": ".",
    "\u2236": ":",
}


def _read(text: str) -> Iterator[Edit]:
    dots = _octet_gaps(text)
    for match in PLACE.finditer(text):
        if match.start() in dots:
            yield Edit(match.start(), match.end(), ".")
        elif _TAGGED.match(text, match.start()) and text[match.start() - 1 : match.start()].isalnum():
            yield Edit(match.start(), match.end(), " " + _plain(match[0]))  # what is hidden behind a word is none of it
        else:
            yield Edit(match.start(), match.end(), _plain(match[0]))
    for match in HIDDEN.finditer(text):
        yield Edit(match.start(), match.end(), "", "hidden")


_TAGGED = re.compile("[\U000e0020-\U000e007e]{6}")
_OCTETS = re.compile(
    r"(?<![\d.\x00-\x1f-])\d{1,3}([\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\x1b\[[0-9;]{0,8}m)\d{1,3}\1\d{1,3}\1\d{1,3}(?![\d.\x00-\x1f-])(?!\x1b)"
)


def _octet_gaps(text: str) -> frozenset[int]:
    """Where a sign that shows nothing stands for the dots of an address of the internet."""
    return frozenset(
        match.start() + gap.start()
        for match in _OCTETS.finditer(text)
        for gap in re.finditer(r"(?<=\d)[\x00-\x1f\x7f]", match[0])
    )


@lru_cache(maxsize=8192)
def _plain(shown: str) -> str:
    """What one place shows: a character, or one with the marks upon it."""
    if len(shown) == 1:
        return _plain_char(shown)
    if shown[0] == "\x1b":
        return ""
    if shown[0] in _SELECTORS:
        return _smuggled(shown)
    marks = sum(char in _PILED for char in shown)
    composed = unicodedata.normalize("NFC", shown if marks == 1 else shown[0] if shown[0] < "\u0250" else shown)
    kept = "".join(_plain_char(char) for char in composed)
    # Marks that make no letter with what they stand on: piled up to hide it. Other scripts need theirs.
    return kept[:1] + "".join(char for char in kept[1:] if char not in _PILED) if kept[:1] < "\u0250" else kept


def _plain_char(char: str) -> str:
    if char in OTHERS:
        return OTHERS[char]
    if "\U000e0020" <= char <= "\U000e007e":
        return chr(ord(char) - 0xE0000)  # a tag: invisible to people, plain text to a model
    category = unicodedata.category(char)
    if category in ("Cf", "Me", "Cc") or char in INVISIBLE or char in _SELECTORS:
        return char if char in "\t\n\r" else ""
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    bracketed = re.match(r"PARENTHESIZED LATIN (SMALL|CAPITAL) LETTER ([A-Z])$", unicodedata.name(char, ""))
    if bracketed:
        return bracketed[2].lower() if bracketed[1] == "SMALL" else bracketed[2]
    plain = {"Pd": "-", "Zs": " ", "Zl": "\n", "Zp": "\n"}.get(category)
    return unicodedata.normalize("NFKC", char) if plain is None else plain


_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_PILED = frozenset(
    char
    for low, high in (
        (0x300, 0x36F),
        (0x483, 0x489),
        (0x1AB0, 0x1AFF),
        (0x1DC0, 0x1DFF),
        (0x20D0, 0x20FF),
        (0xFE20, 0xFE2F),
    )
    for char in map(chr, range(low, high + 1))
)


def _smuggled(selectors: str) -> str:
    """The bytes that a row of variation selectors carries, one each."""
    data = bytes(ord(char) - 0xFE00 if char < "\U000e0100" else ord(char) - 0xE0100 + 16 for char in selectors)
    return f" {data.decode(errors='replace')} " if any(data) else ""


_UNSETTLED = re.compile(rf"[^\t\n\r\x20-\x7e{SETTLED}]+")
_MARK = re.compile(f"[\x1b{MARKS}\U000e0100-\U000e01ef]")
_DASHED = re.compile(r"[\u2013-\u2015](?:(?=\d)|(?<=\d.))")


def _may_read(text: str) -> bool:
    """Whether something shows itself in another way: each character beyond the ordinary ones is asked once."""
    odd = set("".join(_UNSETTLED.findall(text)))
    return any(map(_alters, odd)) or _DASHED.search(text) is not None


def _alters(char: str) -> bool:
    return _MARK.match(char) is not None or _plain(char) != char


PLAIN = Reading("plain", (r"[^\x00-\x7f]", r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"), _read, _may_read)
