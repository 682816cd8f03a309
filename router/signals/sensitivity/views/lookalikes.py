"""Lookalikes: letters of other alphabets that a reader takes for Latin ones, read as those.

The table is by shape, for the scripts that share shapes with Latin. Whatever Unicode itself calls a Latin letter (small
capitals, turned, squared, modifiers, regional indicators, hooks and strokes) is read off its name instead. A word of
another script stays: only where every letter looks Latin, or where Latin letters, digits or an address touch it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading

SHAPES: Mapping[str, str] = {
    "0": "\u03b8",
    "2": "\u01a7",
    "3": "\u01b7\u0417\u0499\u04e0",
    "4": "\u0427\u13ce",
    "5": "\u01bc\u01bd",
    "6": "\u0431\u13ee",
    "8": "\u0222\u0223",
    "A": "\u0391\u0410\u13aa\u2200\u2227\u2c6d\u2c80\ua4ee",
    "B": "\u0392\u0412\u0432\u13f4\u2c82\ua4d0",
    "C": "\u03f9\u0421\u13df\u2ca4\ua4da",
    "D": "\u13a0\ua4d3",
    "E": "\u0395\u0415\u13ac\u2203\u2211\u2c88\ua4f0",
    "F": "\ua4dd",
    "G": "\u050c\u13c0\u13f2\ua4d6",
    "H": "\u0397\u041d\u13bb\u2c8e\ua4e7",
    "I": "\u0399\u0406\u04c0\u13c6\u2c92\ua4f2",
    "J": "\u037f\u0408\u13ab\ua4d9",
    "K": "\u039a\u041a\u13e6\u2c94\ua4d7",
    "L": "\u053c\u13de\ua4e1",
    "M": "\u039c\u041c\u13b7\u16d6\u2c98\ua4df",
    "N": "\u039d\u2c9a\ua4e0",
    "O": "\u0398\u039f\u041e\u0555\u2c9e\ua4f3",
    "P": "\u03a1\u0420\u13d7\u13e2\u2ca2\ua4d1",
    "R": "\u13a1\u13d2\ua4e3",
    "S": "\u0405\u054f\u13d5\u13da\ua4e2",
    "T": "\u03a4\u0422\u13a2\u13b1\u2ca6\ua4d4",
    "U": "\u0531\u054d\u222a\ua4f4",
    "V": "\u0474\u13d9\ua4e6",
    "W": "\u13b3\u13bf\u13d4\ua4ea",
    "X": "\u03a7\u0425\u16b7\u2cac\ua4eb",
    "Y": "\u03a5\u0423\u04ae\u13bd\u2ca8\ua4ec",
    "Z": "\u0396\u0540\u13c3\ua4dc",
    "a": "\u0251\u028c\u03ac\u03b1\u0430\u2c81",
    "b": "\u03b2\u044a\u13cf\u2c83",
    "c": "\u03f2\u0441\u2ca5",
    "d": "\u0500\u0501\u13e7",
    "e": "\u025b\u03ad\u03b5\u0435\u0451\u04bd\u2c89",
    "g": "\u0261\u0563\u0581",
    "h": "\u043d\u04bb\u0570\u13c2\u2c8f",
    "i": "\u0131\u0269\u026a\u03af\u03b9\u0456\u0457\u056b\u13a5\u2c93",
    "j": "\u03f3\u0458\u0575",
    "k": "\u03ba\u043a\u2c95",
    "l": "\u01c0\u04cf\u2223\u23d0",
    "m": "\u043c\u2c99",
    "n": "\u03b7\u043f\u054c\u0578\u057c\u2229\u2c9b",
    "o": "\u03bf\u03c3\u03cc\u043e\u0585\u2c9f",
    "p": "\u03c1\u0440\u0584\u2ca3",
    "q": "\u051b\u0566",
    "r": "\u0433\u0491",
    "s": "\u0455",
    "t": "\u03c4\u0442\u2ca7",
    "u": "\u03c5\u0438\u057d",
    "v": "\u03bd\u0475\u2228",
    "w": "\u03c9\u051d\u0561",
    "x": "\u03c7\u0445\u2cad",
    "y": "\u03b3\u0443\u13a9\u2ca9",
}
"""What it looks like -> letters of Cyrillic, Greek, Armenian, Cherokee, Lisu, Coptic, and a few signs."""

_RUN = re.compile(r"[^\x00-\u017f\u2010-\u2027\s]+")
_BESIDE = re.compile(r"[A-Za-z0-9@._+-]")


def _read(text: str) -> Iterator[Edit]:
    runs = [(match, "".join(map(_folded, match[0]))) for match in _RUN.finditer(text)]
    touching = [_touches(text, match) for match, _ in runs]
    # Words that are no lookalikes, by themselves: the text is in their script.
    foreign = any(not touches and not folded.isascii() for (_, folded), touches in zip(runs, touching, strict=True))
    for (match, folded), touches in zip(runs, touching, strict=True):
        if folded != match[0] and (touches or (folded.isascii() and not foreign)):
            for place, latin in enumerate(map(_folded, match[0]), match.start()):
                yield Edit(place, place + 1, latin)


def _touches(text: str, run: re.Match[str]) -> bool:
    """Whether Latin letters, digits or an address's signs stand right beside a run."""
    return _BESIDE.search(text[run.start() - 1 : run.start()] + text[run.end() : run.end() + 1]) is not None


@lru_cache(maxsize=8192)
def _folded(char: str) -> str:
    """The Latin letter or digit that a character shows, by its shape or by its name; itself, if none."""
    if char in _LATIN:
        return _LATIN[char]
    named = _NAMED.search(unicodedata.name(char, ""))
    if named is None:
        return char
    letter = named["letter"] or _DIGITS.get(named["digit"] or "", char)
    return letter.lower() if "SMALL" in named[0] else letter


_LATIN = {char: latin for latin, chars in SHAPES.items() for char in chars}
_NAMED = re.compile(
    r"(?:LATIN|MODIFIER|INDICATOR|SQUARED|CIRCLED|MATHEMATICAL|SUBSCRIPT|TAG)\b.*\bLETTER (?:SMALL CAPITAL |\w+ )?"
    r"(?P<letter>[A-Z])(?: WITH .*)?$|\bDIGIT (?P<digit>[A-Z]+)\b"
)
_DIGITS = dict(
    zip(("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"), "0123456789", strict=True)
)

LOOKALIKES = Reading("lookalikes", (r"[^\x00-\x7f]",), _read)
