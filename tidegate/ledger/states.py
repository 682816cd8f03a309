"""The life of a job as values: which states there are, which may follow which, and each move one can ask for.

Pure: no clock, no store. A `Move` says what should change and on what condition; the store applies it atomically or
refuses it. Times in a move are relative: the store's own clock, not the caller's, makes them absolute.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.errors import Reason
from tidegate.ledger.permits import Settled


class State(StrEnum):
    """Where a job is. Exactly one of the last four is its end."""

    ACCEPTED = "accepted"
    PLACED = "placed"
    RUNNING = "running"
    WAITING = "waiting"
    BATCHED = "batched"
    """Set aside for a provider's batch, or in one: see `batches`."""
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """Whether this is an end."""
        return self in ENDS


ENDS = frozenset({State.SUCCEEDED, State.DEAD, State.CANCELLED, State.EXPIRED})
OPEN = frozenset(State) - ENDS

ALLOWED: Mapping[State, frozenset[State]] = {
    # To its end only with an answer that came back to the router: transition.lua sees to it.
    State.ACCEPTED: frozenset({State.ACCEPTED, State.PLACED}) | ENDS,
    State.PLACED: OPEN - {State.ACCEPTED} | ENDS - {State.SUCCEEDED},  # it may wait for another's run
    State.RUNNING: OPEN - {State.BATCHED} | ENDS,
    State.BATCHED: OPEN - {State.RUNNING} | ENDS,
    State.WAITING: frozenset({State.PLACED, State.SUCCEEDED, State.DEAD, State.CANCELLED, State.EXPIRED}),
    State.DEAD: frozenset({State.ACCEPTED}),  # a redrive, and only by a person's order
    State.SUCCEEDED: frozenset(),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}


HELD = frozenset({State.RUNNING, State.BATCHED})
"""Somebody has the job, and the fencing token that lets him end it: a run, or a batch whose line was answered."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """One change of a job's state, and the conditions under which it may happen."""

    name: str
    to: State
    sources: frozenset[State]
    fence: int | None = None
    """The token of the run that asks; a run whose lease lapsed holds an old one and is refused."""
    rev: int | None = None
    """The revision that the caller looked at; None where any revision will do."""
    take_fence: bool = False
    """Whether this move starts a run, and so hands out the next token."""
    look_in_s: float | None = None
    """When the janitor should look at the job again; None at an end."""
    deadline_in_s: float | None = None
    """A new deadline, from now."""
    changes: Mapping[str, str] = field(default_factory=dict)
    """Fields to set; an empty string removes the field."""
    note: Mapping[str, Any] = field(default_factory=dict)
    """What the job's history should say beside the move's name. Never text of the job."""
    settled: Settled | None = None
    """Of a move out of `running`: what the call came to. None: nobody knows, and the permit's estimate stands."""

    def __post_init__(self) -> None:
        wrong = [source for source in self.sources if self.to not in ALLOWED[source]]
        if wrong or not self.sources:
            raise ValueError(f"{self.name}: no way from {', '.join(sorted(wrong)) or 'nowhere'} to {self.to}")


_OF_THE_LANE: Mapping[str, str] = {"tries": "0", "nudges": "0", "held": "", "probes": "", "avoid": "", "batch": ""}
"""What a job has gone through on its lane: on another one it begins anew."""


def place(
    *,
    lane: str,
    zone: str,
    rev: int | None = None,
    changes: Mapping[str, str],
    nudge_s: float,
    note: Mapping[str, Any],
) -> Move:
    """The router placed the job on a lane."""
    return Move(
        name="placed",
        to=State.PLACED,
        sources=frozenset({State.ACCEPTED}),
        rev=rev,
        look_in_s=nudge_s,
        changes={"lane": lane, "zone": zone, **_OF_THE_LANE, **changes},
        note={"lane": lane, **note},
    )


def claim(*, worker: str, lease_s: float, rev: int | None = None) -> Move:
    """A worker starts a run of the job as it saw it: with `rev`, not one that has moved to another lane meanwhile."""
    return Move(
        name="claimed",
        to=State.RUNNING,
        sources=frozenset({State.PLACED}),
        rev=rev,
        take_fence=True,
        look_in_s=lease_s,
        changes={"worker": worker},
        note={"worker": worker},
    )


def renew(*, fence: int, lease_s: float) -> Move:
    """A worker is still at it."""
    return Move(name="renewed", to=State.RUNNING, sources=frozenset({State.RUNNING}), fence=fence, look_in_s=lease_s)


def succeed(
    *,
    fence: int,
    changes: Mapping[str, str],
    note: Mapping[str, Any],
    settled: Settled | None = None,
    slot: str | None = None,
) -> Move:
    """A run has a result."""
    return Move(
        name="succeeded",
        to=State.SUCCEEDED,
        sources=HELD,
        fence=fence,
        changes={"reason": "", "cause": "", **changes, **({} if slot is None else {"result": slot})},
        note=note,
        settled=settled,
    )


def answer(
    *,
    fence: int,
    slot: str,
    nudge_s: float,
    changes: Mapping[str, str],
    note: Mapping[str, Any],
    settled: Settled | None = None,
) -> Move:
    """A run has an answer that the router must look at before anybody gets it."""
    return Move(
        name="answered",
        to=State.ACCEPTED,
        sources=HELD,
        fence=fence,
        look_in_s=nudge_s,
        changes={"reason": "", "cause": "", "nudges": "0", **changes, "answer": slot},
        note=note,
        settled=settled,
    )


def approve(*, rev: int, slot: str, note: Mapping[str, Any]) -> Move:
    """The router has looked at an answer, and the producer may have it: sealed anew, it is the result."""
    return Move(
        name="approved",
        to=State.SUCCEEDED,
        sources=frozenset({State.ACCEPTED}),
        rev=rev,
        changes={"result": slot},
        note=note,
    )


def share(*, fence: int, changes: Mapping[str, str], note: Mapping[str, Any]) -> Move:
    """The run that a job waited for has an answer, which is its own too."""
    return Move(
        name="succeeded",
        to=State.SUCCEEDED,
        sources=frozenset({State.WAITING}),
        fence=fence,
        changes={"reason": "", "cause": "", **changes},
        note=note,
    )


def wait(
    *,
    fence: int,
    delay_s: float,
    tries: int,
    note: Mapping[str, Any],
    crashes: int | None = None,
    blamed: int | None = None,
    settled: Settled | None = None,
) -> Move:
    """A run failed; the same lane tries again later."""
    return Move(
        name="retry_later",
        to=State.WAITING,
        sources=HELD,
        fence=fence,
        look_in_s=delay_s,
        changes={
            "tries": str(tries),
            **({} if crashes is None else {"crashes": str(crashes)}),
            **({} if blamed is None else {"blamed": str(blamed)}),
        },
        note={"delay_s": round(delay_s, 3), **note},
        settled=settled,
    )


def hold(
    *, fence: int, held: int, nudge_s: float, note: Mapping[str, Any], settled: Settled | None, probes: int = 0
) -> Move:
    """The provider had no room, or is not back: in its line again, at its old place, and the gate knows until when."""
    return Move(
        name="held_back",
        to=State.PLACED,
        sources=frozenset({State.RUNNING}),
        fence=fence,
        look_in_s=nudge_s,
        changes={"held": str(held), "probes": str(probes or ""), "nudges": "0"},
        note=note,
        settled=settled,
    )


def hop(
    *, fence: int, lane: str, zone: str, nudge_s: float, note: Mapping[str, Any], settled: Settled | None = None
) -> Move:
    """A run failed; the next allowed lane takes the job."""
    return Move(
        name="next_lane",
        to=State.PLACED,
        sources=HELD,
        fence=fence,
        look_in_s=nudge_s,
        changes={"lane": lane, "zone": zone, **_OF_THE_LANE},
        note={"lane": lane, **note},
        settled=settled,
    )


def hand_back(
    *,
    fence: int | None = None,
    rev: int | None = None,
    changes: Mapping[str, str],
    nudge_s: float,
    pause_s: float | None = None,
    settled: Settled | None = None,
) -> Move:
    """A run ended without a verdict (its worker stops, or its lease lapsed): the lane takes the job again, or later."""
    return Move(
        name="handed_back" if fence is not None else "lease_lapsed",
        to=State.PLACED if pause_s is None else State.WAITING,
        sources=HELD if fence is not None else frozenset({State.RUNNING}),
        fence=fence,
        rev=rev,
        look_in_s=nudge_s if pause_s is None else pause_s,
        changes=changes,
        settled=settled,
    )


def release(*, rev: int, nudge_s: float) -> Move:
    """A retry's time has come."""
    return Move(
        name="retry_due",
        to=State.PLACED,
        sources=frozenset({State.WAITING}),
        rev=rev,
        look_in_s=nudge_s,
        changes={"nudges": "0", "joined": ""},
    )


def keep_batched(*, rev: int, look_in_s: float) -> Move:
    """A batch has it still."""
    return Move(
        name="renewed",
        to=State.BATCHED,
        sources=frozenset({State.BATCHED}),
        rev=rev,
        look_in_s=look_in_s,
    )


def leave_batch(*, rev: int, nudge_s: float) -> Move:
    """No batch has it, or none took it in time: the lane runs it by itself."""
    return Move(
        name="left_batch",
        to=State.PLACED,
        sources=frozenset({State.BATCHED}),
        rev=rev,
        look_in_s=nudge_s,
        changes={"nudges": "0"},
    )


def nudge(*, state: State, rev: int, nudges: int, nudge_s: float) -> Move:
    """A wake-up seems lost; it is sent again."""
    return Move(
        name="nudged",
        to=state,
        sources=frozenset({state}),
        rev=rev,
        look_in_s=nudge_s,
        changes={"nudges": str(nudges)},
    )


def die(
    *,
    reason: Reason,
    cause: str,
    sources: frozenset[State],
    fence: int | None = None,
    rev: int | None = None,
    changes: Mapping[str, str] | None = None,
    note: Mapping[str, Any] | None = None,
    settled: Settled | None = None,
) -> Move:
    """The job becomes a dead letter."""
    return Move(
        name="dead",
        to=State.DEAD,
        sources=sources,
        fence=fence,
        rev=rev,
        changes={"reason": reason.value, "cause": cause, **(changes or {})},
        note={"reason": reason.value, "cause": cause, **(note or {})},
        settled=settled,
    )


def cancel(*, by: str = "tidegate") -> Move:
    """The producer no longer wants it. A run under way loses its right to finish."""
    return Move(name="cancelled", to=State.CANCELLED, sources=OPEN, note={"by": by})


def expire(*, rev: int) -> Move:
    """The deadline passed."""
    return Move(
        name="expired",
        to=State.EXPIRED,
        sources=OPEN,
        rev=rev,
        changes={"reason": Reason.EXPIRED.value, "cause": "the deadline passed before the job ended"},
        note={"reason": Reason.EXPIRED.value},
    )


def redrive(*, rev: int, redrives: int, deadline_in_s: float, by: str, lane: str | None = None) -> Move:
    """A person sends a dead letter through the router again, with as much time as it had at first."""
    removed = dict.fromkeys((*_OF_A_ROUTING, "reason", "cause"), "")
    return Move(
        name="redriven",
        to=State.ACCEPTED,
        sources=frozenset({State.DEAD}),
        rev=rev,
        look_in_s=0.0,
        deadline_in_s=deadline_in_s,
        changes={
            **removed,
            "tries": "0",
            "attempts": "0",
            "crashes": "0",
            "blamed": "0",
            "apart": "",
            "nudges": "0",
            "redrives": str(redrives),
            "asked_lane": lane or "",
        },
        note={"by": by, **({"asked_lane": lane} if lane else {})},
    )


_OF_A_ROUTING = (
    *("lane", "zone", "outside", "clearance", "placeholders", "worker", "decision", "model", "regions"),
    *("tokens", "max_tokens", "held", "probes", "avoid", "rule", "elsewhere", "priced"),
    *("flight", "joined", "batch", "alone"),
)
"""Fields that say nothing of a job that is routed again."""
