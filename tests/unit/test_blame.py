"""Who is blamed when a process dies: as a pure function, whatever else is on record."""

import pytest
from doubles import record
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import Reason
from tidegate.ledger.states import Move, State
from workers import blame


def lapsed(
    *, crashes: int, blamed: int = 0, alone: bool = False, max_crashes: int = 2, random_unit: float = 1.0
) -> Move:
    """What follows one more death, for a job with these."""
    found = record(state=State.RUNNING, rev=7, crashes=crashes, blamed=blamed)
    return blame.lapsed(found, alone=alone, max_crashes=max_crashes, nudge_s=10.0, random_unit=random_unit)


@pytest.mark.parametrize(
    ("crashes", "blamed", "alone", "dies"),
    [
        (0, 0, True, False),
        (1, 1, True, True),
        (1, 0, True, False),
        (2, 1, False, False),
        (3, 0, False, False),
        (4, 0, False, True),
        (9, 0, False, True),
    ],
)
def test_two_deaths_alone_or_five_at_all_are_poison(crashes: int, blamed: int, *, alone: bool, dies: bool) -> None:
    """A death in company counts, and condemns nobody before the fifth."""
    move = lapsed(crashes=crashes, blamed=blamed, alone=alone)
    assert (move.to is State.DEAD) == dies
    assert (move.changes["crashes"], move.changes["blamed"]) == (str(crashes + 1), str(blamed + alone))
    if dies:
        assert move.changes["reason"] == Reason.POISON.value
        assert str(crashes + 1) in move.changes["cause"]


def test_pauses_grow_from_the_second_death_on() -> None:
    """The first one is tried again at once; then later each time, and never later than the bound."""
    moves = [lapsed(crashes=crashes, max_crashes=100) for crashes in range(8)]
    assert (moves[0].to, moves[0].look_in_s) == (State.PLACED, 10.0)
    assert [move.look_in_s for move in moves[1:]] == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0]
    assert {move.to for move in moves[1:]} == {State.WAITING}
    assert lapsed(crashes=1, random_unit=0.0).look_in_s == 2.5


@given(
    deaths=st.lists(st.booleans(), min_size=10, max_size=10),
    max_crashes=st.integers(1, 6),
    random_unit=st.floats(0, 1, exclude_max=True),
)
def test_no_job_dies_with_more_than_the_bound(deaths: list[bool], max_crashes: int, random_unit: float) -> None:
    """Whoever was beside it: it ends at last, by its deaths alone as before, and each try comes within the bound."""
    crashes = blamed = 0
    for alone in deaths:
        move = lapsed(crashes=crashes, blamed=blamed, alone=alone, max_crashes=max_crashes, random_unit=random_unit)
        crashes, blamed = crashes + 1, blamed + alone
        if move.to is State.DEAD:
            assert blamed == max_crashes or crashes == blame.most(max_crashes)
            return
        assert move.look_in_s is not None
        assert move.look_in_s <= blame.MOST_PAUSE_S
    raise AssertionError("it was never condemned")
