"""`tidegate policy apply`: puts a policy in force in every router, where it passes check, prove and its own cases."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from router import findings
from router.commands.detectors import detectors
from router.commands.terminal import AsJson, console, told, write
from router.policy.registry.desk import Desk, Done, Refused, open_desk
from router.policy.registry.vetting import vet
from tidegate.settings import load

Note = Annotated[str, typer.Option("--note", help="Why, in a few words: it stands in the history.")]


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("apply")(apply)


def apply(
    file: Annotated[Path, typer.Argument(help="The policy.")], *, note: Note = "", as_json: AsJson = False
) -> None:
    """Put a policy in force in every router within two seconds. One that falls short is refused, with exit code 1."""
    if not file.is_file():
        raise typer.BadParameter(f"no file {file}")
    with told():
        ordered(lambda desk: desk.apply(file, note=note), as_json=as_json)


def ordered(order: Any, *, as_json: bool) -> None:
    """Carry out an order at the desk, and tell what it came to."""
    desk = desk_here()
    try:
        done: Done = order(desk)
    except Refused as exc:
        _tell_refusal(exc, as_json=as_json)
        raise typer.Exit(1) from None
    if as_json:
        write(json.dumps(_as_json(done)))
    else:
        for line in _lines(done):
            console().print(line, soft_wrap=True)


def desk_here() -> Desk:
    """The desk of the installation that the settings name."""
    return open_desk(load(), vet=lambda path: vet(path, open_inspector=detectors))


def _tell_refusal(refusal: Refused, *, as_json: bool) -> None:
    if as_json:
        write(json.dumps({"applied": False, "policy": refusal.version, "problems": list(refusal.problems)}))
        return
    console().print(findings.rendered(refusal.problems), soft_wrap=True)
    console().print(Text(str(refusal), style="bold red"), soft_wrap=True)


def _lines(done: Done) -> Iterator[Text]:
    entry = done.entry
    what = f"{entry.version} is in force" if entry.version else "the configured file is in force again"
    yield Text.assemble((f"#{entry.seq} {entry.kind.value.replace('_', ' ')}: ", "bold"), (what, "bold green"))
    yield _followed(done)
    for lane in done.unserved:
        yield Text.assemble(("warning: ", "bold yellow"), f"lane {lane.lane}: {lane.why}")


def _followed(done: Done) -> Text:
    if not done.routers:
        return Text("no router runs; the next one to start will follow", style="yellow")
    missing = [name for name in done.routers if name not in done.followed]
    said = f"{len(done.followed)} of {len(done.routers)} routers follow"
    return Text(said + (f"; not yet: {', '.join(missing)}" if missing else ""), style="yellow" if missing else "")


def _as_json(done: Done) -> dict[str, Any]:
    return {
        "applied": True,
        "entry": done.entry.seq,
        "kind": done.entry.kind.value,
        "policy": done.entry.version,
        "slot": done.entry.slot,
        "routers": list(done.routers),
        "followed": list(done.followed),
        "unserved": [{"lane": lane.lane, "why": lane.why} for lane in done.unserved],
    }
