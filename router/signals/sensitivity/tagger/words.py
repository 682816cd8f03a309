"""What can be said of a token by looking at it alone: its form, the groups of letters in it, the key to look it up.

The same code describes tokens in training and at work; what it says of a token is part of the artefact's format. Change
it, and `FORMAT` must change, too: an artefact of another format is refused.
"""

import unicodedata
from typing import NamedTuple
from zlib import crc32

FORMAT = 1

GRAM_ROWS = 1 << 15
"""Groups of letters are numbered by a hash into so many rows; collisions cost little and are learnt around."""

LONGEST = 24
"""Of a longer word the middle is dropped: base64 must not cost what a page costs."""

FLAG_ROWS = 64

_WORD, _NUMBER, _MARK, _BREAK, _PARAGRAPH, _BLANKS = 0, 2, 4, 6, 7, 8
_CASE = 10  # lower, title, one capital letter, upper, mixed, without case
_LENGTH = 16  # 1 to 10 and more
_SCRIPT = 27  # ASCII, Latin with accents, others
_APOSTROPHE = 30
_DIGITS = 31  # 1 to 11 and more
_VALUE = 43  # of a number: up to 12, up to 31, a year, with a zero in front
_VALUES = (range(13), range(13, 32), range(1900, 2040))
_SAID_IN_FULL = 4  # digits; of longer numbers only the form counts
_VOWELS = 47  # none, as in `mgr`; few; enough


class Word(NamedTuple):
    """A token described: rows of the table of flags, rows of the table of groups, and the key for the lexicon."""

    flags: tuple[int, ...]
    grams: tuple[int, ...]
    key: str


def describe(token: str) -> Word:
    """Everything that the network gets to know about a token by itself."""
    bare = token.strip(" ") or token
    glued = token[0] != " "
    first = bare[0]
    if first.isalpha():
        return _word(bare, glued=glued)
    if first.isdecimal():
        return _number(bare, glued=glued)
    if first == "\n":
        row = _PARAGRAPH if bare.count("\n") > 1 else _BREAK
        return Word((row,), (_row("\n"),), "")
    if first.isspace():
        return Word((_BLANKS,), (_row("\t" if "\t" in bare else " "),), "")
    bare = bare[:LONGEST]
    return Word((_MARK + glued,), tuple({_row("=" + bare), _row("<" + bare[0]), _row(">" + bare[-1])}), "")


def folded(word: str) -> str:
    """Small letters without accents: `Jürgen` and `JURGEN` share their groups of letters."""
    word = word.lower()
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFKD", word.replace("\u2019", "'").replace("ß", "ss").replace("ø", "o"))
    return "".join(char for char in plain if not unicodedata.combining(char)) or word


def _word(bare: str, *, glued: bool) -> Word:
    plain = folded(bare)
    flags = (
        _WORD + glued,
        _CASE + _case(bare),
        _LENGTH + min(len(bare), 11) - 1,
        _SCRIPT + _script(bare),
        _VOWELS + _vowels(plain),
        *((_APOSTROPHE,) if not bare.isalpha() else ()),
    )
    if len(plain) > LONGEST:
        plain = plain[: LONGEST - 8] + plain[-8:]
    edged = f"^{plain}$"
    data = edged.encode()
    if len(data) == len(edged):  # one byte a letter: cutting bytes is the fastest
        grams = {crc32(data[i : i + size]) for size in (2, 3, 4) for i in range(len(data) - size + 1)}
    else:
        grams = {crc32(edged[i : i + size].encode()) for size in (2, 3, 4) for i in range(len(edged) - size + 1)}
    grams.add(crc32(b"=" + data))
    return Word(flags, tuple({gram & (GRAM_ROWS - 1) for gram in grams}), plain)


def _number(bare: str, *, glued: bool) -> Word:
    flags = [_NUMBER + glued, _DIGITS + min(len(bare), 12) - 1]
    if len(bare) <= _SAID_IN_FULL:
        value = int(bare)
        flags += [_VALUE + number for number, meant in enumerate(_VALUES) if value in meant]
        if bare[0] == "0":
            flags.append(_VALUE + 3)
    grams = {_row("#" + "0" * min(len(bare), LONGEST)), _row("#^" + bare[:2])}
    if len(bare) <= _SAID_IN_FULL:
        grams.add(_row("#=" + str(int(bare))))
    return Word(tuple(flags), tuple(grams), "")


def _case(bare: str) -> int:
    if bare.islower():
        return 0
    if bare.isupper():
        return 2 if len(bare) == 1 else 3
    if bare.istitle() or (bare[0].isupper() and bare[1:].islower()):
        return 1
    return 4 if any(char.isupper() for char in bare) else 5


def _script(bare: str) -> int:
    if bare.isascii():
        return 0
    return 1 if max(bare) < "\u0250" or "\u1e00" <= max(bare) < "\u1f00" or max(bare) == "\u2019" else 2


def _vowels(plain: str) -> int:
    vowels = sum(plain.count(vowel) for vowel in "aeiouy")
    return 0 if not vowels else 1 if vowels * 4 < len(plain) else 2


def _row(text: str) -> int:
    return crc32(text.encode()) & (GRAM_ROWS - 1)
