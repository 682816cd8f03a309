"""The small parts of a grammar: literals, sets of characters, repetitions, and the one way to refuse."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workers.local.failing import Failing
from workers.local.protocol import Failure

MAX_REPEATS = 2000
"""llama.cpp refuses to count further."""

FIRST_PLAIN = 0x20
LAST = 0x10FFFF
ESCAPED = frozenset({0x22, 0x5C})
"""The quote and the backslash: in JSON they are never written as themselves."""
NEVER = ((0x7F, 0x7F), (0xD800, 0xDFFF))
"""No character that a model should write: DEL, and halves of pairs."""

Ranges = tuple[tuple[int, int], ...]
"""Characters from and to, both included; sorted, apart."""


def refused(keyword: str, why: str = "") -> Failing:
    """A keyword that no grammar can hold a model to. Only names of the standard may be given: no word of a job."""
    return Failing(Failure.BAD_REQUEST, f"json_schema: a grammar cannot hold the model to {keyword}" + why)


def literal(text: str) -> str:
    """Exactly this text."""
    return '"' + "".join(_quoted(char) for char in text) + '"'


def json_literal(value: Any) -> str:
    """Exactly this value, as JSON writes it."""
    return literal(json_text(value))


def json_text(value: Any) -> str:
    """A value as JSON writes it."""
    return json.dumps(value, ensure_ascii=False)


def one_of(texts: Iterable[str], *, name: Callable[[str], str]) -> str:
    """One of several texts. Those that begin alike share a rule: else a grammar keeps each of them in mind."""
    begins: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        begins.setdefault(text[:1], []).append(text)
    choices = []
    for alike in begins.values():
        shared = _beginning(alike)
        rest = [text[len(shared) :] for text in alike]
        choices.append(literal(shared) if rest == [""] else f"{literal(shared)} {one_of(rest, name=name)}")
    return choices[0] if len(choices) == 1 else name(" | ".join(choices))


def repeated(term: str, least: int, most: int | None) -> str:
    """A term so many times. The term must be a name, a set or in brackets."""
    if max(least, most or 0) > MAX_REPEATS:
        raise refused(f"more than {MAX_REPEATS:,} repetitions", "; leave the bound out: max_tokens bounds the answer")
    if least == most:
        return f"{term}{{{least}}}"
    return f"{term}{{{least},{'' if most is None else most}}}"


def characters(ranges: Ranges) -> str:
    """One of these characters inside a JSON string; quote and backslash as JSON writes them."""
    plain = without(ranges, (*((code, code) for code in ESCAPED), (0, FIRST_PLAIN - 1), *NEVER))
    choices = [f"[{''.join(_range(*found) for found in plain)}]"] if plain else []
    choices += [json_escape(code) for code in sorted(ESCAPED) if _holds(ranges, code)]
    if not choices:
        raise refused("a pattern of control characters")
    return choices[0] if len(choices) == 1 else f"({' | '.join(choices)})"


def json_escape(code: int) -> str:
    """One character of a JSON string, escaped where JSON wants it."""
    return literal(json.dumps(chr(code), ensure_ascii=False)[1:-1])


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted, and those that touch joined."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def without(ranges: Ranges, taken: Iterable[tuple[int, int]]) -> Ranges:
    """What is left of them."""
    left = list(ranges)
    for out_first, out_last in taken:
        parts = ((first, min(last, out_first - 1), max(first, out_last + 1), last) for first, last in left)
        left = [pair for a, b, c, d in parts for pair in ((a, b), (c, d)) if pair[0] <= pair[1]]
    return union(left)


def _beginning(texts: Sequence[str]) -> str:
    """What all of them begin with: what the first and the last of them in order do."""
    first, last = min(texts), max(texts)
    differ = (at for at, char in enumerate(first) if last[at : at + 1] != char)
    return first[: next(differ, len(first))]


def _holds(ranges: Ranges, code: int) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _range(first: int, last: int) -> str:
    return _code(first) if first == last else f"{_code(first)}-{_code(last)}"


def _code(code: int) -> str:
    return f"\\U{code:08X}"


def _quoted(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if char.isprintable() else _code(ord(char))
