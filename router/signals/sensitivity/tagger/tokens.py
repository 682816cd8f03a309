"""Tokens: the pieces of a text that the tagger judges one by one. No meaning here, only where a piece begins and ends.

They cover the text without a gap, so positions are sums of lengths and nobody has to carry them along.
"""

import re
from collections.abc import Sequence
from itertools import accumulate

_TOKENS = re.compile(
    " ?(?:"
    r"[^\W\d_]+(?:['\u2019](?![sS]\b)[^\W\d_]+)*"  # a word; `O'Neill` and `don't` are one
    r"|['\u2019][sS]\b"  # as in `Anna's`
    r"|\d+|_+"
    r"|[^\w\s]+"  # marks, as many as stand together: `."`, `},`
    r")"
    r"|\n\s*|\s+"
)
"""A token takes the one blank before it along: `John.Smith` is another thing than `John. Smith`."""


def tokens(text: str) -> list[str]:
    """The tokens in order. Joined they are the text."""
    return _TOKENS.findall(text)


def starts(pieces: Sequence[str]) -> list[int]:
    """Where each token begins in the text."""
    return [0, *accumulate(map(len, pieces))][: len(pieces)]
