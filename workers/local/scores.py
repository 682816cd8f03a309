"""What the logits of a step say of every row at once: the likeliest token, and how likely any token is.

A pass over the vocabulary for each token by itself costs a small model more than its own step does; over all rows
together numpy's overhead is paid once, and only for what is asked.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_AT_ONCE = 1 << 19
"""Logits that are gone over together: 2 MB, which stay in a CPU's cache from one pass to the next."""


class Score(NamedTuple):
    """A token by the model's own numbers, before sampling and grammar."""

    logprob: float
    margin: float
    """Between its logit and the best of the others."""


class Scores:
    """The logits of one step, a row for each token that was to be chosen; they are the next step's afterwards."""

    def __init__(self, logits: NDArray[np.float32], rows: Sequence[int]) -> None:
        self._logits = logits
        self._at = {row: index for index, row in enumerate(rows)}

    def logits(self, row: int) -> NDArray[np.float32]:
        """Of one row of the step."""
        found: NDArray[np.float32] = self._logits[self._at[row]]
        return found

    def best(self, row: int) -> int:
        """The likeliest token; the first of equals."""
        return self._best[self._at[row]]

    def score(self, row: int, token: int) -> Score:
        """How likely a token was."""
        index = self._at[row]
        peak, second, total = self._spread[index]
        best = token == self._best[index]
        logit = peak if best else float(self._logits[index, token])
        return Score(logprob=min(0.0, logit - total), margin=logit - (second if best else peak))

    @cached_property
    def _best(self) -> list[int]:
        found: list[int] = self._logits.argmax(axis=1).tolist()
        return found

    @cached_property
    def _spread(self) -> list[tuple[float, float, float]]:
        """Of each row the best logit, the second best and the logarithm of the sum of all."""
        each = max(1, MOST_AT_ONCE // self._logits.shape[1])
        return [
            found
            for start in range(0, len(self._logits), each)
            for found in _spread(self._logits[start : start + each], self._best[start : start + each])
        ]


def _spread(logits: NDArray[np.float32], best: Sequence[int]) -> list[tuple[float, float, float]]:
    if len(best) == 1:
        return [_spread_of_one(logits[0], best[0])]
    here = np.arange(len(logits)), best
    peaks = logits[here]
    shares = logits - peaks[:, np.newaxis]
    np.exp(shares, out=shares)
    totals = peaks + np.log(shares.sum(axis=1))
    logits[here] = -np.inf  # for a moment: a copy without the best would be a pass more
    seconds = logits.max(axis=1)
    logits[here] = peaks
    return list(zip(peaks.tolist(), seconds.tolist(), totals.tolist(), strict=True))


def _spread_of_one(logits: NDArray[np.float32], best: int) -> tuple[float, float, float]:
    """The same for a row alone, without what finding each row's own best costs."""
    peak = logits[best]
    shares = logits - peak
    np.exp(shares, out=shares)
    total = float(peak) + math.log(shares.sum())
    logits[best] = -np.inf
    second = float(logits.max())
    logits[best] = peak
    return float(peak), second, total
