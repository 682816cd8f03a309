"""How the letters of a line are used: where all are small, a small letter says nothing against a name.

Computed over all lines at once; the same in training and at work.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MODES = 4
"""0 mixed, 1 all small, 2 all capitals, 3 every word begins with a capital."""

# What a token adds to its line, packed: small words, words in capitals, capitalised words, one after the other.
SMALL, CAPITALS, TITLE = 1, 1 << 20, 1 << 40
BREAK = -1
"""Stands in the tokens' row for a line break."""

_FIELD = (1 << 20) - 1
_TITLE_WORDS = 3


def modes(cases: NDArray[np.int64]) -> NDArray[Any]:
    """The mode of each token's line, from each token's case (SMALL, CAPITALS, TITLE, 0 or BREAK)."""
    if not len(cases):
        return np.zeros(0, dtype=np.int64)
    breaks = cases == BREAK
    line_of = np.cumsum(breaks)
    starts = np.flatnonzero(np.diff(line_of, prepend=-1))
    sums = np.add.reduceat(np.where(breaks, 0, cases), starts)
    small, capitals, title = sums & _FIELD, (sums >> 20) & _FIELD, sums >> 40
    mode = np.zeros(len(sums), dtype=np.int64)
    mode[(small > 0) & (capitals + title == 0)] = 1
    mode[(capitals > 1) & (small + title == 0)] = 2
    mode[(title >= _TITLE_WORDS) & (small == 0)] = 3
    return np.repeat(mode, np.diff(np.append(starts, len(cases))))


def case(token: str) -> int:
    """What a token adds to its line. One letter alone decides nothing."""
    bare = token.strip(" ")
    if "\n" in token:
        return BREAK
    if not bare[:1].isalpha():
        return 0
    if bare.islower():
        return SMALL
    if len(bare) == 1:
        return 0
    return CAPITALS if bare.isupper() else TITLE if bare[0].isupper() else SMALL
