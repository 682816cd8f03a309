"""A regular expression of Python's -> one of Hyperscan's that matches whatever the first does, and perhaps more.

What Hyperscan cannot do is left out (looking around, ends of lines), and long repeats are let run on. So a text in
which the result is not found holds nothing for the original: a necessary condition, and never a sufficient one.

Texts come in bytes, one for each character: ASCII as it is, and `OTHER` for all the rest. There are two conditions: one
for texts of ASCII alone, where word borders can be told, and one for the others, where every class that may match some
character beyond ASCII matches `OTHER` as well.
"""

import re
import re._constants as op  # type: ignore[import-not-found] # typeshed leaves them out; no other parser knows the syntax
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

OTHER = 0xFF
"""The byte for any character beyond ASCII. UTF-8 would give it two to four, and bounded repeats count characters."""

LONGEST_REPEAT = 16
"""Longer ones make the automaton large; without an upper bound it has one state for all that follow."""

FOLDED = "\u0130\u0131\u017f\u212a"
"""Without regard to case these match i, i, s and k: in a text with one of them no condition is to be trusted."""

CLASSES = {
    "digit": frozenset(b"0123456789"),
    "space": frozenset(b"\t\n\v\f\r \x1c\x1d\x1e\x1f"),
    "word": frozenset(char for char in range(128) if chr(char).isalnum() or char == ord("_")),
}
ASCII = frozenset(range(128))
UPPER = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Told by the lower ones where case does not matter: a pattern may have 16,000 characters and no more."""


class Never(Exception):
    """No text of this kind can match."""


def necessary(pattern: str, *, ascii_only: bool) -> str:
    """The condition. Raises Never when no text of ASCII can match, and re.error on what is no pattern."""
    tree = parser.parse(_escapes(pattern))
    condition = _Condition(ascii_only).of(tree, tree.state.flags)
    return f"(?i){condition}" if tree.state.flags & re.IGNORECASE else condition


def _escapes(pattern: str) -> str:
    r"""`\x{1F600}` is how others write `\U0001F600`."""
    return re.sub(r"\\x\{([0-9A-Fa-f]{1,8})\}", lambda match: f"\\U{int(match[1], 16):08x}", pattern)


@dataclass
class _Condition:
    ascii_only: bool
    groups: dict[int, str] = field(default_factory=dict)
    """What each group became, for those that ask for the same once more."""

    def of(self, items: Iterable[tuple[Any, Any]], flags: int) -> str:
        """One after another."""
        return "".join(self._item(kind, value, flags) for kind, value in items)

    def _item(self, kind: Any, value: Any, flags: int) -> str:  # noqa: PLR0911 - one line a kind
        if kind in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY):
            chars, beyond = _reach(kind, value, flags)
            return self._chars(chars - UPPER if flags & re.IGNORECASE else chars, beyond=beyond)
        if kind is op.BRANCH:
            return self._branch(value[1], flags)
        if kind is op.SUBPATTERN:
            return self._group(value, flags)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, items = value
            return self._repeat(items, flags, least=least, most=most)
        if kind is op.ATOMIC_GROUP:
            return self.of(value, flags)
        if kind is op.GROUPREF:
            return self.groups[value]
        if kind is op.AT:
            return r"\b" if value is op.AT_BOUNDARY and self.ascii_only else ""
        if kind in (op.ASSERT, op.ASSERT_NOT):
            return ""
        raise re.error(f"{kind} is not known here")

    def _chars(self, chars: frozenset[int], *, beyond: bool) -> str:
        if beyond and not self.ascii_only:
            chars |= {OTHER}
        if not chars:
            raise Never
        ranges = "".join(_range(first, last) for first, last in _runs(sorted(chars)))
        return ranges if len(chars) == 1 else f"[{ranges}]"

    def _branch(self, branches: Iterable[Any], flags: int) -> str:
        possible = list(dict.fromkeys(self._possible(branches, flags)))
        if not possible:
            raise Never
        return f"(?:{'|'.join(possible)})"

    def _possible(self, branches: Iterable[Any], flags: int) -> Iterator[str]:
        for branch in branches:
            try:
                yield self.of(branch, flags)
            except Never:
                continue

    def _group(self, value: Any, flags: int) -> str:
        number, added, removed, items = value
        within = (flags | added) & ~removed
        cases = "" if (within ^ flags) & re.IGNORECASE == 0 else "i" if within & re.IGNORECASE else "-i"
        inner = f"(?{cases}:{self.of(items, within)})"
        if number is not None:
            self.groups[number] = inner
        return inner

    def _repeat(self, items: Any, flags: int, *, least: int, most: int) -> str:
        try:
            inner = self.of(items, flags)
        except Never:
            if least:
                raise
            return ""
        if not inner or not most:
            return ""
        upper = "" if most is op.MAXREPEAT or most > LONGEST_REPEAT else str(most)
        return f"(?:{inner}){{{least},{upper}}}"


def _reach(kind: Any, value: Any, flags: int) -> tuple[frozenset[int], bool]:
    """Which ASCII characters match, and whether any other may."""
    if kind is op.ANY:
        return ASCII if flags & re.DOTALL else ASCII - {10}, True
    if kind is op.IN:
        negated = value[0][0] is op.NEGATE
        chars, beyond = _union(value[1:] if negated else value, flags)
        return (ASCII - chars, True) if negated else (chars, beyond)
    chars, beyond = _union([(op.LITERAL, value)], flags)
    return (ASCII - chars, True) if kind is op.NOT_LITERAL else (chars, beyond)


def _union(items: Iterable[tuple[Any, Any]], flags: int) -> tuple[frozenset[int], bool]:
    chars, beyond = frozenset[int](), False
    for kind, value in items:
        if kind is op.CATEGORY:
            chars |= _category(str(value))
            beyond = True
        else:
            first, last = value if kind is op.RANGE else (value, value)
            chars |= frozenset(range(first, min(last, 127) + 1))
            beyond |= last > max(ASCII)
    if flags & re.IGNORECASE:
        chars |= frozenset(ord(chr(char).swapcase()) for char in chars)
    return chars, beyond


def _category(name: str) -> frozenset[int]:
    """`CATEGORY_NOT_DIGIT` and its like."""
    words = name.lower().split("_")
    chars = CLASSES[words[-1]]
    return ASCII - chars if "not" in words else chars


def _runs(chars: list[int]) -> Iterator[tuple[int, int]]:
    first = last = chars[0]
    for char in chars[1:]:
        if char != last + 1:
            yield first, last
            first = char
        last = char
    yield first, last


def _range(first: int, last: int) -> str:
    return _char(first) if first == last else f"{_char(first)}-{_char(last)}"


def _char(code: int) -> str:
    return chr(code) if chr(code).isascii() and chr(code).isalnum() else f"\\x{code:02x}"
