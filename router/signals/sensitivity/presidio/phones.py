"""Phone numbers, by libphonenumber as Presidio asks it: eight regions, valid numbers only. Only around digits."""

import re
from collections.abc import Iterable, Iterator, Sequence

from phonenumbers import PhoneNumberMatcher

from router.signals.sensitivity.detector import Span

PHONE = "PHONE_NUMBER"

MARKS = (
    r"xX ()+./~\[\]\u00a0\u00ad\u200b\u2010-\u2015\u2053\u2060\u2212\u223c\u3000\u30fc\uff08\uff09\uff0b"
    r"\uff0d-\uff0f\uff3b\uff3d\uff5e-"
)
"""What libphonenumber takes for punctuation inside a number; a comma is none, or every list would be one."""

NOT_PHONES = re.compile(
    r"(?<!\d)\d{4}-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-][01]\d:?[0-5]\d)?(?!\d)"
    r"|(?<!\d)(?:\d{1,2}([-/.])\d{1,2}\1(?:19|20)\d\d|(?:19|20)\d\d([-/.])\d{1,2}\2\d{1,2})(?!\d|[-/.]\d)"
    r"|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"
)
"""Timestamps, dates and IPv4 addresses: they cost most of the time and are no phone numbers."""

GAP_CHARS = 40
"""No number goes on after so much without a digit: four marks join its digits, and an extension's word is short."""

_DIGITS = re.compile(rf"\d(?:[^\n\d]{{0,{GAP_CHARS}}}\d)*")


class Phones:
    """Finds the numbers of some regions."""

    NUMBER = re.compile(rf"\d(?:[{MARKS}]{{0,4}}\d){{6}}")
    """What a text must hold: seven digits, each at most four marks from the last.

    Only a few old local numbers in Germany have fewer, and they look like any year or price.
    """

    def __init__(self, regions: Sequence[str], *, leniency: int, score: float) -> None:
        self._regions = tuple(regions)
        self._leniency = leniency
        self._score = score

    def find(self, text: str, windows: Iterable[tuple[int, int]]) -> Iterator[Span]:
        """One number after the other, each once, in some parts of a text."""
        seen = set[tuple[int, int]]()
        for start, end in windows:
            for first, last in self._runs(NOT_PHONES.sub(_blank, text[start:end])):
                for place in self._in(text[start + first : start + last]):
                    span = Span(PHONE, self._score, start + first + place[0], start + first + place[1])
                    if span[2:] not in seen:
                        seen.add(span[2:])
                        yield span

    def _in(self, text: str) -> Iterator[tuple[int, int]]:
        for region in self._regions:
            for match in PhoneNumberMatcher(text, region, leniency=self._leniency):
                yield match.start, match.end

    def _runs(self, text: str) -> Iterator[tuple[int, int]]:
        """The runs of digits, with what stands between and around them, in which a number may be."""
        for run in _DIGITS.finditer(text):
            if self.NUMBER.search(text, *run.span()):
                before = text.rfind("\n", max(0, run.start() - GAP_CHARS), run.start()) + 1
                after = text.find("\n", run.end(), run.end() + GAP_CHARS)
                start = before or max(0, run.start() - GAP_CHARS)
                yield start, after if after >= 0 else run.end() + GAP_CHARS


def _blank(match: re.Match[str]) -> str:
    return "\n" * len(match[0])
