"""Glued: values that stick to other text: `user_823-76-4984_v2`, `ssn123456789ok`, `John_Smith.pdf`; and leetspeak."""

import re
from collections.abc import Iterator

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading, tried

NEAR = 40


def _underscores(text: str) -> Iterator[Edit]:
    for match in _UNDERSCORE.finditer(text):
        left, right = text[max(0, match.start() - NEAR) : match.start()], text[match.end() : match.end() + NEAR]
        if (
            _VALUE_AFTER.match(right)
            or _VALUE_BEFORE.search(left)
            or (_NAME_AFTER.match(right) and _NAME_BEFORE.search(left))
        ):
            yield Edit(match.start(), match.end(), " ")


_UNDERSCORE = re.compile("_{1,9}")
_VALUE_AFTER = re.compile(
    r"[(+]{0,2}\d[\d ().:-]{6,}|[A-Z]{2}\d\d[A-Z0-9 ]{8}|[A-Za-z0-9.+-]{2,}@"
    r"|[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]|[A-Z]{0,2}\d{6}"
)
_VALUE_BEFORE = re.compile(
    r"(?:\d[\d ().:-]{6,}|[A-Z]{2}\d\d[A-Z0-9]{8,}|@[\w.-]{1,30}\.[a-z]{2,6}|[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){4})\Z"
)
_NAME_BEFORE = re.compile(r"(?:^|[^A-Za-z])[A-Z][a-z]{2,15}\Z")
_NAME_AFTER = re.compile(r"[A-Z][a-z]{2,15}(?![a-z])")


def _stuck(text: str) -> Iterator[Edit]:
    """A blank where letters and a long number touch."""
    for match in _STUCK.finditer(text):
        before = match["before"] or ""
        account = before[-2:].isupper() and len(match[0]) - len(before) >= MIN_ACCOUNT_CHARS
        places = {match.end("before") - 2 * account, match.start("after"), match.start("tail")}
        for place in sorted(places - {match.start() if account else -1, -1}):
            yield Edit(place, place, " ")


MIN_ACCOUNT_CHARS = 13
"""Two capitals before a number as long as this may begin an IBAN: they stay with it."""


_NUMBER = r"[+(]{0,2}\d(?:[ ().:-]{0,2}\d){6,20}"
_STUCK = re.compile(
    rf"(?<![A-Za-z0-9])(?P<before>[A-Za-z]{{1,24}}){_NUMBER}(?![0-9])(?P<after>[A-Za-z]{{1,24}}(?![A-Za-z0-9]))?"
    rf"|(?<![A-Za-z0-9.]){_NUMBER}(?P<tail>[A-Za-z]{{1,24}}(?![A-Za-z0-9]))"
)


def _leet(text: str) -> Iterator[Edit]:
    for match in _LEET.finditer(text):
        word = match[0]
        if sum(map(str.isalpha, word)) * 3 < len(word) * 2:
            continue
        upper = word.isupper()
        for place, char in enumerate(word, match.start()):
            if char in LEET:
                yield Edit(place, place + 1, LEET[char].upper() if upper or place == match.start() else LEET[char])


LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "|": "l"}
_LEET = re.compile(
    r"(?<![\w.@$-])(?=[A-Za-z@$0-9]{0,20}[A-Za-z][013457@$!|]{1,2}[A-Za-z])[A-Za-z@$][A-Za-z0-9@$!|]{3,20}(?![\w@-]|\.\w)"
)

GLUED: tuple[Reading, ...] = (
    Reading(
        "underscores",
        (
            rf"_(?:{_VALUE_AFTER.pattern})",
            r"\d[\d ().:-]{6,}_|[A-Z]{2}\d\d[A-Z0-9]{8,}_|@[\w.-]{1,30}\.[a-z]{2,6}_",
            r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){4}_",
            r"[A-Z][a-z]{2,15}_{1,9}[A-Z][a-z]{2}",
        ),
        _underscores,
    ),
    Reading("stuck", (r"[A-Za-z][+(]{0,2}\d(?:[ ().:-]{0,2}\d){6}", r"\d(?:[ ().:-]{0,2}\d){6}[A-Za-z]"), _stuck),
    tried(
        "leet",
        (
            r"(?<![\w.@$-])[A-Za-z@$][A-Za-z0-9@$!|]{0,20}[A-Za-z@$][013457@$!|]{1,2}[A-Za-z]",
            r"(?<![\w.@$-])[A-Za-z@$][013457@$!|]{1,2}[A-Za-z][A-Za-z0-9@$!|]",
        ),
        _leet,
    ),
)
