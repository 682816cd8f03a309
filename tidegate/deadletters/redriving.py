"""Redriving: dead letters go through the router again, by today's policy: one, or many at a rate."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tidegate.deadletters.letters import Letter
from tidegate.doorbell import Doorbell
from tidegate.errors import BrokerUnavailable, Conflict, SubmitRefused, UnknownJob
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.store import Ledger

SHORTEST_S = 60.0
"""The least time that a redriven letter gets, however little it had at first."""


@dataclass(frozen=True, kw_only=True)
class Redriven:
    """What became of one letter."""

    job_id: str
    refused: str | None = None
    """Why it was not redriven, where it was not."""


def redrive(ledger: Ledger, doorbell: Doorbell, record: Record, *, by: str, lane: str | None = None) -> None:
    """Send one letter through the router again, first to `lane` where the policy allows that lane for it.

    Raises Conflict where it is none any more, or has no payload; SubmitRefused where there is no room.
    """
    if record.payload is None:
        raise Conflict(f"job {record.id}: its payload is no longer kept, so it cannot be redriven")
    ledger.pressure.see_room(tenant=record.tenant)
    move = states.redrive(
        rev=record.rev,
        redrives=record.redrives + 1,
        deadline_in_s=max(SHORTEST_S, record.deadline_s or record.deadline_at - record.accepted_at),
        by=by,
        lane=lane,
    )
    ledger.apply(record.id, move)
    with contextlib.suppress(BrokerUnavailable):  # the janitor sends it
        doorbell.ring_router(record.id, priority=record.priority)


def redriven(
    ledger: Ledger,
    doorbell: Doorbell,
    letters: Iterable[Letter],
    *,
    by: str,
    rate: float,
    lane: str | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Redriven]:
    """Redrive each letter, `rate` a second, and wait where there is no room.

    Each one is redriven or is not: whoever stops in the middle finds the others where they were.
    """
    for letter in letters:
        yield _one(ledger, doorbell, letter.id, by=by, lane=lane, pause=pause)
        pause(1 / rate)


def _one(
    ledger: Ledger, doorbell: Doorbell, job_id: str, *, by: str, lane: str | None, pause: Callable[[float], None]
) -> Redriven:
    while True:
        try:
            redrive(ledger, doorbell, ledger.get(job_id), by=by, lane=lane)
        except SubmitRefused as exc:
            pause(exc.retry_after_s)
        except (Conflict, UnknownJob) as exc:
            return Redriven(job_id=job_id, refused=str(exc))
        else:
            return Redriven(job_id=job_id)
