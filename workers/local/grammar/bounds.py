"""What is too large or too ambiguous for a grammar, told before anything long is done with it.

All jobs share one thread. A schema of thousands of parts takes seconds to check, and a grammar that can read a text in
thousands of ways keeps all of them in mind: a token then takes minutes, and nothing can stop it in the middle.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from re import _parser
from typing import Any, NamedTuple

from workers.local.grammar.terms import MAX_REPEATS, refused

MAX_SCHEMAS = 1_000
"""Schemas in a schema: each takes a millisecond to be checked."""

MAX_VALUES = 20_000
"""Keys and values of any kind in it."""

MAX_WAYS = 32
"""Parts of a pattern that may begin at one place."""


def check_size(schema: Any) -> None:
    """Refuse a schema that takes too long to be looked at. Raises Failing."""
    schemas = values = 0
    left: list[Any] = [schema]
    while left:
        found = left.pop()
        values += 1
        if isinstance(found, Mapping):
            schemas += 1
            left += found.values()
        elif isinstance(found, list):
            left += found
        if schemas > MAX_SCHEMAS or values > MAX_VALUES:
            raise refused("so large a schema")


class Reach(NamedTuple):
    """How a part of a pattern can be read."""

    empty: bool
    """Whether it may be nothing at all."""
    ways: int
    """With how many of its parts a text may begin."""
    times: int = 1
    """How many times its innermost part may come, repetitions in repetitions multiplied."""


def check_pattern(tree: Iterable[Any]) -> None:
    """Refuse a parsed expression that can be read in too many ways. Raises Failing."""
    _sequence(tree)


def _sequence(tree: Iterable[Any]) -> Reach:
    parts = [_part(str(kind), value) for kind, value in tree]
    ways = begun = 0
    for part in reversed(parts):
        begun = part.ways + (begun if part.empty else 0)
        ways = max(ways, begun)
    if ways > MAX_WAYS:
        raise refused(f"a pattern of more than {MAX_WAYS} parts in a row that may be left out")
    return Reach(all(part.empty for part in parts), begun, max((part.times for part in parts), default=1))


def _part(kind: str, value: Any) -> Reach:
    read = _READERS.get(kind)
    return Reach(kind == "AT", 1) if read is None else read(value)


def _branch(value: Any) -> Reach:
    found = [_sequence(tree) for tree in value[1]]
    ways = sum(part.ways for part in found)
    return Reach(any(part.empty for part in found), ways, max(part.times for part in found))


def _repeat(value: Sequence[Any]) -> Reach:
    least, most, tree = value
    inner = _sequence(tree)
    if inner.empty and most > 1:
        raise refused("a pattern that repeats what may be empty")
    times = inner.times * (int(most) if most is not _parser.MAXREPEAT and most > 1 else 1)
    if inner.times > 1 and times > MAX_REPEATS:
        raise refused(f"more than {MAX_REPEATS:,} repetitions within repetitions")
    return Reach(least == 0 or inner.empty, inner.ways, times)


_READERS: Mapping[str, Callable[[Any], Reach]] = {
    "BRANCH": _branch,
    "SUBPATTERN": lambda value: _sequence(value[3]),
    "MAX_REPEAT": _repeat,
    "MIN_REPEAT": _repeat,
}
