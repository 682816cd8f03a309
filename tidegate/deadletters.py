"""Dead letters: choosing some, sending them through the router again, or removing them for good."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tidegate.doorbell import Doorbell
from tidegate.errors import BrokerUnavailable, Conflict, Reason
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.store import Ledger


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which dead letters are meant. Every given condition must hold; none given means all."""

    ids: frozenset[str] = frozenset()
    lane: str | None = None
    reason: Reason | None = None
    older_than_s: float | None = None

    def fits(self, record: Record, *, now: float) -> bool:
        """Whether this letter is meant."""
        age_s = now - (record.ended_at or now)
        return (
            (not self.ids or record.id in self.ids)
            and (self.lane is None or record.lane == self.lane)
            and (self.reason is None or record.reason == self.reason.value)
            and (self.older_than_s is None or age_s >= self.older_than_s)
        )


def chosen(ledger: Ledger, choice: Choice) -> Iterator[Record]:
    """The letters that are meant, the oldest first."""
    now = ledger.now()
    return (record for record in ledger.dead() if choice.fits(record, now=now))


def redrive(ledger: Ledger, doorbell: Doorbell, record: Record, *, by: str) -> None:
    """Send one letter through the router again. Raises Conflict where it is none any more, or has no payload."""
    if record.payload is None:
        raise Conflict(f"job {record.id}: its payload is no longer kept, so it cannot be redriven")
    move = states.redrive(
        rev=record.rev,
        redrives=record.redrives + 1,
        deadline_in_s=max(60.0, record.deadline_s or record.deadline_at - record.accepted_at),
        by=by,
    )
    ledger.apply(record.id, move)
    with contextlib.suppress(BrokerUnavailable):  # the janitor sends it
        doorbell.ring_router(record.id, priority=record.priority)


def purge(ledger: Ledger, records: Iterable[Record]) -> int:
    """Remove letters for good. Returns how many."""
    count = 0
    for record in records:
        ledger.forget(record.id)
        count += 1
    return count
