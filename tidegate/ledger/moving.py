"""What crosses between the ledger and its scripts: a job to accept, a move's arguments, and what came of them."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate.errors import Conflict, SubmitRefused, UnknownJob
from tidegate.ledger.admission import refusal
from tidegate.ledger.scripts import flat, or_empty
from tidegate.ledger.states import Move, State


@dataclass(frozen=True, kw_only=True)
class Keep:
    """How long records and their texts stay after an end, in seconds."""

    result_s: int = 86_400
    dead_s: int = 14 * 86_400

    def after(self, end: State) -> int:
        """The time for one kind of end."""
        return self.dead_s if end is State.DEAD else self.result_s


KEEP = Keep()
"""A day, and two weeks."""


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job to put on record, with its sealed payload."""

    job_id: str
    slot: str
    envelope: bytes = field(repr=False)
    keep_s: int
    deadline_s: float
    look_in_s: float
    fields: Mapping[str, str]
    admitted: bool = False
    """Whether it is taken however full the installation is: it lies in the broker already."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What became of a submit: a new record, or the one that was there."""

    created: bool
    state: State
    fingerprint: str
    ring: bool = False
    """Whether the router should be woken: not where enough wake-ups are under way."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A sealed text that is stored with a move, or not at all."""

    slot: str
    envelope: bytes = field(repr=False)
    keep_s: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """One job's move, and the texts that belong to it."""

    job_id: str
    move: Move
    texts: Sequence[Stored] = ()


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What a move left behind."""

    rev: int
    fence: int
    at: float
    ring: bool = False
    """Whether somebody of the job's new lane (or a router) should be woken."""


def arguments(move: Move, *, keep: Keep, texts: Sequence[Stored] = ()) -> list[Any]:
    """A move as transition.lua reads it. Made once for one wish: a repetition must be told apart from a second one."""
    return [
        ",".join(sorted(move.sources)),
        move.to.value,
        or_empty(move.fence),
        or_empty(move.rev),
        "1" if move.take_fence else "",
        or_empty(move.look_in_s),
        keep.after(move.to),
        move.name,
        json.dumps(dict(move.note), separators=(",", ":")),
        or_empty(move.deadline_in_s),
        secrets.token_hex(6),
        move.settled.wire if move.settled else "",
        len(texts),
        *(part for text in texts for part in (text.slot, text.envelope, text.keep_s)),
        *flat(move.changes),
    ]


def accepted(answer: Sequence[Any], *, tenant: str) -> Accepted | SubmitRefused:
    """What accept.lua said, in our words."""
    created, *rest = answer
    if created < 0:
        return refusal(rest, tenant=tenant)
    state, fingerprint, ring = rest
    return Accepted(
        created=bool(created), state=State(state.decode()), fingerprint=fingerprint.decode(), ring=bool(ring)
    )


def outcome(step: Step, answer: Sequence[Any]) -> Applied | Conflict | UnknownJob:
    """What transition.lua said, in our words."""
    done, *rest = answer
    if done:
        return Applied(rev=rest[0], fence=rest[1], at=float(rest[2]), ring=bool(rest[3]))
    state, rev = rest[0].decode(), rest[1]
    if not state:
        return UnknownJob(f"no job {step.job_id} is on record")
    return Conflict(f"{step.move.name} refused: job {step.job_id} is {state} at revision {rev}")
