"""Commands over keys: list them, make some, and change them while everything runs. No key is ever printed."""

from pathlib import Path
from typing import Annotated

import typer

from tidegate import connections, keyfiles, rotation
from tidegate.cli import providerkeys
from tidegate.cli.console import AsJson, emit, err, out, table
from tidegate.connections import StoreClient
from tidegate.errors import Misuse, StoreUnavailable
from tidegate.keydesk import Desk, readers
from tidegate.keysteps import Use, every_key
from tidegate.lane import Zone
from tidegate.settings import Settings, load

app = typer.Typer(help="Keys: list, make, rotate, retire.", no_args_is_help=True)
app.add_typer(providerkeys.app, name="provider")

What = Annotated[Use, typer.Argument(help="inside, outside, clearance or audit.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Write the new keys to this file (mode 600), for a secret store.")
]


def mount(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="keys", rich_help_panel="Operators")


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the keys here by id and print: what each does, and which running process cannot read it."""
    settings = load()
    try:
        redis = _store(settings)
    except StoreUnavailable:
        redis = None
    found = [(key, readers(redis, key) if redis is not None else None) for key in every_key(settings)]
    if as_json:
        for key, lacking in found:
            emit({"use": key.use, "key": key.id, "print": key.print, "does": key.does, "lacking": lacking})
        return
    rows = ((key.use, key.id, key.print, key.does, _names(lacking)) for key, lacking in found)
    out.print(table(("use", "key", "print", "it", "not read by"), rows))


@app.command()
def new(use: What, *, file: Annotated[Path, typer.Option("--out", help="The file to make, mode 600.")]) -> None:
    """Make a first key for an installation that reads its keys from a secret store. Nothing running changes."""
    if file.exists():
        raise Misuse(f"{file} is there already: name a file that is not")
    if use in (Use.INSIDE, Use.OUTSIDE):
        keyfiles.replace(file, rotation.first(Zone(use.value)).text())
        err.print(f"{file}: for every process that needs TIDEGATE_{use.upper()}_KEY", markup=False)
        return
    hand = rotation.new_signer()
    public = file.with_name(file.name + ".pub")
    keyfiles.replace(file, hand.text())
    keyfiles.replace(public, hand.verifier.text())
    err.print(f"{file}: TIDEGATE_{use.upper()}_KEY of who signs", markup=False)
    err.print(f"{public}: TIDEGATE_{use.upper()}_PUB of who checks", markup=False)


@app.command()
def rotate(
    use: What,
    *,
    prepare: Annotated[bool, typer.Option("--prepare", help="Only add a new key, which does nothing yet.")] = False,
    activate: Annotated[bool, typer.Option("--activate", help="Only let the prepared key seal or sign.")] = False,
    key: Annotated[str | None, typer.Option(help="Which key to activate, where there are several.")] = None,
    file: Out = None,
    wait_s: Annotated[float, typer.Option("--wait", min=0, help="Seconds that processes get to read it.")] = 15.0,
    force: Annotated[bool, typer.Option("--force", help="Activate it though not every process reads it.")] = False,
) -> None:
    """Change a key while everything runs: it is added, every process reads it, then it seals. The old one still opens.

    One command where all processes share the key files. Elsewhere it stops after the first step and says who lacks the
    key: hand it out, then run it again with --activate.
    """
    if prepare and activate:
        raise Misuse("--prepare and --activate are two steps: give one of them, or neither for both")
    settings = load()
    desk = Desk(settings, _store(settings), use, to=file)
    key_id = desk.chosen(key) if activate else desk.prepare()
    if not activate:
        err.print(f"prepared: {use} key {key_id}; it does nothing yet")
    if prepare or (file is not None and not activate):
        err.print(f"when every process has it: tidegate keys rotate {use} --activate")
        return
    if not force:
        _wait(desk, use, key_id, wait_s)
    desk.activate(key_id)
    err.print(f"activated: {use} key {key_id}; the one before it still opens what it sealed")


@app.command()
def retire(
    use: What,
    key_id: Annotated[str, typer.Argument(help="The key's id, as `list` shows it.")],
    *,
    file: Out = None,
    force: Annotated[bool, typer.Option("--force", help="Though something needs it, which is lost then.")] = False,
) -> None:
    """Remove an old key, when nothing is left that only it opens."""
    settings = load()
    Desk(settings, _store(settings), use, to=file).retire(key_id, force=force)
    err.print(f"retired: {use} key {key_id}")


def _wait(desk: Desk, use: Use, key_id: str, wait_s: float) -> None:
    with err.status(f"waiting until every process reads {key_id}"):
        names = desk.lacking(key_id, wait_s=wait_s)
    if names:
        err.print(f"not activated: {', '.join(names)} cannot read {key_id} yet.", style="red", markup=False)
        err.print(f"Hand it out, then: tidegate keys rotate {use} --activate", markup=False)
        raise typer.Exit(1)


def _store(settings: Settings) -> StoreClient:
    where = connections.addresses(settings)
    return connections.connect(where.store, timeout_s=settings.store_timeout_s)


def _names(lacking: list[str] | None) -> str | None:
    return None if lacking is None else ", ".join(lacking) or "all do"
