"""`tidegate keys provider`: the keys of providers, by environment. No key is ever printed, or an argument."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from tidegate import connections
from tidegate.audit import journal
from tidegate.cli.console import AsJson, emit, err, out, seconds, table
from tidegate.errors import Misuse, TidegateError
from tidegate.lanes import read_lanes
from tidegate.providerkeys import desk
from tidegate.providerkeys.places import environment_of, names_of, place_of
from tidegate.settings import Settings, load

app = typer.Typer(help="Providers' keys, by environment: set, list, register, remove.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What a lane calls it: its key_env, as OPENAI_API_KEY.")]
Surplus = Annotated[list[str] | None, typer.Argument(hidden=True)]


@app.command("set")
def set_(name: Name, surplus: Surplus = None) -> None:
    """Keep a key for this environment: it is asked for, or read from standard input. Workers use it within a second."""
    _see_no_key_among(surplus)
    desk.named(name)
    settings = load()
    key = typer.prompt(f"{name} for {environment_of(settings)}", hide_input=True, err=True) if _asks() else _read()
    _tell(settings, "set", name)
    path, fingerprint = desk.put(settings, name, key.strip())
    err.print(f"{name} of {environment_of(settings)}: key {fingerprint} is in {path}", markup=False)
    _remark(settings, name)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List keys by fingerprint: what lanes name, and what lies in the folder. Exit 1 where one cannot be used."""
    settings = load()
    found = list(desk.every(settings, read_lanes(settings.policy_file)))
    if as_json:
        for key in found:
            emit(asdict(key))
    else:
        rows = map(_row, found)
        out.print(table(("name", "environment", "fingerprint", "age", "place", "lanes", "it"), rows))
    if any(key.used and key.problem for key in found):
        raise typer.Exit(1)


@app.command()
def register(name: Name, surplus: Surplus = None) -> None:
    """Register the key that is used here, so that other environments refuse it. For keys of a secret store."""
    _see_no_key_among(surplus)
    settings = load()
    key = desk.present(settings, name)
    _tell(settings, "registered", name)
    err.print(f"{name} of {environment_of(settings)}: key {desk.enter(settings, name, key)} is on the register")


@app.command()
def remove(name: Name, surplus: Surplus = None) -> None:
    """Delete this environment's key. It stays on the register: no other environment may use it."""
    _see_no_key_among(surplus)
    settings = load()
    _tell(settings, "removed", desk.named(name))
    err.print(f"removed: {desk.remove(settings, name)}", markup=False)
    _remark(settings, name)


def _see_no_key_among(surplus: list[str] | None) -> None:
    if surplus:
        raise Misuse(
            "a key is never an argument: the process list and the shell's history show it. "
            "If this was one, have the provider make you another; then give that when asked, or by standard input"
        )


def _asks() -> bool:
    return sys.stdin.isatty()


def _read() -> str:
    """The first line; a pipe that brings more is somebody's mistake."""
    text = sys.stdin.read(20_000)
    if len(text.splitlines()) != 1:
        raise Misuse("one line is expected on standard input: the key; nothing was changed")
    return text


def _tell(settings: Settings, step: str, name: str) -> None:
    """Into the audit log first, as each step on keys. A machine that only holds keys may have no store to tell."""
    note = {"use": "provider", "step": step, "key": name, "environment": environment_of(settings)}
    try:
        where = connections.addresses(settings)
        journal.act(connections.connect(where.store, timeout_s=settings.store_timeout_s), "keys", note=note)
    except TidegateError as exc:
        err.print(f"not in the audit log: {exc}", style="yellow", markup=False)


def _remark(settings: Settings, name: str) -> None:
    """What else decides which key is used, here."""
    place = place_of(name, settings)
    if not place.strict:
        err.print(f"but {place.label} is set here and comes first, where a worker has it too", style="yellow")
    lanes = read_lanes(settings.policy_file)
    if name not in (known := names_of(lanes.values())):
        err.print(
            f"no lane of {settings.policy_file} names it; they name: {', '.join(known) or 'none'}", style="yellow"
        )


def _row(key: desk.Found) -> tuple[str | None, ...]:
    says = key.problem or ("is used" if key.used else "is not used here")
    lanes = ", ".join(key.lanes) or None
    return key.name, key.environment, key.fingerprint, seconds(key.age_s), key.place, lanes, says
