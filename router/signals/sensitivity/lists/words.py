"""Lists of words as expressions: whole words, whatever their case, and however their parts are joined.

`Project Kestrel` is also found as `project-kestrel`, `PROJECT_KESTREL` and over the end of a line. A word is whole
where no letter touches its letters and no digit its digits: `Bluebird` is in `bluebird-api` and `bluebird2`, not in
`bluebirds`. Scripts that are written without spaces have no such border.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from router.signals.sensitivity.lists.patterns import Matcher, literal

MAX_WORDS = 10_000
"""Of one policy, all lists together."""

MAX_WORD_CHARS = 200

_JOINT = r"[\s\pZ_\-\x{2010}-\x{2015}]+"
"""What may stand between the parts of a word: spaces, ends of lines, hyphens, underscores. In RE2's words."""

_SPLIT = re.compile(r"[\s_\-\u2010-\u2015]+")

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")
"""Scripts without spaces between words, by how Unicode's names of their letters begin."""

_LETTER, _DIGIT, _NONE = r"\pL", r"\pN", ""


def matchers(words: Iterable[str]) -> tuple[Matcher, ...]:
    """Expressions that find the words, one for each kind of border; their first group is the word."""
    alike: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for parts in {parts for word in words for parts in _written(word)}:
        alike.setdefault((_border(parts[0][0]), _border(parts[-1][-1])), set()).add(parts)
    return tuple(_matcher(edges, alike[edges]) for edges in sorted(alike))


def says_something(word: str) -> bool:
    """Whether there is a letter or a digit in it: anything else stands in every text."""
    return any(char.isalnum() for char in word)


def fold(text: str) -> str:
    """Compatible forms and case made one."""
    return unicodedata.normalize("NFKC", text).casefold()


def _matcher(edges: tuple[str, str], written: set[tuple[str, ...]]) -> Matcher:
    # Of two that begin alike, the longer one is tried first; the order is the same in every process.
    in_order = sorted(written, key=lambda parts: (-sum(map(len, parts)), parts))
    alternatives = "|".join(_JOINT.join(literal(part) for part in parts) for parts in in_order)
    before, behind = (rf"[^{edge}]" if edge else "" for edge in edges)
    head, tail = f"(?:^|{before})" if before else "", f"(?:$|{behind})" if behind else ""
    return Matcher(f"(?i:{head}({alternatives}){tail})", group=1, words=len(in_order))


def _written(word: str) -> Iterator[tuple[str, ...]]:
    """The ways to write a word that case alone does not make one: `Weißfluh` and `weissfluh`."""
    plain, folded = unicodedata.normalize("NFKC", word), fold(word)
    for form in dict.fromkeys((word, plain, folded if folded != plain.lower() else plain)):
        parts = tuple(part for part in _SPLIT.split(form) if part)
        if parts:
            yield parts


def _border(char: str) -> str:
    """What may not touch this end of a word."""
    if char.isdigit():
        return _DIGIT
    if not char.isalpha() or unicodedata.name(char, "").startswith(_UNSPACED):
        return _NONE
    return _LETTER
