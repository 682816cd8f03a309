"""Words: digits and letters that are said: `four zero`, `double five`, `vier null`, `kilo oscar`, and Morse's code."""

import re
from collections.abc import Iterator, Mapping

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading

DIGITS: Mapping[str, str] = {
    word: digit
    for digit, words in {
        "0": "zero oh nought null cero nul nulla nil zéro noll",
        "1": "one eins uno ein een jeden",
        "2": "two zwei zwo dos deux due twee dois dwa tva",
        "3": "three drei tres trois tre drie três trzy tree",
        "4": "four vier cuatro quatre quattro quatro cztery fyra fower",
        "5": "five fünf fuenf cinco cinq cinque vijf fem pięć fife",
        "6": "six sechs seis sei zes seks sześć",
        "7": "seven sieben siete sept sette zeven sete syv siedem sju",
        "8": "eight acht ocho huit otto oito åtte osiem åtta ait",
        "9": "nine neun nueve neuf nove negen dziewięć nio niner",
    }.items()
    for word in words.split()
}
TEENS: Mapping[str, str] = {
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
    "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
TENS: Mapping[str, str] = {
    "twenty": "2", "thirty": "3", "forty": "4", "fourty": "4", "fifty": "5", "sixty": "6", "seventy": "7",
    "eighty": "8", "ninety": "9",
}  # fmt: skip
TIMES: Mapping[str, int] = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4, "doppel": 2, "doble": 2, "twice": 2}
SAID: Mapping[str, str] = {
    "dash": "-", "hyphen": "-", "minus": "-", "dot": ".", "point": ".", "period": ".", "punkt": ".", "plus": "+",
    "slash": "/", "space": " ", "hundred": "00", "and": "", "then": "", "o": "0", "stop": ".",
}  # fmt: skip

IN_RUN: Mapping[str, str] = {
    "un": "1",
    "um": "1",
    "en": "1",
    "won": "1",
    "too": "2",
    "ni": "9",
    "ate": "8",
    "sex": "6",
    "fire": "4",
}
"""Digits in some language, and other words in another: they count between digits only."""

_ANY = "|".join(sorted((*DIGITS, *TEENS, *TENS, *TIMES, *SAID, *IN_RUN), key=len, reverse=True))
_DIGIT = "|".join(sorted((*DIGITS, *TEENS, *TENS, *TIMES), key=len, reverse=True))
_SEP = r"(?:[^\w]{1,6}|_{1,2})"
_PLAIN_DIGITS = "|".join(
    (
        *(word for word in (*DIGITS, *TEENS, *TENS) if len(word) > 3 or word in ("one", "two", "six")),  # noqa: PLR2004
        *("double", "triple"),
    )
)
_PAIR = re.compile(rf"(?i)(?:{_PLAIN_DIGITS})[^a-z0-9]{{0,4}}(?:{_PLAIN_DIGITS})")
_NUMBER = re.compile(
    rf"(?i)(?<![A-Za-z])(?:(?-i:[A-Z]{{2}})|(?:(?-i:[A-Z]){_SEP}){{1,2}})?(?:{_DIGIT}|\d{{1,4}})"
    rf"(?:{_SEP}(?:{_ANY}|\d{{1,4}}|[A-Z]\b)|{_DIGIT})*(?![A-Za-z])"
)
_NUMBER_WORD = re.compile(rf"(?i)\b(?-i:[A-Z]{{2}})(?=(?:{_DIGIT}))|{_ANY}|\d+|[A-Z]\b")
MIN_DIGITS = 6
MIN_SPOKEN = 3
"""A run counts when it makes so many digits, out of so many words: less is a sentence with numbers in it."""


def _numbers(text: str) -> Iterator[Edit]:
    if sum(map(_NUMBER_WORDS.__contains__, _LETTERS.findall(text.lower()))) < MIN_SPOKEN - 1 and not _GLUED.search(
        text
    ):
        return
    for match in _NUMBER.finditer(text):
        if not _PAIR.search(match[0]):
            continue
        words = [word.lower() for word in _NUMBER_WORD.findall(match[0])]
        said = "".join(_said(words))
        if _COUNTED.search(said):
            continue
        if sum(map(str.isdigit, said)) >= MIN_DIGITS and sum(map(str.isalpha, words)) >= MIN_SPOKEN:
            yield Edit(match.start(), match.end(), said)


_LETTERS = re.compile(r"[^\W\d_]+")
_NUMBER_WORDS = frozenset((*DIGITS, *TEENS, *TENS, *TIMES))
_GLUED = re.compile(r"(?i)(?:zero|one|two|three|four|five|six|seven|eight|nine){3}")


_COUNTED = re.compile("^(?:0?12345?6?7?8?9?|9?876?5?4?3?2?1?0?)$|123456|654321|234567|765432")


def _said(words: list[str]) -> Iterator[str]:
    times, tens = 1, ""
    for word in words:
        if tens and word not in DIGITS:
            yield tens + "0"
            tens = ""
        if word in TIMES:
            times = TIMES[word]
            continue
        if word in TENS:
            tens = TENS[word]
            continue
        shown = DIGITS.get(word) or TEENS.get(word) or SAID.get(word) or IN_RUN.get(word)
        yield (tens + (word.upper() if shown is None else shown)) * times
        times, tens = 1, ""
    if tens:
        yield tens + "0"


NATO: Mapping[str, str] = {
    word: word[0]
    for word in (  # noqa: SIM905
        "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa"
        " quebec romeo sierra tango uniform victor whiskey whisky xray x-ray yankee zulu"
    ).split()
} | {**DIGITS, "at": "@", "dot": ".", "dash": "-"}  # fmt: skip
_NATO_WORD = "|".join(sorted(NATO, key=len, reverse=True))
_NATO_ONLY = (
    "alpha|alfa|bravo|charlie|delta|echo|foxtrot|hotel|india|juliett?|kilo|november|oscar|quebec|romeo|sierra|tango|uniform"
    "|victor|whiske?y|yankee|zulu"
)
_NATO = re.compile(rf"(?i)(?<![\w-])(?:{_NATO_WORD})(?:[ \t,.-]{{1,3}}(?:{_NATO_WORD}))+(?![\w-])")
_NATO_FIRST = re.compile(rf"(?i)(?:{_NATO_ONLY})[ \t,.-]{{1,3}}(?:{_NATO_WORD})")


def _alphabet(text: str) -> Iterator[Edit]:
    """The radio alphabet, where at least four of its words stand in a row."""
    if sum(map(NATO.__contains__, _LETTERS.findall(text.lower()))) <= MIN_SPOKEN:
        return
    for match in _NATO.finditer(text):
        words = re.findall(rf"(?i)(?:{_NATO_WORD})(?![A-Za-z])", match[0])
        if len(words) > MIN_SPOKEN and _NATO_FIRST.search(match[0]):
            yield Edit(match.start(), match.end(), "".join(NATO[word.lower()] for word in words))


MORSE: Mapping[str, str] = dict(
    zip(
        (  # noqa: SIM905
            ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.--"
            " --.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- .--.-. -....-"
        ).split(),
        "abcdefghijklmnopqrstuvwxyz0123456789.@-",
        strict=True,
    )
)
_MORSE = re.compile(r"(?<![^\s/|])[.-]{1,6}(?:[ /|]{1,3}[.-]{1,6}){4,}(?![^\s/|])")


def _morse(text: str) -> Iterator[Edit]:
    for match in _MORSE.finditer(text):
        letters = [
            MORSE.get(code) or MORSE.get(code.rstrip("."))
            for code in re.findall(r"[.-]+|/|\|| {2,}", match[0])
            if code[0] in ".-"
        ]
        if None not in letters:
            yield Edit(match.start(), match.end(), "".join(letter for letter in letters if letter))


WORDS: tuple[Reading, ...] = (
    Reading("alphabet", (rf"(?i)(?:{_NATO_ONLY})[ \t,.-]{{1,3}}(?:{_NATO_WORD})",), _alphabet),
    Reading("numbers", (_PAIR.pattern,), _numbers),
    Reading("morse", (r"[.-]{1,6}[ /|]{1,3}[.-]{1,6}[ /|]{1,3}[.-]{1,6}[ /|]{1,3}[.-]",), _morse),
)
