"""The JSON in an answer that has more around it: a fence, an introduction. Only where there is exactly one. Pure."""

import json
import re
from collections.abc import Iterator

MAX_CHARS = 200_000
"""A longer answer is taken as it is: what stands around JSON of that size is no slip."""

MAX_TRIES = 32
"""Places where JSON may begin and does not."""

_FENCE = re.compile(r"```[A-Za-z0-9_+-]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```", re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder()


def unwrapped(text: str) -> str | None:
    """The one object or array in a text that is not JSON itself; None where there is none, or more than one."""
    if len(text) > MAX_CHARS:
        return None
    fenced = _FENCE.findall(text)
    if len(fenced) == 1 and _is_json(fenced[0]):
        return str(fenced[0]).strip()
    found = list(_values(text))
    return found[0] if len(found) == 1 else None


def _values(text: str) -> Iterator[str]:
    """Every object and array that stands in a text, those within another one left out."""
    at, tries = 0, 0
    while (match := _OPENING.search(text, at)) is not None:
        try:
            _, end = _DECODER.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            at, tries = match.end(), tries + 1
            if tries == MAX_TRIES:
                yield from ("", "")  # nobody knows what comes
                return
        else:
            yield text[match.start() : end]
            at = end


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False
