"""How sure a model was, in numbers that can be checked by hand."""

import math

import numpy as np
import pytest

from workers.local.confidence import Sureness
from workers.local.scores import Score, Scores


def logits(*chances: float) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """What a model says whose tokens have these probabilities; any constant may be added to it."""
    return np.log(np.array(chances, dtype=np.float32)) + 3


def score(row: "np.ndarray[tuple[int], np.dtype[np.float32]]", token: int) -> Score:
    """Of a token, where the step had this one row."""
    return Scores(row[np.newaxis], (5,)).score(5, token)


def test_the_numbers_are_those_of_the_chosen_tokens() -> None:
    """Mean and least of the log-probabilities, mean margin to the best other, share of free choices."""
    sureness = Sureness()
    sureness.add(score(logits(0.5, 0.25, 0.25), 0))
    sureness.add(score(logits(0.1, 0.8, 0.1), 2), forced=True)
    found = sureness.confidence
    assert found is not None
    assert found.mean_logprob == pytest.approx((math.log(0.5) + math.log(0.1)) / 2, abs=1e-5)
    assert found.lowest_logprob == pytest.approx(math.log(0.1), abs=1e-5)
    assert found.mean_margin == pytest.approx((math.log(2) + math.log(1 / 8)) / 2, abs=1e-5)
    assert found.free_share == 0.5


def test_nothing_written_says_nothing() -> None:
    """And neither do numbers that are none."""
    assert Sureness().confidence is None
    broken = Sureness()
    broken.add(score(np.full(3, math.nan, np.float32), 1))
    assert broken.confidence is None
