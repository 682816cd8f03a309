"""The janitor's verdict as a pure function: what is done with a job whose time has come."""

from typing import Any

import pytest
from doubles import record
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import Reason
from tidegate.ledger.states import ENDS, OPEN, Move, State
from workers.janitor import verdict

NOW = 1500.0


def judged(*, nudge_s: float = 10.0, alone: bool = False, **changes: Any) -> Move | None:
    """The verdict on a job that is due, but for the changes."""
    found = record(**{"look_at": NOW - 1, "deadline_at": NOW + 100, "rev": 7, **changes})
    return verdict(found, now=NOW, nudge_s=nudge_s, max_crashes=2, alone=alone)


@pytest.mark.parametrize(
    ("state", "name", "to"),
    [
        (State.ACCEPTED, "nudged", State.ACCEPTED),
        (State.PLACED, "nudged", State.PLACED),
        (State.WAITING, "retry_due", State.PLACED),
        (State.RUNNING, "lease_lapsed", State.PLACED),
    ],
)
def test_each_open_state_has_its_move(state: State, name: str, to: State) -> None:
    """A lost wake-up is sent again, a retry starts, a silent run's job goes back to its lane."""
    move = judged(state=state)
    assert move is not None
    assert (move.name, move.to, move.rev, move.sources) == (name, to, 7, frozenset({state}))


@pytest.mark.parametrize("state", sorted(ENDS))
def test_an_end_is_left_alone(state: State) -> None:
    """A job that ended between the agenda and the look is not touched, even past its deadline."""
    assert judged(state=state, look_at=None, deadline_at=NOW - 1) is None


@pytest.mark.parametrize("state", sorted(OPEN))
def test_what_is_not_due_is_left_alone(state: State) -> None:
    """A job whose time was moved since the agenda was read is not touched."""
    assert judged(state=state, look_at=NOW + 0.001) is None


@pytest.mark.parametrize("state", sorted(OPEN))
@pytest.mark.parametrize("late_s", [0.0, 1.0])
def test_a_deadline_that_passed_ends_the_job(state: State, late_s: float) -> None:
    """At its deadline an open job expires, whatever it is doing, with the reason on record."""
    move = judged(state=state, deadline_at=NOW - late_s, look_at=NOW - late_s)
    assert move is not None
    assert (move.to, move.rev, move.changes["reason"]) == (State.EXPIRED, 7, Reason.EXPIRED.value)


@pytest.mark.parametrize(("alone", "to"), [(True, State.DEAD), (False, State.WAITING)])
def test_a_job_that_was_alone_when_its_worker_died_is_blamed(to: State, *, alone: bool) -> None:
    """The second time ends it; who had company is tried again, later. More of it: test_blame.py."""
    move = judged(state=State.RUNNING, crashes=1, blamed=1, alone=alone)
    assert move is not None
    assert move.to is to


def test_nudges_come_ever_more_seldom() -> None:
    """Each look at a job that still waits in line is eight times later than the last one, up to an hour."""
    waits = []
    for nudges in range(12):
        move = judged(state=State.PLACED, nudges=nudges, nudge_s=10.0)
        assert move is not None
        assert move.changes["nudges"] == str(nudges + 1)
        waits.append(move.look_in_s)
    assert waits[:4] == [80.0, 640.0, 3600.0, 3600.0]
    assert set(waits[4:]) == {3600.0}


@given(
    state=st.sampled_from(State),
    look_at=st.none() | st.floats(0, 3000),
    deadline_at=st.floats(0, 3000),
    crashes=st.integers(0, 10),
    nudges=st.integers(0, 10_000),
)
def test_any_verdict_is_on_the_revision_looked_at(
    state: State, look_at: float | None, deadline_at: float, crashes: int, nudges: int
) -> None:
    """Whatever the record says: an end or what is not due gets no move, anything else one on just this revision."""
    move = judged(state=state, look_at=look_at, deadline_at=deadline_at, crashes=crashes, nudges=nudges)
    if state.ended or (look_at or 0.0) > NOW:
        assert move is None
    else:
        assert move is not None
        assert (move.rev, move.sources >= {state}) == (7, True)
        assert (move.to is State.EXPIRED) == (deadline_at <= NOW)
