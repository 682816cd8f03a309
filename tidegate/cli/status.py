"""`tidegate status`: lanes, depth, jobs in flight, ages, workers, room for more, and what has ended."""

import json
from dataclasses import asdict
from typing import Any

import typer

from tidegate import connections
from tidegate.cli import room
from tidegate.cli.console import AsJson, emit, out, seconds, table
from tidegate.deadletters.figures import figures
from tidegate.lanes import read_lanes
from tidegate.ledger.admission import Limits
from tidegate.ledger.census import Census
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.store import Keep, Ledger
from tidegate.settings import load


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Operators")(status)


def status(*, as_json: AsJson = False) -> None:
    """Show lanes, workers, how much room is left, and totals."""
    settings = load()
    where = connections.addresses(settings)
    redis = connections.connect(where.store, timeout_s=settings.store_timeout_s)
    lanes = read_lanes(settings.policy_file)
    census, refused = Census(redis), Refusals(redis).counts()
    loads = census.loads(["intake", *lanes])
    workers, totals = census.workers(), census.totals()
    keep = Keep(result_s=settings.result_keep_s, dead_s=settings.dead_keep_s)
    ledger = Ledger(redis, keep=keep, limits=Limits.of(settings))
    use, dead = ledger.pressure.use(), figures(ledger)
    if as_json:
        facts: dict[str, Any] = {
            "lanes": {name: json.loads(load.model_dump_json()) for name, load in loads.items()},
            "workers": [json.loads(worker.to_json()) for worker in workers],
            "ended": totals,
            "dead": asdict(dead),
            "room": room.facts(use),
            "refused": refused,
        }
        return emit(facts)
    rows = (
        (
            name,
            lanes[name].zone.value if name in lanes else None,
            load.queued,
            load.running,
            load.waiting,
            load.batched,
            load.slots,
            seconds(load.service_s),
            seconds(load.wait_s) or "no worker",
            seconds(load.oldest_s) if load.queued else None,
        )
        for name, load in loads.items()
    )
    out.print(
        table(
            ("lane", "zone", "queued", "running", "retry later", "in batches", "slots", "service", "wait", "oldest"),
            rows,
        )
    )
    out.print()
    out.print(
        table(("worker", "role", "lanes", "slots"), ((w.name, w.role, ", ".join(w.lanes), w.slots) for w in workers))
    )
    out.print()
    out.print(room.shown(use))
    out.print()
    if dead.count:
        out.print(f"dead letters: {dead.count}, the oldest is {seconds(dead.oldest_s)} old (tidegate dead group)")
    out.print("ended: " + ", ".join(f"{count} {state}" for state, count in totals.items()))
    if refused:
        out.print("refused: " + ", ".join(f"{count} {reason}" for reason, count in refused.items()))
    return None
