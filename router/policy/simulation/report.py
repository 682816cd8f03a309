"""A tally told to a person, with a small chart of the waits, and to a machine."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from router.policy.simulation.fleet import Served
from router.policy.simulation.tally import LaneTally, Tally
from tidegate.lane import Zone

_MINUTES_FROM_S = 600
"""From here on nobody reads seconds."""

_BLOCKS = "▁▂▃▄▅▆▇█"


def render(tally: Tally, fleet: Mapping[str, Served]) -> RenderableType:
    """The lanes, the chart, the sums."""
    return Group(_lanes(tally, fleet), _chart(tally), Text(), *_sums(tally))


def as_json(tally: Tally, fleet: Mapping[str, Served]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "jobs": tally.jobs,
        "seconds": round(tally.end_s, 3),
        "stopped": tally.stopped,
        "lanes": {name: _lane(tally.lanes[name], served, tally.end_s) for name, served in fleet.items()},
        "rules": dict(tally.rules),
        "outside_share": _share(tally.outside, tally.jobs),
        "overflow_share": _share(tally.overflowed, tally.jobs),
        "overflow_moves": tally.flips,
        "cost_usd": round(tally.cost_usd, 6),
        "dead": dict(tally.dead),
        "refused": dict(tally.refused),
        "sensitive_cleared": tally.sensitive_cleared,
        "redacted": tally.redacted,
        "narrowed": tally.narrowed,
        "shadowed": tally.shadowed,
    }


def _lane(lane: LaneTally, served: Served, end_s: float) -> dict[str, Any]:
    return {
        "zone": served.lane.zone.value,
        "slots": served.slots,
        "service_s": served.service_s,
        "service_source": served.source,
        "placed": lane.placed,
        "served": lane.served,
        "wait_s": {"p50": lane.wait_s(0.5), "p95": lane.wait_s(0.95), "max": max(lane.waits_s, default=None)},
        "busy_share": _busy(lane, served, end_s),
        "overflowed_here": lane.overflowed,
        "cost_usd": round(lane.cost_usd, 6),
        "price_known": served.input_usd is not None,
        "dead": dict(lane.dead),
        "waits_over_time_s": [round(wait, 3) for wait in lane.slices(end_s=end_s)],
    }


def _lanes(tally: Tally, fleet: Mapping[str, Served]) -> RenderableType:
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column("lane", no_wrap=True)
    for heading in ("serves", "jobs", "p50", "p95", "max", "busy", "overflow", "cost", "dead"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, served in fleet.items():
        lane = tally.lanes[name]
        table.add_row(
            Text(name, style="green" if served.lane.zone is Zone.INSIDE else "yellow"),
            f"{served.slots}x{_short(served.service_s)}{'*' if served.source == 'assumed' else ''}",
            str(lane.placed),
            *(_short(wait) for wait in (lane.wait_s(0.5), lane.wait_s(0.95), max(lane.waits_s, default=None))),
            f"{_busy(lane, served, tally.end_s):.0%}",
            str(lane.overflowed or "-"),
            f"${lane.cost_usd:.2f}" if served.input_usd is not None else "unknown",
            Text(str(lane.dead.total() or "-"), style="bold red" if lane.dead else ""),
        )
    note = "p50, p95, max: waits before the start"
    if any(served.source == "assumed" for served in fleet.values()):
        note += "; * is assumed, see --service"
    return Group(table, Text(note, style="dim"))


def _chart(tally: Tally) -> RenderableType:
    """The longest wait in each slice of the time, all lanes on one scale."""
    slices = {name: lane.slices(end_s=tally.end_s) for name, lane in tally.lanes.items()}
    top = max((wait for waits in slices.values() for wait in waits), default=0.0)
    table = Table.grid(padding=(0, 1))
    for name, waits in slices.items():
        table.add_row(Text(name), Text("".join(_block(wait, top) for wait in waits)), Text(_short(max(waits))))
    note = f"the longest waits over {tally.end_s / 60:.0f} minutes; full height is {_short(top)}"
    return Group(Text(), Text(note, style="dim"), table)


def _block(wait: float, top: float) -> str:
    return _BLOCKS[round(wait / top * (len(_BLOCKS) - 1))] if top else _BLOCKS[0]


def _sums(tally: Tally) -> list[Text]:
    dead = ", ".join(f"{number} {reason}" for reason, number in sorted(tally.dead.items())) or "none"
    lines = [
        Text(f"jobs          {tally.jobs} in {tally.end_s / 60:.1f} minutes"),
        Text(f"outside       {_share(tally.outside, tally.jobs):.1%}, ${tally.cost_usd:.2f}"),
        Text(
            f"overflow      {_share(tally.overflowed, tally.jobs):.1%}; it began or ended {tally.flips} times"
            if tally.flips
            else f"overflow      {_share(tally.overflowed, tally.jobs):.1%}"
        ),
        Text(f"dead letters  {dead}", style="bold red" if tally.dead else ""),
        Text(
            f"sensitive     {tally.sensitive_cleared} cleared for the outside",
            style="bold red" if tally.sensitive_cleared else "green",
        ),
    ]
    if tally.redacted:
        lines.append(Text(f"redacted      {tally.redacted} may leave as redacted copies", style="bold yellow"))
    if tally.narrowed:
        lines.append(Text(f"narrowed      {tally.narrowed} may leave only by allow_outside", style="bold red"))
    if tally.shadowed:
        lines.append(Text(f"shadowed      {tally.shadowed} copies, not run by the model"))
    if tally.stopped:
        lines.append(Text(f"{tally.stopped}: the sums are of what came until then", style="bold yellow"))
    return lines


def _busy(lane: LaneTally, served: Served, end_s: float) -> float:
    """Of the time in which jobs came; work that is left over then counts as well, up to the whole."""
    return min(1.0, lane.busy_s / (served.slots * end_s)) if served.slots and end_s else 0.0


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _short(seconds: float | None) -> str:
    """A time that fits in a narrow column."""
    if seconds is None:
        return "-"
    return f"{seconds:.1f}s" if seconds < _MINUTES_FROM_S else f"{seconds / 60:.0f}min"
