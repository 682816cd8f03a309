"""Figures of the dead letters, for status pages and metrics: how many, and how old the oldest is."""

from dataclasses import dataclass

from tidegate.ledger.store import Ledger


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Two gauges to alert on."""

    count: int
    oldest_s: float | None
    """None where there is none."""


def figures(ledger: Ledger) -> Figures:
    """The figures now, whatever their number. Raises StoreUnavailable."""
    count, oldest_s = ledger.shelf.figures()
    return Figures(count=count, oldest_s=oldest_s)
