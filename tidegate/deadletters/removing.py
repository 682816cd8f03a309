"""Removing dead letters for good: record, history and payload."""

from collections.abc import Iterable, Iterator

from tidegate.deadletters.letters import Letter
from tidegate.errors import Conflict, UnknownJob
from tidegate.ledger.record import Record
from tidegate.ledger.store import Ledger


def purge(ledger: Ledger, letters: Iterable[Letter | Record], *, by: str) -> int:
    """Remove letters. Returns how many."""
    return sum(1 for _ in purged(ledger, letters, by=by))


def purged(ledger: Ledger, letters: Iterable[Letter | Record], *, by: str) -> Iterator[str]:
    """Remove letters, and tell each that is gone. One that was redriven meanwhile is an open job, and stays."""
    for letter in letters:
        try:
            ledger.forget(letter.id, by=by)
        except (Conflict, UnknownJob):
            continue
        yield letter.id
