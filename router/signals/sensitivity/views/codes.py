"""Codes: characters by their numbers, as bits, in hex, in tens or in eights, one by one or as a program writes them."""

import re
from collections.abc import Iterator

from router.signals.sensitivity.views.decoding import few_signs, printable
from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading, tried
from router.signals.sensitivity.views.unpack import text_of


def _bits(text: str) -> Iterator[Edit]:
    for match in _BITS.finditer(text):
        bytes_ = re.findall("[01]+", match[0])
        if len(bytes_) == 1:
            bytes_ = [match[0][at : at + 8] for at in range(0, len(match[0]), 8)]
        packed = text_of(bytes(int(bits, 2) & 255 for bits in bytes_))
        if packed.text is not None:
            yield Edit(match.start(), match.end(), packed.text)


_BITS = re.compile(r"(?<![0-9])(?:[01]{7,8}(?:[ ,_\n-]{1,2}[01]{7,8}){3,}|(?:[01]{8}){4,})(?![0-9])")


def _codes(text: str) -> Iterator[Edit]:
    """Lists of character codes, in tens or in eights, and `chr(…)` in many tongues."""
    for match in _CODES.finditer(text):
        numbers = re.findall(r"0[xX][0-9A-Fa-f]+|\d+", match[0])
        for base in (10, 8):
            try:
                codes = [int(number, 16 if number[1:2] in "xX" and number[1:] else base) for number in numbers]
            except ValueError:
                continue
            shown = "".join(map(chr, codes)) if min(codes) >= ord("\t") and max(codes) <= MAX_CODE else ""
            if printable(shown) and few_signs(shown):
                yield Edit(match.start(), match.end(), shown)
                break


MAX_CODE = 0x3000
_CODES = re.compile(
    r"(?<![\d.])\d{2,3}(?:([,;|/_. -]{1,2}|\r?\n)\d{2,3}(?:\1\d{2,3}){4,})(?![\d.])"
    r"|(?i:from_?char_?(?:code|point)|from_?code_?point|chrw?|char|unichr|string\.char|bytes)"
    r"[$(\[]{1,3}[ ]?(?:0[xX][0-9A-Fa-f]{2}|\d{2,4})(?:[ ]?,[ ]?(?:0[xX][0-9A-Fa-f]{2}|\d{2,4})){0,4000}[ ]?[\])]{1,2}"
    r"(?:[ ]?(?:\+|\.|&|\|\||,|<>)[ ]?(?i:chrw?|char|unichr)\$?\([ ]?(?:0[xX][0-9A-Fa-f]{2}|\d{2,4})[ ]?\)){0,4000}"
)


def _hex(text: str) -> Iterator[Edit]:
    for match in _HEX_RUN.finditer(text):
        digits = _NOT_HEX.sub("", _OX.sub("", match[0]))
        packed = text_of(bytes.fromhex(digits[: len(digits) // 2 * 2]))
        if digits.isdigit() and not (packed.text and _NUMBER.fullmatch(packed.text)):
            continue  # a number that is also hex for something: `4445` is `DE`
        if packed.text is not None or packed.problem:
            yield Edit(match.start(), match.end(), packed.text or " ", packed.problem)


_HEX_RUN = re.compile(
    r"(?<![0-9A-Za-z])(?:0[xX][0-9A-Fa-f]{2}(?:[,; \t\n]{1,4}0[xX][0-9A-Fa-f]{2}){3,}"
    r"|[0-9A-Fa-f]{2}(?:([:, -]{1,2}|\r?\n)[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){3,})"
    r"|(?:0[xX]|\\x|[xX]')?(?:[2-7][0-9A-Fa-f]|0[aAdD9]){5,}(?![0-9A-Za-z]))"
    r"|(?<![0-9A-Za-z])[0-9A-Fa-f]{24,}(?![0-9A-Za-z])"
)
_NUMBER = re.compile(r"[A-Z]{0,2}[\d ().+/-]+")
_OX = re.compile(r"0[xX]|\\x|[xX]'")
_NOT_HEX = re.compile(r"[^0-9A-Fa-f]+")

CODES: tuple[Reading, ...] = (
    Reading("bits", (r"[01]{7,8}[ ,_\n-]{1,2}[01]{7}", r"[01]{32}"), _bits),
    Reading(
        "codes",
        (
            r"\d{2}(?:[,;|/_. \r\n-]{1,2}\d{2,3}){4}",
            r"(?i)ch(?:a?r|rw|ar.?code|ar.?point)\$?\(",
            r"(?i)(?:codepoint|code_point|bytes)[(\[]",
        ),
        _codes,
    ),
    tried(
        "hex",
        (
            r"[0-9A-Fa-f]{10}",  # no \b: what stands before a run may be a letter of another alphabet, or `_`
            r"[0-9A-Fa-f]{2}(?:[:,; \t\n\r-]{1,4}(?:0[xX])?[0-9A-Fa-f]{2}){3}",
        ),
        _hex,
    ),
)
