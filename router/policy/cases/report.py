"""Trials told to a person and to a machine: expected against got, with the place of the case; and the coverage."""

from collections.abc import Collection, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from router.findings import rendered
from router.policy.cases.trial import Trial, Trials, outcome


def render(tried: Trials, *, every: bool, coverage: bool) -> RenderableType:
    """The cases that failed (or every one), the sum, and what no case speaks of."""
    shown = [_trial(trial) for trial in tried.trials if every or not trial.passed]
    return Group(*shown, _sum(tried), *((_coverage(tried),) if coverage else ()))


def as_json(tried: Trials) -> dict[str, Any]:
    """The same for machines."""
    return {
        "file": str(tried.path),
        "policy": tried.policy.version,
        "holds": tried.passed,
        "cases": [_case(trial) for trial in tried.trials],
        "coverage": {"rules": dict(tried.rules), "lanes": dict(tried.lanes)},
    }


def _case(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.case.name,
        "place": trial.place,
        "passed": trial.passed,
        "expected": trial.case.expect.model_dump(mode="json", exclude_unset=True),
        "got": outcome(trial.decision) if trial.decision else None,
        "cause": trial.decision.cause if trial.decision else None,
        "problems": list(trial.problems),
    }


def _trial(trial: Trial) -> RenderableType:
    mark = ("✓ ", "green") if trial.passed else ("✗ ", "bold red")
    head = Text.assemble(mark, (f"{trial.place}: ", "bold"), trial.case.name)
    if trial.passed:
        return head
    if trial.decision is None:
        return Group(head, rendered(trial.problems))
    return Group(head, _compared(trial), rendered(trial.problems, label="differs"))


def _compared(trial: Trial) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("   ", *(Text(word, style="dim") for word in ("", "expected", "got")))
    got = outcome(trial.decision) if trial.decision else {}
    for field, wanted in trial.case.expect.model_dump(mode="json", exclude_unset=True).items():
        style = "green" if wanted == got[field] else "red"
        table.add_row("", field, Text(_said(wanted)), Text(_said(got[field]), style=style))
    cause = trial.decision.cause if trial.decision else None
    if cause:
        table.add_row("", Text("cause", style="dim"), "", Text(cause))
    return table


def _sum(tried: Trials) -> Text:
    failed = sum(not trial.passed for trial in tried.trials)
    total = len(tried.trials)
    if not total:
        return Text(f"{tried.path}: no cases", style="yellow")
    passed = f"{total - failed} of {total} case{'' if total == 1 else 's'} passed"
    return Text(f"{tried.path}: {passed}: {tried.policy.version}", style="bold red" if failed else "bold green")


def _coverage(tried: Trials) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for kind, counts in (("rule", tried.rules), ("lane", tried.lanes)):
        for name, count in counts.items():
            said = f"{count} case{'' if count == 1 else 's'}" if count else "no case"
            table.add_row(kind, Text(name), Text(said, style="" if count else "bold yellow"))
    return Group(table, Text(f"covered: {_share('rules', tried.rules)}, {_share('lanes', tried.lanes)}"))


def _share(what: str, counts: Mapping[str, int]) -> str:
    spoken_of: Collection[str] = [name for name, count in counts.items() if count]
    return f"{len(spoken_of)} of {len(counts)} {what}"


def _said(value: Any) -> str:
    return (", ".join(value) or "no lane") if isinstance(value, list) else "none" if value is None else str(value)
