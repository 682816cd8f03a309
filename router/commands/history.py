"""`tidegate policy history`: who put which policy in force, when, and why; and what was refused."""

import json
import time
from collections.abc import Iterator, Mapping

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from router.commands.apply import desk_here
from router.commands.terminal import AsJson, console, told, write
from router.policy.registry.entry import FALLBACK, Entry, Kind

_STYLES = {Kind.REFUSED: "yellow", Kind.BROKEN: "red"}


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("history")(history)


def history(*, as_json: AsJson = False) -> None:
    """Tell every change of the policy in force, the oldest first, and every one that was refused."""
    with told():
        registry = desk_here().registry
        entries, current = registry.history(), registry.current()
    if as_json:
        for entry in entries:
            in_force = current.get(entry.slot) == entry.seq
            write(json.dumps({**json.loads(entry.to_json()), "in_force": in_force}))
        return
    if not entries:
        console().print("Nothing was ever applied: the configured file is in force.")
        return
    console().print(_table(entries, current))


def _table(entries: list[Entry], current: Mapping[str, int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "#", "when (UTC)", "who", "what", "version", "for", "note"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        mark = Text("→" if current.get(entry.slot) == entry.seq else "", style="bold green")
        table.add_row(
            mark,
            Text(str(entry.seq)),
            Text(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(entry.at))),
            Text(entry.by),
            Text(entry.kind.value.replace("_", " "), style=_STYLES.get(entry.kind, "")),
            Text(entry.version or "-"),
            Text("all" if entry.slot == FALLBACK else entry.slot),
            Text("\n".join(_notes(entry))),
        )
    return table


def _notes(entry: Entry) -> Iterator[str]:
    if entry.restores:
        yield f"as in #{entry.restores}"
    if entry.note:
        yield entry.note
    yield from entry.problems[:1]
    if len(entry.problems) > 1:
        yield f"and {len(entry.problems) - 1} more"
