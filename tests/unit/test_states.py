"""The life of a job as a table: each move goes only where the table lets it, and ends are ends."""

from collections.abc import Mapping

import pytest

from tidegate.errors import Reason
from tidegate.ledger import states
from tidegate.ledger.states import ALLOWED, ENDS, OPEN, Move, State

MOVES: Mapping[str, Move] = {
    "place": states.place(lane="l", zone="inside", changes={}, nudge_s=1, note={}),
    "claim": states.claim(worker="w", lease_s=1),
    "renew": states.renew(fence=1, lease_s=1),
    "succeed": states.succeed(fence=1, changes={}, note={}),
    "answer": states.answer(fence=1, slot="s", nudge_s=1, changes={}, note={}),
    "approve": states.approve(rev=1, slot="s", note={}),
    "share": states.share(fence=1, changes={}, note={}),
    "wait": states.wait(fence=1, delay_s=1, tries=1, note={}),
    "hop": states.hop(fence=1, lane="l", zone="inside", nudge_s=1, note={}),
    "hand_back": states.hand_back(fence=1, changes={}, nudge_s=1),
    "lapse": states.hand_back(rev=1, changes={}, nudge_s=1),
    "release": states.release(rev=1, nudge_s=1),
    "nudge accepted": states.nudge(state=State.ACCEPTED, rev=1, nudges=1, nudge_s=1),
    "nudge placed": states.nudge(state=State.PLACED, rev=1, nudges=1, nudge_s=1),
    "keep batched": states.keep_batched(rev=1, look_in_s=1),
    "leave batch": states.leave_batch(rev=1, nudge_s=1),
    "die": states.die(reason=Reason.POISON, cause="c", sources=OPEN),
    "cancel": states.cancel(),
    "expire": states.expire(rev=1),
    "redrive": states.redrive(rev=1, redrives=1, deadline_in_s=1, by="op"),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES.keys())
def test_every_move_is_allowed_from_all_its_sources(move: Move) -> None:
    """A move has sources, and the table allows its target from each of them."""
    assert move.sources
    assert all(move.to in ALLOWED[source] for source in move.sources)


@pytest.mark.parametrize("source", State)
@pytest.mark.parametrize("to", State)
def test_a_move_that_the_table_forbids_cannot_be_made(source: State, to: State) -> None:
    """Whoever writes a new move cannot ask for a way that the table does not have."""
    if to in ALLOWED[source]:
        assert Move(name="m", to=to, sources=frozenset({source})).to is to
    else:
        with pytest.raises(ValueError, match=f"no way from {source} to {to}"):
            Move(name="m", to=to, sources=frozenset({source}))


def test_one_forbidden_source_is_enough() -> None:
    """Among several sources each must be allowed; and there must be one."""
    with pytest.raises(ValueError, match="no way from succeeded"):
        Move(name="m", to=State.PLACED, sources=frozenset({State.WAITING, State.SUCCEEDED}))
    with pytest.raises(ValueError, match="nowhere"):
        Move(name="m", to=State.PLACED, sources=frozenset())


def test_ends_have_no_way_out_but_a_redrive() -> None:
    """Of the four ends only `dead` can be left, to `accepted`, and only by the redrive's move."""
    assert {end: ALLOWED[end] for end in ENDS} == {
        State.SUCCEEDED: frozenset(),
        State.CANCELLED: frozenset(),
        State.EXPIRED: frozenset(),
        State.DEAD: frozenset({State.ACCEPTED}),
    }
    assert [name for name, move in MOVES.items() if move.sources & ENDS] == ["redrive"]


def test_every_state_is_open_or_an_end() -> None:
    """The table knows every state, and from every open one each end but success can be reached at once."""
    assert set(ALLOWED) == set(State) == OPEN | ENDS
    assert {state for state in State if state.ended} == ENDS
    assert all(ALLOWED[state] >= ENDS - {State.SUCCEEDED} for state in OPEN)


def test_success_comes_from_a_run_a_batch_or_an_answer() -> None:
    """Of a run, a line of a batch, another job's run under a fence; or of the router's look at what came back."""
    ways = [source for source in State if State.SUCCEEDED in ALLOWED[source]]
    assert ways == [State.ACCEPTED, State.RUNNING, State.WAITING, State.BATCHED]
    assert [name for name, move in MOVES.items() if move.to is State.SUCCEEDED] == ["succeed", "approve", "share"]
    assert (MOVES["succeed"].sources, MOVES["share"].sources) == ({State.RUNNING, State.BATCHED}, {State.WAITING})


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES.keys())
def test_open_jobs_are_looked_at_again(move: Move) -> None:
    """Every move to an open state says when to look again: no job can be forgotten; at an end nobody looks."""
    assert (move.look_in_s is None) == move.to.ended


@pytest.mark.parametrize("name", ["renew", "succeed", "share", "answer", "wait", "hop", "hand_back"])
def test_a_run_s_moves_need_its_fence(name: str) -> None:
    """What a run asks for is asked under its token; only a claim hands one out."""
    assert MOVES[name].fence == 1
    assert [name for name, move in MOVES.items() if move.take_fence] == ["claim"]


@pytest.mark.parametrize("name", ["lapse", "release", "approve", "nudge accepted", "nudge placed", "expire", "redrive"])
def test_a_look_s_moves_need_its_revision(name: str) -> None:
    """What was decided on a look holds only for the revision that was looked at."""
    assert MOVES[name].rev == 1
