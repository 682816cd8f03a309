"""The tokens of a call, as its answer counts them."""

from collections.abc import Mapping
from typing import Any

from tidegate.result import Usage

NAMES = (
    ("prompt_tokens", "completion_tokens"),
    ("input_tokens", "output_tokens"),
)
"""What servers call what was read and what was written: chat completions, and Responses."""


def usage(said: Any) -> Usage:
    """The tokens, or zeros where a server counts none: the price of such a run is then not known."""
    counts: Mapping[str, Any] = said if isinstance(said, dict) else {}
    for read_name, wrote_name in NAMES:
        read, wrote = _count(counts.get(read_name)), counts.get(wrote_name, 0)
        if read is not None and (written := _count(wrote)) is not None:
            return _usage(counts, read=read, written=written, names=(read_name, wrote_name))
    return Usage()


def _usage(counts: Mapping[str, Any], *, read: int, written: int, names: tuple[str, str]) -> Usage:
    cached, thought = (
        _within(counts.get(f"{name}_details"), field)
        for name, field in zip(names, ("cached_tokens", "reasoning_tokens"), strict=True)
    )
    # Some count what was thought in the total alone: it was written all the same, and is paid for.
    written = max(written, (_count(counts.get("total_tokens")) or 0) - read)
    return Usage(
        prompt_tokens=read,
        completion_tokens=written,
        cached_tokens=min(cached, read),
        reasoning_tokens=min(thought, written),
    )


def _within(details: Any, name: str) -> int:
    return _count(details.get(name) if isinstance(details, dict) else None) or 0


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS else None


MAX_TOKENS = 10**9
"""More than any model reads: what says more is no count, and would empty a budget."""
