"""Digits: those of one number, joined over whatever stands between them. A guess: it needs evidence.

Evidence is a word nearby that says whose number it is, a card's check digit, or a manner of writing that nobody uses
for anything but hiding: single digits, each with the same odd sign after it.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading

MIN_DIGITS, MAX_DIGITS = 7, 24

_RUN = re.compile(r"\d(?:[^\dA-Za-z]{0,6}\d){6,400}")
_FILLER = re.compile(r"[^\d]+")
_GROUPED = re.compile(
    r"(?<![\d.,$])(?:\d{4}(?:[^\d]{1,24}\d{4}){3}|\d{3}[^\d]{1,24}\d{2}[^\d]{1,24}\d{4}|\d{3}[^\d]{1,24}\d{3}[^\d]{1,24}\d{4})(?!\d)"
    r"|\d(?:([A-Za-z]{1,5})\d)(?:\1\d){5,22}"
    r"|(?<![\dA-Za-z])\d(?:[^\w\s]{0,2}[ \t]{0,2}[A-Za-z]{1,9}[^\w\s]{0,2}[ \t]{0,2}\d){6,22}"
)

_LINK = (
    r"(?:[\s,;:\"'()=]|then|and|next|followed|by|first|second|third|last|finally|part|plus|dash|is|the|digits?|are|with|ends?"
    r"|starts?|in|on)"
)
_LINKED = re.compile(rf"(?i)(?<![\d.])\d{{2,6}}(?:{_LINK}{{2,12}}\d{{1,6}}){{2,5}}(?![\d.])")

TELLING = re.compile(
    r"(?i)ssn|social|sozial|seguro|s[eé]cu|\bcards?\b|karte|tarjeta|\bcarte\b|visa|mastercard|amex|debit|credit|kredit"
    r"|account|acct|konto|cuenta|compte|\biban|routing|\bbank|phone|\btel\b|t[eé]l[eé]?[fp]|mobil|\bcell|handy|\bfax"
    r"|\bcall|\bring\b|\btext (?:me|him|her|us|them)|whats ?app|\bsms\b|\bdial|reach (?:me|him|her|us|them)|contact"
    r"|(?:my|his|her|their|our|your|the) (?:number|no\.|id\b)|number is|nummer|n[uú]mero|num[eé]ro|passport|\bpass\b"
    r"|\bid\b|identi|\bnhs\b|insurance|\btax\b|\btin\b|\bein\b|itin|nino|aadhaar|\bpan\b|\bcpf\b|\bdni\b|\bnif\b|licen"
    r"|policy|member|patient|record|\bmrn\b|medical|\bpin\b|charge|\bpay|customer|client|imei|\bvin\b|transfer"
)
BEFORE, AFTER = 100, 60

_LISTING = frozenset(
    (
        ",",
        ", ",
        " ",
        "\n",
        ";",
        "; ",
        "+",
        " + ",
        "-",
        " - ",
        "*",
        " * ",
        "/",
        " / ",
        "\t",
        "],[",
        "], [",
        "=",
        " = ",
        "|",
        " | ",
    )
)


def _joined(text: str) -> Iterator[Edit]:
    found = sorted(edit for pattern in (_RUN, _GROUPED, _LINKED) for edit in _found(text, pattern))
    yield from found


def _found(text: str, pattern: re.Pattern[str]) -> Iterator[Edit]:
    for match in pattern.finditer(text):
        for start, end in _parts(text, match.start(), match.end()):
            run = text[start:end]
            fillers = list(_FILLER.finditer(run))
            if not fillers or not _one_number(text, start, end):
                continue
            for filler in fillers:
                yield Edit(start + filler.start(), start + filler.end(), "")


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The run, or where it is too long for one number, its lines."""
    if sum(map(str.isdigit, text[start:end])) <= MAX_DIGITS:
        yield start, end
        return
    for line in re.finditer(r"\d[^\n]*\d", text[start:end]):
        if MIN_DIGITS <= sum(map(str.isdigit, line[0])) <= MAX_DIGITS:
            yield start + line.start(), start + line.end()


def _one_number(text: str, start: int, end: int) -> bool:
    run = text[start:end]
    groups, fillers = re.findall(r"\d+", run), _FILLER.findall(run)
    if _counts_up(groups) or ORDINARY.fullmatch(run):
        return False
    digits = "".join(groups)
    return (
        TELLING.search(text, max(0, start - BEFORE), start) is not None
        or TELLING.search(text, end, end + AFTER) is not None
        or (is_card(digits) and len(set(map(len, groups[:-1]))) == 1)
        or (max(map(len, groups)) == 1 and len(set(fillers)) == 1 and fillers[0] not in _LISTING)
    )


ORDINARY = re.compile(
    r"\d{3}([-. ])\d\d\1\d{4}|\d{1,4}([-. /])\d{1,2}\2\d{1,4}|(?:\d{1,3}\.){3}\d{1,3}|\d{4}([ -])\d{4}\3\d{4}\3\d{1,7}"
    r"|(?:\d{1,3}[ .-])?\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}|\d{4}-\d\d-\d\d[ T]?\d\d:\d\d(?::\d\d)?(?:\.\d+)?"
    r"|\d{4,6}-\d{3,6}"
)
"""Manners of writing that every detector knows: social security numbers, dates, addresses, cards, phones, times."""


def _counts_up(groups: list[str]) -> bool:
    """`1, 2, 3, 4`, or any other row with equal steps."""
    numbers = list(map(int, groups))
    steps = {after - before for before, after in pairwise(numbers)}
    return len(groups) > 3 and len(steps) == 1  # noqa: PLR2004


def is_card(digits: str) -> bool:
    """An issuer's first digit, a card's length, and Luhn's check digit."""
    if not 13 <= len(digits) <= 19 or digits[0] not in "23456" or len(set(digits)) < 4:  # noqa: PLR2004
        return False
    doubled = (int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0  # noqa: PLR2004


def _misread(text: str) -> Iterator[Edit]:
    """`4OO3 26l5`: letters that a scanner takes for digits, among digits."""
    for match in _MISREAD.finditer(text):
        run = match[0]
        while run and not _DIGIT.search(run.rsplit(None, 1)[-1]):
            run = run.rpartition(" ")[0]  # `4623769885 is` ends in a word
        digits, letters = sum(map(str.isdigit, run)), sum(char in MISREAD for char in run)
        told = TELLING.search(text, max(0, match.start() - BEFORE), match.start()) is not None
        if not letters or digits * (2 if told else 1) < letters or not all(map(_DIGIT.search, run.split())):
            continue
        for place, char in enumerate(run, match.start()):
            if char in MISREAD:
                yield Edit(place, place + 1, MISREAD[char])


MISREAD = dict(zip("OoQDIil|!SsBZzGgq", "00001111155822969", strict=True))
_DIGIT = re.compile(r"\d")
_SHAPE = "0-9OoQDIilSsBZzGgq"
_MISREAD = re.compile(
    rf"(?:(?<![A-Za-z0-9])|(?<=\b[A-Z]{{2}}))(?=[{_SHAPE}]{{0,3}}\d)[{_SHAPE}]"
    rf"(?:[ .()/-]{{0,2}}[|!]?[{_SHAPE}]){{6,24}}(?![A-Za-z0-9])"
)

DIGITS: tuple[Reading, ...] = (
    Reading("misread", (_MISREAD.pattern,), _misread),
    Reading(
        "joined",
        (
            r"\d(?:[^\dA-Za-z]{0,24}\d){6}",
            r"\d{4}[^\d]{1,24}\d{4}[^\d]{1,24}\d{4}",
            r"\d{3}[^\d]{1,24}\d{2,3}[^\d]{1,24}\d{4}",
            _LINKED.pattern,
            r"\d(?:[A-Za-z]{1,5}\d){6}",
            r"\d(?:[^\w\s]{0,2}[ \t]{0,2}[A-Za-z]{1,9}[^\w\s]{0,2}[ \t]{0,2}\d){6}",
        ),
        _joined,
    ),
)
