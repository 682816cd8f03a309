"""`tidegate costs`: what runs came to, by tenant, lane, rule, day or model, and what the lanes inside saved."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from tidegate import connections
from tidegate.budgets import read_budgets
from tidegate.cli import purses
from tidegate.cli.console import AsJson, emit, err, out, table, usd
from tidegate.ledger.accounts import Accounts
from tidegate.ledger.costs import KEPT_DAYS, SHADOW, Costs, Line, Sums
from tidegate.settings import load

_DAY = "%Y-%m-%d"


class By(StrEnum):
    """What costs are added up by."""

    TENANT = "tenant"
    LANE = "lane"
    RULE = "rule"
    DAY = "day"
    MODEL = "model"


ByOption = Annotated[By, typer.Option("--by", help="Add up by this.")]
Since = Annotated[
    dt.datetime | None,
    typer.Option(
        "--since", formats=[_DAY], metavar="DAY", help="The first day, in UTC; the first of the month if not given."
    ),
]
Until = Annotated[
    dt.datetime | None,
    typer.Option("--until", formats=[_DAY], metavar="DAY", help="The last day, in UTC; else today."),
]
BudgetsOption = Annotated[
    bool, typer.Option("--budgets", help="Show the budgets of the policy instead: limit, spent, held, left.")
]


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Operators")(costs)


def costs(
    *,
    by: ByOption = By.LANE,
    since: Since = None,
    until: Until = None,
    budgets: BudgetsOption = False,
    as_json: AsJson = False,
) -> None:
    """Show what was spent, and what lanes inside saved.

    Counted when a run ends, and kept for 120 days. Part of it are runs that gave no result (lost), and estimates of
    calls that nobody could tell about, such as a dead worker's (estimated). Copies for comparison stand apart.

    Saved: for each job that ran inside, tokens read x input price + tokens written x output price, at the cheapest lane
    outside of the policy that holds the job and can do what it needs, converted by the lanes' characters a token;
    whether the policy would have let the job out is not asked.
    """
    settings = load()
    where = connections.addresses(settings)
    redis = connections.connect(where.store, timeout_s=settings.store_timeout_s)
    if budgets:
        found = Accounts(redis).every(read_budgets(settings.policy_file).values())
        return emit([purses.facts(one) for one in found]) if as_json else out.print(purses.shown(found))
    counts = Costs(redis)
    last = until.date() if until else counts.today()
    first = since.date() if since else last.replace(day=1)
    if first > last:
        raise typer.BadParameter(f"--since {first} is after --until {last}")
    if (counts.today() - first).days >= KEPT_DAYS:
        err.print(f"costs are kept for {KEPT_DAYS} days: there is nothing of the time before", style="yellow")
        first = max(first, counts.today() - dt.timedelta(days=KEPT_DAYS))
    lines = counts.between(first, max(first, last))
    rows = added_up(lines, by)
    if as_json:
        return emit({"since": str(first), "until": str(last), "by": by.value, **_facts(rows, lines)})
    return _show(rows, lines, by=by, since=first, until=last)


def added_up(lines: Sequence[Line], by: By) -> dict[str, Sums]:
    """The jobs' own costs by one of their sides, the dearest first; days in their order."""
    found: dict[str, Sums] = defaultdict(Sums)
    for line in lines:
        if line.kind != SHADOW:
            found[getattr(line, by.value)] += line.sums
    order = (lambda item: item[0]) if by is By.DAY else (lambda item: (-item[1].nano, -item[1].saved_nano, item[0]))
    return dict(sorted(found.items(), key=order))


def _sum(lines: Sequence[Line], *, shadow: bool) -> Sums:
    return sum((line.sums for line in lines if (line.kind == SHADOW) is shadow), Sums())


def _facts(rows: Mapping[str, Sums], lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "rows": [{"name": name, **_sums(sums)} for name, sums in rows.items()],
        "total": _sums(_sum(lines, shadow=False)),
        "shadow": _sums(_sum(lines, shadow=True)),
    }


def _sums(sums: Sums) -> dict[str, Any]:
    counts = {name: value for name, value in asdict(sums).items() if not name.endswith("nano")}
    money = {"usd": sums.usd, "lost_usd": sums.lost_usd, "unsure_usd": sums.unsure_usd, "saved_usd": sums.saved_usd}
    return {**counts, **money}


def _show(rows: Mapping[str, Sums], lines: Sequence[Line], *, by: By, since: dt.date, until: dt.date) -> None:
    if not lines:
        out.print(f"nothing ran from {since} to {until}")
        return
    headings = (by.value, "jobs", "runs", "tokens in", "tokens out", "spent", "of it lost", "estimated", "saved inside")
    told = [*rows.items(), ("all", _sum(lines, shadow=False))]
    copies = _sum(lines, shadow=True)
    told += [("copies for comparison", copies)] if copies.runs else []
    out.print(table(headings, (_row(name, sums) for name, sums in told), title=f"{since} to {until}, UTC"))


def _row(name: str, sums: Sums) -> tuple[Any, ...]:
    money = (sums.usd, sums.lost_usd, sums.unsure_usd, sums.saved_usd)
    counts = (sums.jobs, sums.runs, sums.prompt_tokens, sums.completion_tokens)
    return (name, *counts, *(usd(value) if value else None for value in money))
