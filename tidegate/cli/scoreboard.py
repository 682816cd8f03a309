"""The demo's table of jobs, and the sums under it. Values and rendering; nothing is started or submitted here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from tidegate.cli.console import seconds
from tidegate.lane import Lane, Zone
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.prices import cost_usd
from tidegate.result import JobResult, Usage

_COLOURS = {
    State.SUCCEEDED: "green",
    State.DEAD: "red",
    State.EXPIRED: "red",
    State.RUNNING: "cyan",
    State.WAITING: "yellow",
    State.BATCHED: "yellow",
}

_COLUMNS = ("job", "sensitivity", "complexity", "lane", "rule", "why", "state", "latency")
_GAP = 2
_LEAST_WHY = 12


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the demo's input, and what became of it."""

    label: str
    record: Record | None = None
    refused: str | None = None
    """Why it was not accepted, where it was not."""


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What the demo has to show for itself."""

    inside: int
    outside: int
    dead: int
    refused: int
    sensitive: int
    sensitive_outside: int
    cost_usd: float
    all_outside_usd: float | None
    reference: str
    """The lane whose price stands for `all outside`."""


def board(entries: Sequence[Entry], *, now: float, width: int) -> Table:
    """Job, lane, rule, why, state, latency: a line each; where the window is narrow, the why gives way."""
    rows = [_row(entry, now) for entry in entries]
    others = sum(
        max(len(column), *(Text.from_markup(row[index]).cell_len for row in rows)) + _GAP
        for index, column in enumerate(_COLUMNS)
        if column != "why"
    )
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        limit = max(_LEAST_WHY, width - others) if column == "why" else None
        made.add_column(column, no_wrap=True, overflow="ellipsis", max_width=limit)
    for row in rows:
        made.add_row(*row)
    return made


def sums(
    records: Sequence[Record], results: Mapping[str, JobResult], lanes: Mapping[str, Lane], *, refused: int
) -> Sums:
    """Add up what is on record."""
    reference = next(lane for lane in lanes.values() if lane.zone is Zone.OUTSIDE)
    sensitive = [record for record in records if record.decided and record.decided.signals.sensitivity.level.sensitive]
    return Sums(
        inside=sum(result.zone is Zone.INSIDE for result in results.values()),
        outside=sum(result.zone is Zone.OUTSIDE for result in results.values()),
        dead=sum(record.state is State.DEAD for record in records),
        refused=refused,
        sensitive=len(sensitive),
        sensitive_outside=sum(record.zone == Zone.OUTSIDE or record.outside is not None for record in sensitive),
        cost_usd=sum(result.cost_usd or 0.0 for result in results.values()),
        all_outside_usd=_all_outside_usd(results, lanes, reference),
        reference=reference.name,
    )


def _row(entry: Entry, now: float) -> tuple[str, ...]:
    if entry.record is None:
        return (entry.label, "", "", "", "", entry.refused or "", "[red]not accepted[/red]", "")
    record, decision = entry.record, entry.record.decided
    colour = _COLOURS.get(record.state, "default")
    state = f"[{colour}]{record.state}{f': {record.reason}' if record.reason else ''}[/{colour}]"
    took = seconds((record.ended_at or now) - record.accepted_at) or ""
    if decision is None:
        return (entry.label, "", "", "", "", record.cause or "", state, took)
    signals = decision.signals
    level = signals.sensitivity.level
    types = ", ".join(signals.sensitivity.types)
    shade = "magenta" if level.sensitive else "default"
    said = f"[{shade}]{level}[/{shade}]"
    return (
        entry.label,
        said,
        signals.complexity.band,
        record.lane or "-",
        decision.rule,
        f"{types}: {decision.why}" if level.sensitive and types else decision.why,
        state,
        took,
    )


def _all_outside_usd(results: Mapping[str, JobResult], lanes: Mapping[str, Lane], reference: Lane) -> float | None:
    """The same answers at the reference lane's price; tokens of other tokenizers are converted by characters."""
    total = 0.0
    for result in results.values():
        if result.zone is Zone.OUTSIDE:
            total += result.cost_usd or 0.0
            continue
        ratio = lanes[result.lane].chars_per_token / reference.chars_per_token
        usage = Usage(
            prompt_tokens=round(result.usage.prompt_tokens * ratio),
            completion_tokens=round(result.usage.completion_tokens * ratio),
        )
        cost = cost_usd(reference, usage, model=reference.model)
        if cost is None:
            return None
        total += cost
    return total
