"""Operators' regular expressions, on RE2: a match takes time linear in the text, whatever the pattern.

What RE2 cannot do (lookaround, backreferences) is refused with the place and the reason. Sizes are bounded when a
policy is loaded; the time, while a job is looked at: text is taken in windows, and between two the clock is asked.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import re2

from router.signals.sensitivity.detector import GaveUpError

MAX_CHARS = 2_000
"""Of one pattern as written."""

MAX_PROGRAM = 40_000
"""Instructions of one compiled pattern; `\\pL` alone takes 1,200."""

MAX_MATCH_BYTES = 4_096
"""A match longer than this may be cut short, so that windows can overlap by as much."""

WINDOW_BYTES = 65_536
"""Between two questions for the time. The worst pattern within the bounds takes about a second for this much."""

LIMIT_S = 2.0
"""Of processor time, for all that an operator's lists look for in one job."""

_CHAR_BYTES = 4
"""Of the longest character in UTF-8."""

_MEMORY_BYTES = 8 * 1024 * 1024
_WORD_BYTES = 6 * 1024
"""What a word of a list may add. With too little, RE2 falls back to a search that is a thousand times slower."""

_PROBES = ("", "a", "A", "0", " ", "\n", ".", "a b", "\u00e9")
"""Where a pattern that asks for nothing shows it."""

_SHOWN_CHARS = 20


class BadPattern(ValueError):
    """A pattern that cannot be used: why, and at which character (from 0) where that can be told."""

    def __init__(self, reason: str, *, at: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at


@dataclass
class Watch:
    """The time that one job's own patterns have together, in seconds of processor time."""

    left_s: float = LIMIT_S

    def spend(self, seconds: float) -> None:
        """Raises GaveUpError where none is left."""
        self.left_s -= seconds
        if self.left_s < 0:
            raise GaveUpError("timeout")


@dataclass(frozen=True)
class Matcher:
    """One compiled expression. `group` says which part of a match is meant. Used by several threads."""

    source: str
    group: int = 0
    words: int = 0
    """How many words it is made of: each may take memory."""
    _compiled: "re2._Regexp" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = re2.Options()
        options.log_errors = False  # RE2 would write the pattern to standard error
        options.max_mem = _MEMORY_BYTES + self.words * _WORD_BYTES
        object.__setattr__(self, "_compiled", re2.compile(self.source.encode(), options))

    @property
    def program(self) -> int:
        """Its size in instructions, forwards and backwards."""
        return max(int(self._compiled.programsize), int(self._compiled.reverseprogramsize))

    def holds_all_of(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self._compiled.fullmatch(text.encode(errors="replace")) is not None

    def places(self, text: str, watch: Watch) -> Iterator[tuple[int, int]]:
        """Where it matches, from left to right, in characters. Raises GaveUpError when the time is up."""
        data = text.encode()
        return _in_characters(data, self._in_bytes(data, watch), len(text))

    def _in_bytes(self, data: bytes, watch: Watch) -> Iterator[tuple[int, int]]:
        start = told = 0
        while start < len(data):
            end = min(start + WINDOW_BYTES, len(data))
            last = end if end == len(data) else end - MAX_MATCH_BYTES
            begun = time.thread_time()
            found = self._compiled.search(data, start, end)
            watch.spend(time.thread_time() - begun)
            if found is None or found.start(self.group) >= last:
                if last == len(data):
                    return
                # What begins in the overlap is seen whole in the next window, with the character before it.
                start, told = last - _CHAR_BYTES, last
                continue
            first, after = found.span(self.group)
            start = max(_again(data, first, after), found.start() + 1)
            if first < told:
                start = found.start() + 1
            elif after > first:
                yield first, after

    def touches_nothing(self) -> bool:
        """Whether it matches where nothing stands: it would then match everywhere."""
        return any((found := self._compiled.search(probe.encode())) and not found.group(0) for probe in _PROBES)


def compiled(pattern: str) -> Matcher:
    """An operator's pattern: case does not count, `^` and `$` are the ends of a line. Raises BadPattern."""
    if len(pattern) > MAX_CHARS:
        raise BadPattern(f"longer than {MAX_CHARS:,} characters: split it into several")
    try:
        bare = Matcher(pattern)  # first by itself, so that no bracket of it can close ours
        matcher = Matcher(f"(?im:{pattern})")
    except re2.error as exc:
        raise _explained(exc, pattern) from None
    if bare.touches_nothing() or matcher.touches_nothing():
        raise BadPattern("matches where nothing stands, so it would match every text; let it ask for a character")
    if matcher.program > MAX_PROGRAM:
        raise BadPattern("too large once compiled: use smaller counts, or [a-z] where \\pL is not needed")
    return matcher


def literal(text: str) -> str:
    """A text as a pattern that matches just it."""
    return str(re2.escape(text))


def _again(data: bytes, first: int, after: int) -> int:
    """Where to look on behind a match: at its last character where that may also part it from the next."""
    last = data[after - 1 : after]
    return after - 1 if after - 1 > first and last.isascii() and not last.isalnum() else after


def _in_characters(data: bytes, places: Iterator[tuple[int, int]], chars: int) -> Iterator[tuple[int, int]]:
    """The same places, counted in characters; in one pass over the text."""
    if len(data) == chars:
        yield from places
        return
    at = passed = 0
    for first, after in places:
        if first < at:  # the last character of the place before was looked at twice
            at = passed = 0
        start = passed + len(data[at:first].decode())
        end = start + len(data[first:after].decode())
        at, passed = first, start
        yield start, end


_REASONS: Sequence[tuple[str, str]] = (
    (r"invalid perl operator: \(\?<?[=!]", "looking ahead or behind is not possible here: match the text around it"),
    (r"invalid escape sequence: \\[1-9]", "a reference back to a group is not possible here"),
    (r"invalid repetition size", "a count may be 1,000 at most, nested ones together"),
    (r"bad repetition operator|no argument for repetition", "nothing that could be repeated stands before it"),
    (r"missing \)|unexpected \)", "a bracket is not paired"),
    (r"missing \]", "a [ is not closed"),
    (r"invalid escape sequence", "no such escape; to mean the character itself, drop the backslash"),
    (r"invalid character class range", "no such range or class"),
    (r"pattern too large", "too large once compiled: use smaller counts"),
    (r"trailing \\", "a backslash at the end escapes nothing"),
    (r"invalid (?:named capture|perl operator)", "no such group; expected (?:…) or (?P<name>…)"),
)
"""RE2's own words -> what to do."""


def _explained(error: Exception, pattern: str) -> BadPattern:
    said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error.args[0])
    reason = next((told for sign, told in _REASONS if re.match(sign, said)), said.partition(":")[0])
    fragment = said.partition(": ")[2]
    at = pattern.find(fragment) if fragment else -1
    shown = f" ('{fragment}')" if fragment and len(fragment) <= _SHOWN_CHARS else ""
    return BadPattern(f"{reason}{shown}", at=at if at >= 0 else None)
