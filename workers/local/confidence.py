"""How sure a model was of what it wrote, from its own logits before any sampler or grammar had a say."""

import math

from tidegate.result import Confidence
from workers.local.scores import Score


class Sureness:
    """Sums over the tokens of one answer."""

    def __init__(self) -> None:
        self._count = self._free = 0
        self._total = self._margins = self._lowest = 0.0

    def add(self, score: Score, *, forced: bool = False) -> None:
        """Take one chosen token."""
        self._count += 1
        self._free += not forced
        self._total += score.logprob
        self._lowest = min(self._lowest, score.logprob)
        self._margins += score.margin

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
