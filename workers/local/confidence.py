"""How sure a model was of what it wrote: log-probabilities of the tokens that it chose."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sureness:
    """What a result says of it. Natural logarithms; a margin is between the chosen and the next best token."""

    mean_logprob: float
    least_logprob: float
    mean_margin: float
    free_share: float
    """Share of tokens at which more than one could be chosen: in a JSON answer a grammar forces many."""


class Confidence:
    """Sums over the tokens of one answer."""

    def __init__(self) -> None:
        self._count = self._free = 0
        self._total = self._margins = 0.0
        self._least = 0.0

    def add(self, logits: NDArray[np.float32], token: int, *, forced: bool = False) -> float:
        """Take one chosen token with the model's own logits, before any sampler; its log-probability."""
        top = float(logits[token])
        logprob = top - _log_sum_exp(logits)
        self._count += 1
        self._free += not forced
        self._total += logprob
        self._least = min(self._least, logprob)
        self._margins += top - _best_other(logits, token)
        return logprob

    @property
    def sureness(self) -> Sureness | None:
        """None where nothing was written."""
        if not self._count:
            return None
        return Sureness(
            mean_logprob=self._total / self._count,
            least_logprob=self._least,
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
