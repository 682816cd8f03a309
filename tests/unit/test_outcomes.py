"""Outcomes: a failed run's verdict as a move and a wake-up; without a store, the moves are only noted."""

from typing import Any

import pytest
from doubles import SECRET, RecordingDoorbell, decision, lane, record

from tidegate.errors import (
    BadRequest,
    Conflict,
    ContextOverflow,
    EngineCrashed,
    NetworkFailed,
    RateLimited,
    Reason,
)
from tidegate.lane import Retry, Zone
from tidegate.ledger.states import Move, State
from tidegate.ledger.store import Applied, Ledger
from workers.outcomes import Failure, Outcomes

NOW = 1000.0
RETRY = Retry(attempts=3, base_s=8.0, cap_s=8.0)
LOCAL, API = lane("local", retry=RETRY), lane("api", zone=Zone.OUTSIDE, retry=RETRY)


class NotingLedger(Ledger):
    """Notes each move; refuses where the test says that somebody else was first."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.moves: list[Move] = []
        self.refuses = refuses

    def apply(self, job_id: str, move: Move) -> Applied:
        """Note the move."""
        if self.refuses:
            raise Conflict(f"{move.name} refused: {job_id}")
        self.moves.append(move)
        return Applied(rev=1, fence=1, at=NOW, ring=True)

    def now(self) -> float:
        """A clock that stands."""
        return NOW


def followed(error: Exception, *, bell: RecordingDoorbell | None = None, **changes: Any) -> Move:
    """The move that follows a failure on the first of two lanes."""
    ledger = NotingLedger()
    outcomes = Outcomes(ledger, bell or RecordingDoorbell(), nudge_s=10.0)
    outcomes.follow(failure(error, **changes))
    assert len(ledger.moves) == 1
    return ledger.moves[0]


def test_a_dead_engine_is_counted_on_the_record() -> None:
    """Together with the deaths of workers; other failures leave the count as it is."""
    assert followed(EngineCrashed("died")).changes["crashes"] == "1"
    assert followed(NetworkFailed("away"), crashes=1).changes["crashes"] == "1"
    assert followed(EngineCrashed("died"), crashes=1, blamed=1).to is not State.WAITING
    beside_others = followed(EngineCrashed("died"), crashes=2)
    assert (beside_others.to, beside_others.changes["blamed"]) == (State.WAITING, "1")


def failure(error: Exception, **changes: Any) -> Failure:
    """A failed run under fence 3."""
    decided = decision("local", "api", "large", cleared=("api",)).to_json()
    found = record(**{"state": State.RUNNING, "decision": decided, "priority": 4, "deadline_at": NOW + 60, **changes})
    return Failure(record=found, lane=LOCAL if found.lane == "local" else API, fence=3, error=error)


def test_a_retry_waits_in_the_ledger() -> None:
    """A passing failure makes a waiting job with its tries counted and a delay within the lane's bounds."""
    bell = RecordingDoorbell()
    move = followed(NetworkFailed("broke"), bell=bell, tries=1)
    assert (move.to, move.fence, move.changes["tries"]) == (State.WAITING, 3, "2")
    assert move.look_in_s is not None
    assert 0 <= move.look_in_s <= 8.0
    assert move.note["error"] == "NetworkFailed"
    assert bell.rings == []


def test_retries_do_not_come_back_together() -> None:
    """The delays of many jobs that fail at once are spread over the whole of the backoff."""
    delays = [followed(EngineCrashed("died")).look_in_s or 0.0 for _ in range(200)]
    assert min(delays) < 2.0
    assert max(delays) > 6.0


def test_a_provider_s_wish_is_the_least_delay() -> None:
    """Where the provider says when to come back, nobody comes earlier."""
    assert (followed(RateLimited(retry_after_s=5.0)).look_in_s or 0) >= 5.0


@pytest.mark.parametrize(
    ("present", "following", "zone"), [("local", "api", Zone.OUTSIDE), ("api", "large", Zone.INSIDE)]
)
def test_the_next_lane_is_rung(present: str, following: str, zone: Zone) -> None:
    """A lane's trouble moves the job on to the next allowed lane, in that lane's zone, and wakes its worker."""
    bell = RecordingDoorbell()
    move = followed(ContextOverflow("too long"), bell=bell, lane=present)
    assert (move.to, move.changes["lane"], move.changes["zone"]) == (State.PLACED, following, zone.value)
    assert move.changes["tries"] == "0"
    assert (bell.rings, bell.priorities) == ([(following, "a" * 32)], [4])
    assert (move.note["lane"], move.note["to"]) == (present, following)


def test_a_lane_that_the_decision_does_not_name_has_no_next() -> None:
    """A job on a lane that no decision allows (or whose decision is gone) goes nowhere else."""
    for decided in (decision("other", "large").to_json(), None):
        move = followed(ContextOverflow("too long"), decision=decided)
        assert (move.to, move.changes["reason"]) == (State.DEAD, Reason.CONTEXT_OVERFLOW.value)


def test_a_dead_letter_says_why() -> None:
    """Reason, error's class, lane and our own message are the cause."""
    move = followed(BadRequest("the provider answered 400"))
    assert (move.to, move.fence) == (State.DEAD, 3)
    assert move.changes["reason"] == Reason.PROVIDER_4XX.value
    assert move.changes["cause"] == "BadRequest on local: the provider answered 400"


@pytest.mark.parametrize("tries", [0, 2])
def test_a_foreign_message_is_not_repeated(tries: int) -> None:
    """Somebody else's exception may quote the text: only its class goes on record, as a retry and as an end."""
    move = followed(ValueError(SECRET), tries=tries, decision=decision("local").to_json())
    assert move.to is (State.DEAD if tries else State.WAITING)
    assert "Quillfeather" not in repr(move)
    assert "ValueError" in repr(move.note)


def test_a_hand_back_wakes_the_same_lane() -> None:
    """A process that has to go gives the job back to its lane, under its fence."""
    ledger, bell = NotingLedger(), RecordingDoorbell()
    Outcomes(ledger, bell, nudge_s=10.0).hand_back(record(state=State.RUNNING), fence=3)
    assert (ledger.moves[0].to, ledger.moves[0].fence, ledger.moves[0].name) == (State.PLACED, 3, "handed_back")
    assert bell.rings == [("local", "a" * 32)]


def test_a_broker_that_is_away_does_not_undo_the_move() -> None:
    """The move stands; the janitor rings later."""
    assert followed(ContextOverflow("too long"), bell=RecordingDoorbell(broken=True)).to is State.PLACED


def test_a_refused_move_rings_nobody() -> None:
    """A run that lost its lease is told so, and wakes no worker."""
    bell = RecordingDoorbell()
    with pytest.raises(Conflict):
        Outcomes(NotingLedger(refuses=True), bell, nudge_s=10.0).follow(failure(ContextOverflow("too long")))
    assert bell.rings == []
