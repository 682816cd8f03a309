"""All rows of a step at once: the same numbers as one row by itself, and the arrays that llama.cpp reads."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.local import scores
from workers.local.scores import Scores
from workers.local.stepbatch import Fed, StepBatch

ROWS = st.integers(2, 12).flatmap(
    lambda width: st.lists(
        st.lists(st.floats(-30, 30, width=32), min_size=width, max_size=width), min_size=1, max_size=9
    )
)


@given(rows=ROWS, at_once=st.integers(1, 40), token=st.integers(0, 11))
def test_a_row_scores_as_if_it_were_alone(rows: list[list[float]], at_once: int, token: int) -> None:
    """However many rows there are and are gone over together; and the logits are as they were."""
    logits: NDArray[np.float32] = np.array(rows, np.float32)
    token %= logits.shape[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "MOST_AT_ONCE", at_once)
        found = Scores(logits, range(10, 10 + len(rows)))
        told = [found.score(10 + index, token) for index in range(len(rows))]
    for index, row in enumerate(rows):
        total = math.log(sum(math.exp(logit) for logit in row))
        others = max(logit for place, logit in enumerate(row) if place != token)
        assert told[index].logprob == pytest.approx(min(0.0, row[token] - total), abs=1e-4)
        assert told[index].margin == pytest.approx(row[token] - others, abs=1e-4)
        assert found.best(10 + index) == row.index(max(row))
    assert logits.tolist() == rows


def test_the_arrays_hold_the_step() -> None:
    """Tokens, places and sequences in order, logits for the last of who wants them; nothing of an earlier step."""
    batch = StepBatch(8)
    assert batch.fill([Fed(3, 0, [1, 2, 3], wanted=True), Fed(1, 7, [9], wanted=True)]) == [2, 3]
    assert batch.fill([Fed(2, 5, [4, 6], wanted=False), Fed(0, 2, [8], wanted=True)]) == [2]
    native = batch.native
    size = native.n_tokens
    assert native.token[:size] == [4, 6, 8]
    assert native.pos[:size] == [5, 6, 2]
    assert [native.seq_id[index][0] for index in range(size)] == [2, 2, 0]
    assert [native.n_seq_id[index] for index in range(size)] == [1, 1, 1]
    assert list(native.logits[:size]) == [0, 0, 1]
