"""Beginnings that jobs share are lent, within one tenant, and change no answer."""

from typing import Any

from counting_model import Counting, ended, expected, prepared
from hypothesis import given
from hypothesis import strategies as st

from workers.local.batcher import Batcher
from workers.local.native import NO_ROOM
from workers.local.protocol import Done

PREFIXES = st.sampled_from([[1] * 40, [1] * 20 + [2] * 20, [3] * 33])


def lent(tenants: str, *, guarded: bool = False) -> int:
    """How many tokens were lent among jobs with the same beginning, one after the other."""
    native = Counting(cells=300)
    batcher = Batcher(native, slots=1, cells=300, chunk=8, prefixes=2)
    for number, tenant in enumerate(tenants):
        batcher.add(prepared(native, number, [1] * 40 + [number], 2, tenant=tenant, guarded=guarded))
        list(ended(batcher))
    return native.shared


@given(
    jobs=st.lists(
        st.tuples(PREFIXES, st.lists(st.integers(1, 9), max_size=20), st.sampled_from("ab"), st.booleans()), max_size=12
    ),
    prefixes=st.integers(0, 3),
)
def test_what_is_lent_changes_no_answer(jobs: list[tuple[list[int], list[int], str, bool]], prefixes: int) -> None:
    """Shared beginnings save work and change nothing; with nobody left, nothing of them is left."""
    native = Counting(cells=300)
    batcher = Batcher(native, slots=3, cells=300, chunk=8, prefixes=prefixes)
    answers: list[Any] = []
    for number, (start, rest, tenant, guarded) in enumerate(jobs):
        batcher.add(prepared(native, number, start + rest, 4, tenant=tenant, guarded=guarded))
        answers += batcher.step()
    answers += ended(batcher)
    texts = {answer.id: answer.text for answer in answers if isinstance(answer, Done)}
    assert texts == {number: expected(start + rest, 4) for number, (start, rest, *_) in enumerate(jobs)}
    batcher.rest()
    assert not any(native.memory.values()) or not any(guarded for *_, guarded in jobs)


def test_a_beginning_is_lent_from_the_third_job_on_and_within_one_tenant() -> None:
    """The second shows that it is shared, the third begins with it; another tenant's never does."""
    assert lent("aa") == 32  # kept, not yet lent
    assert lent("aaa") == 64
    assert lent("aab") == 32
    assert lent("abab") == 64


def test_nothing_of_a_guarded_job_is_kept() -> None:
    """However often it comes."""
    assert lent("aaaa", guarded=True) == 0


def test_room_that_was_lent_is_taken_back_before_anybody_fails() -> None:
    """What is kept for later gives way to those who run."""
    native = Counting(cells=300)
    batcher = Batcher(native, slots=1, cells=300, chunk=8, prefixes=1)
    for number in range(2):
        batcher.add(prepared(native, number, [1] * 40, 2, guarded=False))
        list(ended(batcher))
    assert any(native.memory.values())
    native.codes = [NO_ROOM]
    batcher.add(prepared(native, 2, [7] * 40, 2))
    (answer,) = ended(batcher)
    assert isinstance(answer, Done)
    assert not any(native.memory.values())
