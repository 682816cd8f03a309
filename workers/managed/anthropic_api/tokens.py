"""The tokens of a call, as Anthropic counts them: what went into its cache or came from there, apart."""

from collections.abc import Mapping
from typing import Any

from tidegate.result import Usage
from workers.managed.usage import usage as counted

READ = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""All that was read."""


def usage(said: Any) -> Usage:
    """The tokens, or zeros where a server counts none: the price of such a run is then not known."""
    counts: Mapping[str, Any] = said if isinstance(said, dict) else {}
    read = [counts.get(name) or 0 for name in READ]
    if counts.get("input_tokens") is None or not all(isinstance(count, int) and count >= 0 for count in read):
        return Usage()
    details = counts.get("output_tokens_details")
    thought = details.get("thinking_tokens") if isinstance(details, dict) else None
    return counted(
        {
            "input_tokens": sum(read),
            "output_tokens": counts.get("output_tokens", 0),
            "input_tokens_details": {"cached_tokens": read[2]},
            "output_tokens_details": {"reasoning_tokens": thought},
        }
    )
