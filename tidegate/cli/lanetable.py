"""How lanes look: in tables for people, and as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tidegate.cli import purses
from tidegate.cli.console import seconds, table, usd
from tidegate.ledger.batches import BatchView
from tidegate.ledger.gates import DeploymentView, Use
from tidegate.ledger.sight import Can, LaneSight

_COLOURS = {Can.YES: "green", Can.SLOWED: "yellow", Can.NO: "red"}


def facts(found: Sequence[LaneSight]) -> dict[str, Any]:
    """For programs."""
    return {"at": found[0].now if found else None, "lanes": {one.lane.name: _facts(one) for one in found}}


def shown(
    found: Sequence[LaneSight], *, deployments: bool = False, shares: Mapping[str, Sequence[str]] | None = None
) -> Group | Table:
    """For people. `shares`: who shares limits, by their name."""
    head = ("lane", "zone", "takes jobs", "in line", "running", "wait", "req/min", "tok/min")
    tail = ("errors", "p50", "p95", "runs today", "cost today", "budget left")
    made = table((*head, *tail), ())
    for one in found:
        made.add_row(one.lane.name, one.lane.zone.value, _state(one), *_cells(_row(one)))
    notes = [Text(f"{name} is one limit for {', '.join(who)}") for name, who in (shares or {}).items()]
    if not deployments:
        return Group(made, Text(), *notes) if notes else made
    names = ("deployment", "region", "state", "in flight", "req/min", "tok/min", "req/day", "tok/day")
    each = table((*names, "errors", "p50", "p95", "calls today", "cost today"), ())
    for one in found:
        for deployment in one.gate.deployments:
            each.add_row(f"{one.lane.name}@{deployment.name}", *_cells(_deployment_row(deployment)))
    return Group(made, Text(), each, *([Text(), *notes] if notes else ()))


def batch_table(batches: Sequence[BatchView], *, now: float) -> Table:
    """Batches at providers, for people."""
    head = ("batch", "lane", "deployment", "state", "jobs", "answered", "age", "time left", "at the provider", "cause")
    made = table(head, ())
    for one in batches:
        left = None if one.over else seconds(max(0.0, one.until - now))
        state = f"{one.state.value}: {one.outcome}" if one.outcome else one.state.value
        answered = one.answered if one.succeeded is None else one.succeeded
        cells = (one.jobs, answered, seconds(one.age_s(now)), left, one.provider_id, one.cause)
        made.add_row(one.id, one.lane, one.deployment or "-", state, *_cells(cells))
    return made


def _facts(one: LaneSight) -> dict[str, Any]:
    lane, load, today = one.lane, one.load, one.today
    return {
        "zone": lane.zone.value,
        "backend": lane.backend,
        "model": lane.model,
        "takes_jobs": one.can.value,
        "why": one.why or None,
        "load": json.loads(load.model_dump_json()),
        "requests_per_minute": one.requests.model_dump(),
        "tokens_per_minute": one.tokens.model_dump(),
        "calls": one.calls,
        "error_rate": one.error_rate,
        "p50_s": one.p50_s,
        "p95_s": one.p95_s,
        "today": {
            "runs": today.runs,
            "jobs": today.jobs,
            "tokens": today.prompt_tokens + today.completion_tokens,
            "usd": today.usd,
            "lost_usd": today.lost_usd,
            "saved_usd": today.saved_usd,
        },
        "budgets": [purses.facts(account) for account in one.accounts],
        "left_usd": one.left_usd,
        "left_tokens": one.left_tokens,
        "gate": json.loads(one.gate.model_dump_json(exclude={"lane"})),
    }


def _state(one: LaneSight) -> Text:
    return Text(one.can.value + (f": {one.why}" if one.why else ""), style=_COLOURS[one.can])


def _row(one: LaneSight) -> tuple[Any, ...]:
    load = one.load
    return (
        load.queued,
        f"{load.running}/{load.slots}",
        seconds(load.wait_s),
        _use(one.requests),
        _use(one.tokens),
        _percent(one.error_rate),
        seconds(one.p50_s),
        seconds(one.p95_s),
        f"{one.today.runs:,}",
        usd(one.today.usd),
        _left(one),
    )


def _deployment_row(one: DeploymentView) -> tuple[Any, ...]:
    return (
        one.region,
        one.breaker.state.replace("_", " "),
        _use(one.in_flight),
        _use(one.requests_per_minute),
        _use(one.tokens_per_minute),
        _use(one.requests_per_day),
        _use(one.tokens_per_day),
        _percent(one.error_rate),
        seconds(one.p50_s),
        seconds(one.p95_s),
        f"{one.calls_today:,}",
        usd(one.usd_today),
    )


def _cells(values: Sequence[Any]) -> list[str]:
    return ["-" if value is None else str(value) for value in values]


def _use(use: Use) -> str:
    """`412/600`; `412/360 of 600` where less counts now than the policy says; `412` where nothing limits it."""
    most = use.effective if use.effective is not None else use.configured
    if most is None:
        return _count(use.used) if use.used else "-"
    less = f" of {_count(use.configured)}" if use.configured is not None and most < use.configured else ""
    return f"{_count(use.used)}/{_count(most)}{less}"


def _count(value: float) -> str:
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e6 if unit == 'M' else 1e3):.3g}{unit}"
    return f"{value:.0f}"


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


def _left(one: LaneSight) -> str | None:
    parts = [usd(one.left_usd), None if one.left_tokens is None else f"{_count(max(0, one.left_tokens))} tokens"]
    return ", ".join(filter(None, parts)) or None
