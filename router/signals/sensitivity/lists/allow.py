"""Allow: values that an operator knows to be harmless. A finding is left out where all of it is such a value.

Also where it is a part of one that stands there whole: a street in the firm's own address.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.lists.patterns import Matcher, Watch
from router.signals.sensitivity.lists.words import MAX_WORD_CHARS, fold
from router.signals.sensitivity.views.view import View

_MOST_CHARS = 1_000
"""Nobody lists a longer value, and a long finding is not a known one."""

_AROUND_CHARS = MAX_WORD_CHARS + 50
"""How far around a finding a value may reach that it is a part of."""

_EDGES = " \t\r\n.,;:!?\"'`()[]{}<>"
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s()\u2010-\u2015-]+(?=\d)")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """One entry: values or a pattern that must match a whole finding, for some types or for all."""

    values: frozenset[str] = frozenset()
    """As `value` writes them."""
    matchers: tuple[Matcher, ...] = ()
    """What finds the values in a text."""
    pattern: Matcher | None = None
    types: frozenset[str] = frozenset()
    """None at all: whatever its type."""
    why: str = ""
    place: str | None = None

    def speaks_of(self, name: str) -> bool:
        """Whether it may allow findings of this type."""
        return not self.types or name in self.types


@dataclass(frozen=True)
class Allow:
    """All entries of a policy."""

    entries: tuple[Allowed, ...] = ()
    _values: Mapping[str, tuple[Allowed, ...]] = field(init=False, repr=False, compare=False)
    _patterns: tuple[Allowed, ...] = field(init=False, repr=False, compare=False)
    _all_values: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values: dict[str, tuple[Allowed, ...]] = {}
        for entry in self.entries:
            for one in entry.values:
                values[one] = (*values.get(one, ()), entry)
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_all_values", "\n".join(values))
        object.__setattr__(self, "_patterns", tuple(entry for entry in self.entries if entry.pattern is not None))

    def __bool__(self) -> bool:
        return bool(self.entries)

    def allows(self, view: View, span: Span) -> bool:
        """Whether the whole of the finding is known to be harmless."""
        if not 0 <= span.start < span.end <= len(view.text) or span.end - span.start > _MOST_CHARS:
            return False
        text = view.text[span.start : span.end]
        bare = value(text)
        if any(entry.speaks_of(span.type) for entry in self._values.get(bare, ())):
            return True
        if bare and bare in self._all_values and any(_within(entry, view.text, span) for entry in self.entries):
            return True
        return any(entry.speaks_of(span.type) and _is_whole(entry, text) for entry in self._patterns)


def value(text: str) -> str:
    """A value as it is compared: without case, outer punctuation, and what people put between digits."""
    bare = _SPACES.sub(" ", fold(text)).strip(_EDGES)
    return _BETWEEN_DIGITS.sub("", bare)


def _within(entry: Allowed, text: str, span: Span) -> bool:
    """Whether the finding lies in one of the entry's values, which stands there whole."""
    if not entry.matchers or not entry.speaks_of(span.type):
        return False
    start, end = max(0, span.start - _AROUND_CHARS), min(len(text), span.end + _AROUND_CHARS)
    near = text[start:end]
    return any(
        start + first <= span.start and span.end <= start + after and (first > 0 or start == 0)
        for matcher in entry.matchers
        for first, after in matcher.places(near, Watch())
        if after < len(near) or end == len(text)  # what touches the cut may be part of a longer word
    )


def _is_whole(entry: Allowed, text: str) -> bool:
    return entry.pattern is not None and any(entry.pattern.holds_all_of(form) for form in _forms(text))


def _forms(text: str) -> Iterator[str]:
    yield text
    bare = text.strip(_EDGES)
    if bare and bare != text:
        yield bare
