"""The report: a table for people, an object for machines."""

import statistics
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.run import Outcome

_EXAMPLES = 3


def facts(outcome: Outcome) -> dict[str, Any]:
    """The run as one object."""
    return {
        "holds": outcome.holds,
        "accepted": outcome.accepted,
        "kills": outcome.kills.total(),
        **{name: len(broken) for name, broken in outcome.broken.items()},
        "doubled_calls": outcome.doubled_calls,
        "recovery_s": round(outcome.recovery_s, 2),
        "terms": outcome.terms.total(),
        "states": dict(outcome.states),
        "reasons": dict(outcome.reasons),
        "attempts": {str(count): jobs for count, jobs in sorted(outcome.attempts.items())},
        "leases_lapsed": outcome.lapsed,
        "handed_back": outcome.handed_back,
        "kills_by": dict(outcome.kills),
        "faults": dict(outcome.done),
        "skipped": outcome.skipped,
        "recovery_by_fault_s": {name: _spread(took) for name, took in outcome.recoveries.items()},
        "surprises": dict(outcome.surprises),
        "events": dict(outcome.events),
        "slow_exits": outcome.slow_exits,
        **outcome.counts,
        "broker": outcome.plan.broker,
        "fsync": outcome.plan.fsync,
        "seed": outcome.plan.seed,
        "took_s": round(outcome.took_s, 1),
        **outcome.extra,
    }


def show(outcome: Outcome, console: Console) -> None:
    """Print the tables."""
    console.print(_faults(outcome))
    console.print(_ends(outcome))
    console.print(_invariants(outcome))
    for name, why in outcome.skipped.items():
        console.print(f"skipped {name}: {why}")
    surprises = (f"{what} ({count} times)" for what, count in outcome.surprises.items())
    for line in (*surprises, *(f"{name} did not leave in time" for name in outcome.slow_exits)):
        console.print(f"noticed: {line}")


def _faults(outcome: Outcome) -> Table:
    table = Table("fault", "times", "recovery, median s", "longest s", title="Faults")
    for name in sorted(outcome.done):
        took = outcome.recoveries.get(name, [])
        middle, most = (f"{statistics.median(took):.1f}", f"{max(took):.1f}") if took else ("", "")
        table.add_row(name, str(outcome.done[name]), middle, most)
    return table


def _ends(outcome: Outcome) -> Table:
    table = Table("what", "number", title=f"{outcome.accepted} accepted jobs, {outcome.kills.total()} kills")
    rows: list[tuple[str, Any]] = [
        *sorted(outcome.states.items()),
        *((f"  {reason}", count) for reason, count in sorted(outcome.reasons.items())),
        *((f"runs begun: {runs}", count) for runs, count in sorted(outcome.attempts.items())),
        ("leases lapsed", outcome.lapsed),
        ("handed back at a SIGTERM", outcome.handed_back),
        ("runs that found their lease lost", outcome.events["lease.lost"]),
        ("provider calls doubled", outcome.doubled_calls),
        ("until all had ended, s", f"{outcome.recovery_s:.1f}"),
        ("SIGTERMs", outcome.terms.total()),
        *sorted(outcome.counts.items()),
    ]
    for name, value in rows:
        table.add_row(name, str(value))
    return table


def _invariants(outcome: Outcome) -> Table:
    table = Table("must be zero", "is", "for example", title="Invariants")
    for name, broken in outcome.broken.items():
        table.add_row(name, str(len(broken)), "; ".join(broken[:_EXAMPLES]))
    return table


def _spread(took: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(took), 2), "longest": round(max(took), 2)}
