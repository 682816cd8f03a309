"""Windows: the parts of a text around the places where one cheap pass saw anything at all."""

from collections.abc import Iterator
from typing import Any

BEFORE_CHARS, AFTER_CHARS = 80, 200
"""Around what these find: more than a word, the gap and the longest number need, so that nothing is cut."""

MAX_WINDOW_CHARS = 4000
"""Windows that overlap are read as one, up to here; then the next begins inside the last."""


def windows(anything: Any, text: str) -> Iterator[tuple[int, int]]:
    """The parts, in order; those that touch are one. `anything` is a compiled pattern of RE2."""
    start, end = 0, -1
    for match in anything.finditer(text):
        first, last = max(0, match.start() - BEFORE_CHARS), min(len(text), match.end() + AFTER_CHARS)
        if first > end or last - start > MAX_WINDOW_CHARS:
            if end >= 0:
                yield start, end
            start = first
        end = last
    if end >= 0:
        yield start, end
