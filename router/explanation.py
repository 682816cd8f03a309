"""A decision told to a person: each rule with what it wanted and saw, and the signals. Never a job's text."""

import json
from collections.abc import Iterator

from pydantic import JsonValue
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.decision import Check, Decision, RuleTrace
from tidegate.lane import Zone
from tidegate.signals import BudgetLeft, LaneLoad, Signals

_OVERFLOW = {"enter": "begins for this rule", "hold": "goes on for this rule", "leave": "ends for this rule"}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ZONE_STYLES = {Zone.INSIDE: "bold green", Zone.OUTSIDE: "bold yellow"}


def render(decision: Decision) -> RenderableType:
    """The verdict, the rules in the order in which they were looked at, and the signals."""
    return Group(_verdict(decision), Text(), _rules(decision.trace), Text(), _signals(decision.signals))


def _verdict(decision: Decision) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    zone = Text(decision.zone.value, style=_ZONE_STYLES[decision.zone])
    lanes = Text(" → ".join(decision.lanes) or "none: the job becomes a dead letter")
    rows: tuple[tuple[str, Text], ...] = (
        ("lanes", lanes),
        ("zone", zone),
        ("cleared", Text(", ".join(decision.cleared) or "nothing may leave")),
        ("rule", Text(decision.rule, style="bold")),
        ("why", Text(decision.why)),
        ("cause", Text(decision.cause or "", style="bold red")),
        ("redacted", Text(_redacted(decision), style="bold yellow")),
        ("narrowed", Text(_narrowed(decision), style="bold red")),
        ("regions", Text(_regions(decision))),
        ("answers", Text(_answers(decision))),
        ("overflow", Text(_OVERFLOW.get(decision.overflow or "", ""))),
        ("shadow", Text(f"{decision.shadow} gets a copy" if decision.shadow else "")),
        ("policy", Text(decision.policy)),
    )
    for label, value in rows:
        if value.plain:
            table.add_row(Text(label, style="dim"), value)
    return table


def _redacted(decision: Decision) -> str:
    if not decision.redacted:
        return ""
    counts = ", ".join(f"{count} {kind}" for kind, count in decision.replaced.items())
    return f"what leaves is a copy with placeholders for {counts or 'what is found'}"


def _narrowed(decision: Decision) -> str:
    """What an operator declared harmless is never passed over in silence."""
    types = ", ".join(decision.narrowed)
    return f"it may leave only because {types} was declared harmless (allow_outside)" if types else ""


def _regions(decision: Decision) -> str:
    if decision.regions is None:
        return ""
    return f"computed in {' or '.join(decision.regions)} only" if decision.regions else "computed in no region"


def _answers(decision: Decision) -> str:
    level = decision.answers_at_most
    return f"from outside are looked at before anybody gets them: at most {level.value}" if level else ""


def _rules(trace: tuple[RuleTrace, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "rule", "condition", "wanted", "saw", ""):
        table.add_column(heading, overflow="fold")
    for rule in trace:
        first = True
        for check in rule.checks or (None,):
            name = (_mark(rule.matched), Text(rule.rule)) if first else (Text(), Text())
            table.add_row(*name, *_check(check))
            first = False
    return table


def _check(check: Check | None) -> tuple[Text, ...]:
    if check is None:
        return (Text("always", style="dim"), Text(), Text(), Text())
    return (Text(check.signal), Text(written(check.wanted)), Text(written(check.saw)), _mark(check.held))


def _signals(signals: Signals) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("signal")
    table.add_column("value", overflow="fold")
    for name, value in _facts(signals):
        table.add_row(Text(name), Text(value))
    return table


def _facts(signals: Signals) -> Iterator[tuple[str, str]]:
    yield "sensitivity", signals.sensitivity.level.value
    because = signals.sensitivity.cause or signals.sensitivity.because
    if because:
        yield "  because", because
    for finding in signals.sensitivity.findings:
        yield f"  {finding.type}", f"{finding.score:.2f} by {finding.detector}"
    score = "" if signals.complexity.score is None else f" ({signals.complexity.score:.2f})"
    yield "complexity", signals.complexity.band.value + score
    for name, value in signals.complexity.evidence.items():
        yield f"  {name}", f"{value:g}"
    yield "tokens", f"about {signals.tokens} in, at most {signals.max_tokens} out"
    yield "needs", ", ".join(need.value for need in signals.needs) or "nothing special"
    yield "tenant", signals.tenant
    yield "latency", signals.latency
    if signals.task is not None:
        yield "task", signals.task
    if signals.minute is not None:
        hour, minute = divmod(signals.minute % (24 * 60), 60)
        yield "time", f"{_DAYS[signals.minute // (24 * 60)]} {hour:02}:{minute:02} UTC"
    if signals.overflowing:
        yield "in overflow", ", ".join(signals.overflowing)
    for name, left in signals.budget_left_usd.items():
        yield f"budget of {name}", f"{left:.2f} USD left"
    for name, rest in signals.budgets.items():
        yield f"budget {name}", _left(rest)
    for lane, load in signals.load.items():
        yield f"wait {lane}", _wait(load)


def _left(left: BudgetLeft) -> str:
    parts = ([] if left.usd is None else [f"{left.usd:.2f} USD"]) + (
        [] if left.tokens is None else [f"{left.tokens} tokens"]
    )
    return f"{' and '.join(parts) or 'nothing measured'} not spent yet"


def _wait(load: LaneLoad) -> str:
    if load.wait_s is None:
        return f"nobody serves it (queued {load.queued})"
    return f"about {load.wait_s:.1f} s (queued {load.queued}, running {load.running}, slots {load.slots})"


def _mark(good: bool) -> Text:  # noqa: FBT001 -- it is what is drawn
    return Text("✓", style="green") if good else Text("✗", style="red")


def written(value: JsonValue) -> str:
    """A value as people write it: `over 20`, `personal or restricted`."""
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {written(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " or ".join(written(item) for item in value) or "nothing"
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else json.dumps(value)
