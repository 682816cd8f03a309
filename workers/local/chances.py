"""Each token's log-probability, where a job asks for them: by the model's own numbers, before sampling and grammar."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.result import OtherToken, TokenLogprob

LEAST = -9999.0
"""Stands for a probability of nothing: JSON knows no infinity, and OpenAI writes the same."""


class Chances:
    """The tokens of one answer with their numbers. `spell` says what a token consists of."""

    def __init__(self, *, top: int, spell: Callable[[int], bytes]) -> None:
        self._top = top
        self._spell = spell
        self._told: list[TokenLogprob] = []
        self._sizes: list[int] = []

    def add(self, logits: NDArray[np.float32], token: int, logprob: float) -> None:
        """Take one chosen token with the logits of all and its own log-probability."""
        total = float(logits[token]) - logprob
        others = [self._described(other, float(logits[other]) - total) for other in _likeliest(logits, self._top)]
        chosen = self._described(token, logprob)
        self._told.append(TokenLogprob.of({**chosen, "top_logprobs": tuple(map(OtherToken.of, others))}))
        self._sizes.append(len(self._spell(token)))

    def told(self, *, tokens: int, within_bytes: int | None) -> tuple[TokenLogprob, ...]:
        """Those of the answer's first tokens; where a stop string cut it, of those that begin before the cut."""
        kept, at = 0, 0
        for size in self._sizes[:tokens]:
            if within_bytes is not None and at >= within_bytes:
                break
            kept, at = kept + 1, at + size
        return tuple(self._told[:kept])

    def _described(self, token: int, logprob: float) -> dict[str, Any]:
        spelt = self._spell(token)
        text = spelt.decode("utf-8", "replace")
        number = max(LEAST, min(0.0, logprob)) if np.isfinite(logprob) else LEAST
        return {"token": text, "logprob": number, "bytes": tuple(spelt) if "\ufffd" in text else None}


def _likeliest(logits: NDArray[np.float32], count: int) -> Sequence[int]:
    """The numbers of the likeliest tokens, in order."""
    count = min(count, len(logits))
    if count == 0:
        return ()
    found = np.argpartition(logits, len(logits) - count)[-count:]
    return [int(token) for token in found[np.argsort(logits[found])[::-1]]]
