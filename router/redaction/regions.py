"""Regions: which characters of a passage give way together, and as what. Pure.

Detectors tell a value with the words that gave it away: `card 4111 …`. The words stay, for they tell a model what stood
there. Secrets are taken as they come: any sign may be a part of one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from router.redaction.passage import Kind, Passage

MAX_WORD_CHARS = 1000
"""A word is replaced whole, up to this much of it on either side of what was found."""

PHRASES = frozenset({"HEALTH", "FINANCES", "CHILD"})
"""Types that are facts told in several words. What is found inside one, a name say, is a value of its own."""

_NAMED = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})
_LABELLED = PHRASES | frozenset(
    {
        *("ADDRESS", "AGE", "CREDIT_CARD", "DATE_OF_BIRTH", "DATE_TIME", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS"),
        *("MAC_ADDRESS", "MEDICAL_LICENSE", "MEDICAL_RECORD", "NATIONAL_ID", "PHONE_NUMBER", "RECORD_NUMBER", "UK_NHS"),
        *("US_BANK_NUMBER", "US_DRIVER_LICENSE", "US_ITIN", "US_PASSPORT", "US_SSN"),
    }
)
"""Types whose values may be found with the words before or after them."""

_TOKEN = re.compile(r"[^\W_]+")
_LABELS = frozenset(
    _TOKEN.findall(
        """
        a account acct address age aged an and are at be billing birth birthday born by called card cards cell code
        contact credit customer date debit dob document driver drivers email e mail fax for from has have home his her
        iban id identification identity in insurance is it ip its license licence live lives living located mac medical
        member mobile mr mrn mrs ms my nhs no nr number num of old on our passport patient pay phone policy record ref
        reference residing resides s security shipping social ssn tax tel telephone the their to was
        with work year years yo your
        """
    )
)
"""Words that name a field and are never its value."""

_AROUND = " \t\r\n.,;:!?\"'()[]{}<>#"
_BLANKS = " \t\r\n"


class Region(NamedTuple):
    """Characters of one passage's blank form, and what they are."""

    passage: int
    start: int
    end: int
    type: str


def regions(found: Iterable[Region], passages: Sequence[Passage], *, rank: Callable[[str], int]) -> list[Region]:
    """Whole words, no placeholder in them, none overlapping another; of two, the more guarded names both."""
    by_passage: dict[int, list[Region]] = {}
    for one in found:
        by_passage.setdefault(one.passage, []).append(one)
    return [region for index, ones in sorted(by_passage.items()) for region in _apart(ones, passages[index], rank=rank)]


def _apart(found: Sequence[Region], passage: Passage, *, rank: Callable[[str], int]) -> list[Region]:
    """Values first; of a phrase, what is left beside them."""
    values = _merged(_fitted((one for one in found if one.type not in PHRASES), passage), rank=rank)
    phrases = _merged(_fitted((one for one in found if one.type in PHRASES), passage), rank=rank)
    rest = (part for phrase in phrases for part in _beside(phrase, values))
    return sorted((*values, *_fitted(rest, passage, widened=False)), key=lambda one: one.start)


def _beside(phrase: Region, values: Sequence[Region]) -> Iterator[Region]:
    """The parts of a phrase between the values in it."""
    inside = [one for one in values if one.start < phrase.end and one.end > phrase.start]
    edges = (phrase._replace(end=phrase.start), *inside, phrase._replace(start=phrase.end))
    for before, after in pairwise(edges):
        if before.end < after.start:
            yield phrase._replace(start=before.end, end=after.start)


def _fitted(found: Iterable[Region], passage: Passage, *, widened: bool = True) -> Iterator[Region]:
    """Each cut to what is written, without the words around a value, and widened to whole words."""
    literals = tuple(passage.literals())
    for one in found:
        for begin, text in literals:
            start, end = max(one.start, begin) - begin, min(one.end, begin + len(text)) - begin
            if start >= end:
                continue
            if passage.kind is Kind.NUMBER:
                start, end = 0, len(text)
            elif widened:
                start, end = _widened(text, start, end)
            start, end = _trimmed(text, start, end, one.type)
            if any(map(str.isalnum, text[start:end])):
                yield one._replace(start=begin + start, end=begin + end)


def _widened(text: str, start: int, end: int) -> tuple[int, int]:
    first, last = max(0, start - MAX_WORD_CHARS), min(len(text), end + MAX_WORD_CHARS)
    while start > first and _in_word(text[start - 1]) and _in_word(text[start]):
        start -= 1
    while end < last and _in_word(text[end - 1]) and _in_word(text[end]):
        end += 1
    return start, end


def _in_word(char: str) -> bool:
    """Digits, and letters of scripts that put blanks between words: nearly all that have two cases."""
    return char.isdigit() or char.lower() != char.upper()


def _trimmed(text: str, start: int, end: int, kind: str) -> tuple[int, int]:
    if kind in _LABELLED:
        start, end = _without_labels(text, start, end)
    around = _AROUND if kind in _LABELLED | _NAMED else _BLANKS
    while start < end and text[start] in around:
        start += 1
    while start < end and text[end - 1] in around:
        end -= 1
    return start, end


def _without_labels(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the words around a value; where there is nothing but such words, nothing."""
    tokens = list(_TOKEN.finditer(text, start, end))
    telling = [at for at, token in enumerate(tokens) if token[0].casefold() not in _LABELS]
    if not telling:
        return start, start
    first, last = telling[0], telling[-1]
    # The signs beside a value stay with it: the plus of a number that is called abroad.
    begin = tokens[first - 1].end() if first else start
    return begin, tokens[last + 1].start() if last + 1 < len(tokens) else end


def _merged(found: Iterable[Region], *, rank: Callable[[str], int]) -> list[Region]:
    def weight(one: Region) -> tuple[int, int]:
        return rank(one.type), one.end - one.start

    merged: list[Region] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if merged and one.start < merged[-1].end:
            telling = max(merged[-1], one, key=weight)
            merged[-1] = telling._replace(start=merged[-1].start, end=max(merged[-1].end, one.end))
        else:
            merged.append(one)
    return merged
