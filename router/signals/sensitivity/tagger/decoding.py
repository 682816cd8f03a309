"""Scores of tokens -> spans of the text: neighbours with the same label are one, if one of them is sure enough."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WEAK = 0.4
"""From this share of its label's threshold on a token belongs to the span of a surer neighbour."""


CURRENCIES = frozenset("$€£¥₹%")
"""Marks that belong to a span at its ends; quotes, commas and full stops do not."""


class Run(NamedTuple):
    """Tokens `first` to `last` are one span of a label."""

    label: str
    score: float
    first: int
    last: int


def runs(
    scores: NDArray[np.float32],
    pieces: Sequence[str],
    labels: Sequence[str],
    at_least: Mapping[str, float],
    alone: Mapping[str, float],
) -> Iterator[Run]:
    """Every span, label by label; `alone` is the threshold for one word. The first label means `nothing`."""
    for column, label in enumerate(labels[1:], start=1):
        threshold = at_least[label]
        column_scores = scores[:, column]
        if column_scores.max() < threshold:
            continue
        inside = column_scores >= WEAK * threshold
        edges = np.flatnonzero(np.diff(inside, prepend=False, append=False))
        for first, end in edges.reshape(-1, 2).tolist():
            words = [at for at in range(first, end) if any(map(str.isalnum, pieces[at]))]
            needed = threshold if len(words) > 1 else alone.get(label, threshold)
            if words and (probability := float(column_scores[words].max())) >= needed:
                amounts = [at for at in range(first, end) if not CURRENCIES.isdisjoint(pieces[at])]
                bounds = words + amounts
                yield Run(label, _score(probability, needed), min(bounds), max(bounds))


def _score(probability: float, threshold: float) -> float:
    """Half at the threshold of a label, one where it is certain: the same scale for all, for policies to compare."""
    return round(0.5 + 0.5 * (probability - threshold) / (1 - threshold), 4)
