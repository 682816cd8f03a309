"""`tidegate lanes`: every lane at a glance, inside and outside: limits and their use, breakers, errors, pace, money."""

import contextlib
import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidegate import connections
from tidegate.budgets import read_budgets
from tidegate.cli.console import AsJson, emit, err, out
from tidegate.cli.lanetable import batch_table, facts, shown
from tidegate.connections import StoreClient
from tidegate.errors import Misuse, StoreUnavailable
from tidegate.lanes import read_lanes
from tidegate.ledger.batches import BatchView
from tidegate.ledger.sight import Can, LaneSight, sights
from tidegate.ledger.store import Keep, Ledger
from tidegate.limiting import sharers
from tidegate.settings import Settings, load

Names = Annotated[list[str] | None, typer.Argument(metavar="[LANE]...", help="Only these lanes.")]
Deployments = Annotated[bool, typer.Option("--deployments", "-d", help="Show each deployment of the lanes, too.")]
WithBatches = Annotated[bool, typer.Option("--batches", "-b", help="Show the lanes' batches at providers, too.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show it again and again, until Ctrl-C.")]
Every = Annotated[float, typer.Option("--every", min=0.2, help="With --watch: seconds between two looks.")]
Check = Annotated[bool, typer.Option("--check", help="Exit 1 where one of the lanes takes no jobs now.")]


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Operators")(lanes)


def lanes(
    names: Names = None,
    *,
    deployments: Deployments = False,
    batches: WithBatches = False,
    watch: Watch = False,
    every: Every = 2.0,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Show each lane: whether it takes jobs, its limits and their use, errors, pace, cost and budget left.

    Errors and times are of the last calls; runs and cost are since midnight, UTC. With --json one line a look.
    """
    settings = load()
    where = connections.addresses(settings)
    redis = connections.connect(where.store, timeout_s=settings.store_timeout_s)
    desk = Desk(settings, redis, tuple(names or ()), deployments=deployments, batches=batches)
    if watch:
        return _watch(desk, every_s=every, as_json=as_json)
    found = desk.look()
    emit(found.facts) if as_json else out.print(found.shown)
    if check and any(one.can is Can.NO for one in found.lanes):
        raise typer.Exit(1)
    return None


@dataclass(frozen=True)
class Look:
    """What was seen."""

    lanes: Sequence[LaneSight]
    batches: Sequence[BatchView] | None
    deployments: bool = False
    shares: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Who shares limits, by their name."""

    @property
    def facts(self) -> dict[str, Any]:
        """For programs."""
        told = facts(self.lanes)
        if self.shares:
            told["shared_limits"] = self.shares
        if self.batches is not None:
            told["batches"] = [json.loads(one.to_json()) for one in self.batches]
        return told

    @property
    def shown(self) -> Group | Table:
        """For people."""
        made = shown(self.lanes, deployments=self.deployments, shares=self.shares)
        if self.batches is None:
            return made
        return Group(made, Text(), batch_table(self.batches, now=self.lanes[0].now if self.lanes else 0.0))


@dataclass(frozen=True)
class Desk:
    """What is to be looked at."""

    settings: Settings
    redis: StoreClient
    names: Sequence[str]
    deployments: bool = field(kw_only=True)
    batches: bool = field(kw_only=True)

    def look(self) -> Look:
        """Once. Raises Misuse, StoreUnavailable."""
        policy = self.settings.policy_file
        known = read_lanes(policy)
        if unknown := sorted(set(self.names) - set(known)):
            raise Misuse(f"{policy}: no lane {', '.join(unknown)}; there is: {', '.join(known)}")
        wanted = {name: lane for name, lane in known.items() if not self.names or name in self.names}
        found = sights(self.redis, wanted, read_budgets(policy).values())
        ours = sharers(wanted.values())
        shares = {name: who for name, who in sharers(known.values()).items() if name in ours}
        return Look(found, self._batches(wanted) if self.batches else None, self.deployments, shares)

    def _batches(self, lanes: Collection[str]) -> list[BatchView]:
        keep = Keep(result_s=self.settings.result_keep_s, dead_s=self.settings.dead_keep_s)
        found = (one for one in Ledger(self.redis, keep=keep).batches.all() if one.lane in lanes)
        return sorted(found, key=lambda one: -one.formed_at)


def _watch(desk: Desk, *, every_s: float, as_json: bool) -> None:
    """A store that is away for a moment ends no watch: that is when one looks."""
    desk.look()  # misuse is told at once
    live = out.is_terminal and not as_json
    with contextlib.suppress(KeyboardInterrupt), Live(console=out, auto_refresh=False) if live else _nothing() as view:
        while True:
            try:
                found = desk.look()
            except StoreUnavailable as exc:
                err.print(f"tidegate: {exc}", style="red", markup=False)
            else:
                if as_json:
                    emit(found.facts)
                elif view is not None:
                    view.update(found.shown, refresh=True)
                else:
                    out.print(found.shown, "")
            time.sleep(every_s)


def _nothing() -> contextlib.nullcontext[None]:
    return contextlib.nullcontext()
