"""Regular expressions -> grammar: those that describe a text. Those that look around or back are refused."""

import re
from collections.abc import Callable, Mapping, Sequence
from re import _parser  # the library's own parser: a second one would read otherwise
from typing import Any

from workers.local.grammar.bounds import check_pattern
from workers.local.grammar.terms import (
    FIRST_PLAIN,
    LAST,
    Ranges,
    characters,
    json_escape,
    refused,
    repeated,
    union,
    without,
)

ASCII = ((FIRST_PLAIN, 0x7E),)
"""Classes such as \\W are cut to it: beyond it, regular expressions disagree about them."""

DIGIT: Ranges = ((0x30, 0x39),)
WORD: Ranges = union(((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)))
SPACE: Ranges = ((0x20, 0x20),)
CATEGORIES: Mapping[str, Ranges] = {
    "CATEGORY_DIGIT": DIGIT,
    "CATEGORY_NOT_DIGIT": without(ASCII, DIGIT),
    "CATEGORY_WORD": WORD,
    "CATEGORY_NOT_WORD": without(ASCII, WORD),
    "CATEGORY_SPACE": SPACE,
    "CATEGORY_NOT_SPACE": without(ASCII, SPACE),
}
ANY: Ranges = ((FIRST_PLAIN, LAST),)

_STARTS, _ENDS = ("AT_BEGINNING", "AT_BEGINNING_STRING"), ("AT_END", "AT_END_STRING")


def gbnf(pattern: str, *, name: Callable[[str], str]) -> str:
    """What stands between the quotes of a JSON string that matches. `name` gives a part a rule of its own."""
    try:
        tree = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        raise refused("a pattern that is no regular expression") from None
    if tree.state.flags & ~re.UNICODE:
        raise refused("a pattern with flags")
    check_pattern(tree)
    return _Writer(name).whole(list(tree))


class _Writer:
    """Writes a parsed expression."""

    def __init__(self, name: Callable[[str], str]) -> None:
        self._name = name

    def whole(self, tree: Sequence[Any]) -> str:
        """An expression without an anchor may have anything before or behind it."""
        starts, ends = _at(tree[:1], _STARTS), _at(tree[-1:], _ENDS)
        inner = self._sequence(tree[starts : len(tree) - ends])
        free = "" if starts and ends else repeated(characters(ANY), 0, None)
        return " ".join(part for part in ("" if starts else free, inner, "" if ends else free) if part) or '""'

    def _sequence(self, tree: Sequence[Any]) -> str:
        return " ".join(filter(None, (self._node(str(kind), value) for kind, value in tree)))

    def _node(self, kind: str, value: Any) -> str:
        write = _WRITERS.get(kind)
        if write is None:
            raise refused("a pattern that looks around or back, or has an anchor inside")
        return write(self, value)

    def _branch(self, value: Any) -> str:
        return "(" + " | ".join(self._sequence(list(tree)) or '""' for tree in value[1]) + ")"

    def _group(self, value: Any) -> str:
        _, added, removed, tree = value
        if added or removed:
            raise refused("a pattern with flags")
        return f"({self._sequence(list(tree)) or chr(34) * 2})"

    def _repeat(self, value: Any) -> str:
        least, most, tree = value
        term = self._name(self._sequence(list(tree)) or '""')
        return repeated(term, int(least), None if most == _parser.MAXREPEAT else int(most))


_WRITERS: Mapping[str, Callable[[_Writer, Any], str]] = {
    "LITERAL": lambda _, code: json_escape(code),
    "NOT_LITERAL": lambda _, code: characters(without(ANY, ((code, code), (0x22, 0x22), (0x5C, 0x5C)))),
    "ANY": lambda _, __: characters(without(ANY, ((0x22, 0x22), (0x5C, 0x5C)))),
    "IN": lambda _, items: characters(_set(items)),
    "BRANCH": _Writer._branch,  # noqa: SLF001 - the class's own table
    "SUBPATTERN": _Writer._group,  # noqa: SLF001
    "MAX_REPEAT": _Writer._repeat,  # noqa: SLF001
    "MIN_REPEAT": _Writer._repeat,  # noqa: SLF001 - lazy or greedy: the same texts match
}


def _set(items: Sequence[Any]) -> Ranges:
    kinds = [(str(kind), value) for kind, value in items]
    negated = kinds[0][0] == "NEGATE"
    ranges = union(found for kind, value in kinds[negated:] for found in _ranges(kind, value))
    # What a negated set leaves is written without the two that need an escape: narrower, and simpler.
    return without(ANY, (*ranges, (0x22, 0x22), (0x5C, 0x5C))) if negated else ranges


def _ranges(kind: str, value: Any) -> Ranges:
    if kind == "LITERAL":
        return ((value, value),)
    if kind == "RANGE":
        return (tuple(value),)
    return CATEGORIES[str(value)]


def _at(tree: Sequence[Any], where: Sequence[str]) -> bool:
    return any(str(kind) == "AT" and str(value) in where for kind, value in tree)
