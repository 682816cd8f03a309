"""Search: where the words of a value stand in a text, whatever the case and whatever stands between them. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from router.redaction.values import PERSON, Words

MAX_GAP_CHARS = 3
"""Between two words of one value: `078-05-1120` and `078 - 05 - 1120` are the same."""

SHORT_CHARS = 3
"""A name of so few letters counts only where it is written like a name."""

_WORD = re.compile(r"[^\W_]+")
_BETWEEN_DIGITS = re.compile(r"[\s.\-/()_,]+")
_LEAST_DIGITS = 7

_ALSO_WORDS = frozenset(
    _WORD.findall(
        """
        amber april art august austin autumn baker ball banks bell best bill black bond brown bush carter case
        cash chance chase chip church cook cooper cross crystal daisy dawn day dean drew duke earl east english
        fair faith farmer field fields fisher frank french german good grace grant gray green grey hall hill hope
        hunter iris ivy jack jordan joy june king knight lake law laws lily little long love major marine mark
        mason may miller mills moon music nick north page park parks pat pearl pope power powers price prince rain
        ray read rich rivers rob root rose ruby rush sands savage self sharp short sky small smith song stone
        storm street strong sue summer sun swift taylor temple train violet walker wall ward waters way weeks west
        white will winter wise wolf wood woods young
        """
    )
)
"""Names that are words as well: in small letters they are taken for the word."""


class Hit(NamedTuple):
    """A value that stands somewhere."""

    start: int
    end: int
    kind: str


@dataclass
class _Node:
    """What may follow the words so far, and the type of the value that they are."""

    after: dict[str, "_Node"] = field(default_factory=dict)
    kind: str | None = None


_Token = tuple[str, int, int]


class Search:
    """Looks for many values at once: the time grows with the text, not with the number of values."""

    def __init__(self, searched: Iterable[tuple[Words, str]]) -> None:
        self._root = _Node()
        self._inside_words: dict[str, str] = {}
        self._digits: dict[str, str] = {}
        for found, kind in searched:
            node = self._root
            for word in found:
                node = node.after.setdefault(word, _Node())
            node.kind = kind
            if len(found) == 1 and not _has_case(found[0]) and not found[0].isdigit():
                self._inside_words[found[0]] = kind  # a script without blanks: the value is a part of a longer run
            digits = "".join(found)
            if digits.isdigit() and len(digits) >= _LEAST_DIGITS:
                self._digits[digits] = kind

    def hits(self, text: str) -> Iterator[Hit]:
        """Where values stand: from the left, the longest first, none overlapping another."""
        tokens = [(match[0].casefold(), match.start(), match.end()) for match in _WORD.finditer(text)]
        at = 0
        while at < len(tokens):
            length, kind = self._longest(text, tokens, at)
            if length:
                yield Hit(tokens[at][1], tokens[at + length - 1][2], kind)
            else:
                yield from self._within(text, *tokens[at][1:])
            at += max(1, length)

    def left(self, text: str) -> Iterator[str]:
        """The types of values that stand in a text: also with their digits joined or taken apart."""
        yield from (hit.kind for hit in self.hits(text))
        joined = _BETWEEN_DIGITS.sub("", text)
        yield from (kind for digits, kind in self._digits.items() if digits in joined)

    def _longest(self, text: str, tokens: list[_Token], at: int) -> tuple[int, str]:
        """How many words of a value begin here, and its type; none, where none does."""
        best, best_kind = 0, ""
        node, end = self._root, tokens[at][1]
        for length in range(1, len(tokens) - at + 1):
            word, start, word_end = tokens[at + length - 1]
            after = node.after.get(word)
            if after is None or start - end > MAX_GAP_CHARS:
                break
            node, end = after, word_end
            if node.kind is not None and (length > 1 or node.kind != PERSON or _like_a_name(text[start:end])):
                best, best_kind = length, node.kind
        return best, best_kind

    def _within(self, text: str, start: int, end: int) -> Iterator[Hit]:
        if not self._inside_words or text.isascii():
            return
        for value, kind in self._inside_words.items():
            found = text.find(value, start, end)
            while found >= 0:
                yield Hit(found, found + len(value), kind)
                found = text.find(value, found + len(value), end)


def _like_a_name(word: str) -> bool:
    common = len(word) <= SHORT_CHARS or word.casefold() in _ALSO_WORDS
    return not (common and _has_case(word) and word.islower())


def _has_case(word: str) -> bool:
    return word.lower() != word.upper()
