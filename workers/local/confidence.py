"""How sure a model was of what it wrote, from its own logits before any sampler or grammar had a say."""

import math

import numpy as np
from numpy.typing import NDArray

from tidegate.result import Confidence


class Sureness:
    """Sums over the tokens of one answer."""

    def __init__(self) -> None:
        self._count = self._free = 0
        self._total = self._margins = self._lowest = 0.0

    def add(self, logits: NDArray[np.float32], token: int, *, forced: bool = False) -> float:
        """Take one chosen token with the logits of all; its log-probability."""
        chosen = float(logits[token])
        logprob = min(0.0, chosen - _log_sum_exp(logits))
        self._count += 1
        self._free += not forced
        self._total += logprob
        self._lowest = min(self._lowest, logprob)
        self._margins += chosen - _best_other(logits, token)
        return logprob

    @property
    def confidence(self) -> Confidence | None:
        """None where nothing was written, and where the model's numbers are none."""
        if not self._count or not math.isfinite(self._total + self._margins):
            return None
        return Confidence(
            mean_logprob=self._total / self._count,
            lowest_logprob=self._lowest,
            mean_margin=self._margins / self._count,
            free_share=self._free / self._count,
        )


def _log_sum_exp(logits: NDArray[np.float32]) -> float:
    peak = float(logits.max())
    return peak + math.log(float(np.exp(logits - peak).sum()))


def _best_other(logits: NDArray[np.float32], token: int) -> float:
    """The best of the others, in two passes without a copy."""
    left = float(logits[:token].max()) if token > 0 else -math.inf
    right = float(logits[token + 1 :].max()) if token + 1 < len(logits) else -math.inf
    return max(left, right)
