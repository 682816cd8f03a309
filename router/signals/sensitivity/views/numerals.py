"""Numerals: digits of other writing systems, and of games: Han, Roman, braille, dice, mahjong tiles, playing cards.

Unicode's own value or name of a character tells its digit. They are read so only many in a row: in Chinese text each of
them is a common word.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading

MIN_NUMERALS = 6

_HAN = (
    "\u3007\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d"
    "\u96f6\u58f9\u8d30\u53c1\u8086\u4f0d\u9646\u67d2\u634c\u7396\u8cb3\u53c3\u9678\u5e7a\u58f1\u5f10\u5f0c\u4e24"
)
_OTHERS = "\u2160-\u217f\u2460-\u24ff\u2680-\u2685\u2776-\u2793\u2800-\u28ff\U0001f000-\U0001f0ff\U0001f550-\U0001f55b"
_NUMERAL = f"[{_HAN}{_OTHERS}]"
_RUN = re.compile(rf"{_NUMERAL}(?:[^\w\n]{{0,3}}[{_HAN}{_OTHERS}0-9NZ]){{{MIN_NUMERALS - 1},40}}")


def _numerals(text: str) -> Iterator[Edit]:
    for match in _RUN.finditer(text):
        cells = frozenset(char for char in match[0] if "\u2800" <= char <= "\u28ff")
        letters = not cells <= _BRAILLE_DIGITS.keys()
        for place, char in enumerate(match[0], match.start()):
            shown = _braille(char, letters=letters) if char in cells else _digit(char)
            if shown is not None:
                yield Edit(place, place + 1, shown)


@lru_cache(maxsize=1024)
def _digit(char: str) -> str | None:
    """The digit that a character stands for, by its value or by its name."""
    if char in "NZ":
        return "0"
    value = unicodedata.numeric(char, None)
    if value is not None and value == int(value):
        return None if char.isascii() else str(int(value))
    named = _NAME.search(unicodedata.name(char, ""))
    if named is None:
        return "0" if char in "\u3007\u96f6" else None
    return named[1] or str(_WORDS.index(named[2]))


_WORDS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "TEN")
_NAME = re.compile(rf"(?:FACE-|DICE? )(\d)|\b({'|'.join(_WORDS)})\b")


def _cells() -> dict[str, str]:
    """Braille's letters: a to j use the upper four dots, the next ten add dot 3, the rest add dots 3 and 6."""
    first = (0x01, 0x03, 0x09, 0x19, 0x11, 0x0B, 0x1B, 0x13, 0x0A, 0x1A)
    dots = (*first, *(cell | 0x04 for cell in first), *(cell | 0x24 for cell in first[:2]), 0x3A)
    dots += tuple(cell | 0x24 for cell in first[2:5])
    return dict(zip((chr(0x2800 + cell) for cell in dots), "abcdefghijklmnopqrstuvwxyz", strict=True))


_BRAILLE = _cells()
_NUMBER_SIGN = "\u283c"
_BRAILLE_DIGITS = {
    **{cell: "1234567890"["abcdefghij".index(letter)] for cell, letter in _BRAILLE.items() if letter in "abcdefghij"},
    _NUMBER_SIGN: "",
    "\u2800": "",
}


def _braille(char: str, *, letters: bool) -> str | None:
    return (_BRAILLE if letters else _BRAILLE_DIGITS).get(
        char, "@" if char == "\u2808" else "." if char == "\u2832" else None
    )


NUMERALS = Reading("numerals", (_RUN.pattern,), _numerals)
