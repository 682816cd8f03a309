"""Commands over dead letters: list, show, redrive, purge."""

import getpass
import json
import re
import time
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.progress import track

from tidegate.cli.console import LONG, AsJson, emit, err, out, seconds, table
from tidegate.client import Client
from tidegate.deadletters import Choice, chosen, purge, redrive
from tidegate.errors import Conflict, Misuse, Reason
from tidegate.ledger.record import Record

app = typer.Typer(help="Dead letters: jobs that ended without a result.", no_args_is_help=True)

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Ids = Annotated[list[str] | None, typer.Argument(help="Job ids; none means all that the options choose.")]
Lane = Annotated[str | None, typer.Option(help="Only letters of this lane.")]
Why = Annotated[Reason | None, typer.Option("--reason", help="Only letters with this reason.")]
Age = Annotated[str | None, typer.Option("--older-than", help="Only letters that are older: 30s, 10m, 2h, 7d.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Everything = Annotated[bool, typer.Option("--all", help="Needed where neither ids nor options choose.")]


def mount(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="dead", rich_help_panel="Operators")


@app.command("list")
def list_(*, lane: Lane = None, reason: Why = None, older_than: Age = None, as_json: AsJson = False) -> None:
    """List dead letters, the oldest first."""
    client = Client()
    now = client.ledger.now()
    letters = list(chosen(client.ledger, _choice(None, lane, reason, older_than)))
    if as_json:
        for letter in letters:
            emit(_as_json(letter))
        return
    rows = (
        (x.id, x.reason, x.lane, x.attempts, x.redrives, seconds(now - (x.ended_at or now)), x.cause) for x in letters
    )
    out.print(table(("job", "reason", "lane", "attempts", "redrives", "age", "cause"), rows))
    err.print(f"[dim]{len(letters)} dead letters[/dim]")


@app.command()
def show(job_id: Annotated[str, typer.Argument(help="A job's id.")], *, as_json: AsJson = False) -> None:
    """Show one letter: its record and the full history of its attempts, without its text."""
    client = Client()
    record, history = client.record(job_id), client.ledger.history(job_id)
    if as_json:
        emit({**_as_json(record), "history": [json.loads(event.to_json()) for event in history]})
        return
    facts = _as_json(record)
    out.print(table(("field", "value"), ((key, value) for key, value in facts.items() if key != "decision")))
    out.print()
    start = history[0].at if history else record.accepted_at
    steps = ((seconds(event.at - start), event.move, event.state.value, _note(event.note)) for event in history)
    out.print(table(("after", "move", "state", "note"), steps))


@app.command("redrive")
def redrive_(
    job_ids: Ids = None,
    *,
    lane: Lane = None,
    reason: Why = None,
    older_than: Age = None,
    everything: Everything = False,
    rate: Annotated[float, typer.Option(min=0.1, help="Letters a second, so that a lane is not flooded.")] = 50.0,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send letters through the router again: by today's policy, with as much time as they had at first."""
    client = Client()
    letters = _meant(client, job_ids, lane, reason, older_than, everything=everything)
    done, refused = 0, 0
    for letter in _progress(letters, "redriving", quiet=dry_run or as_json):
        try:
            if not dry_run:
                redrive(client.ledger, client.doorbell, letter, by=getpass.getuser())
                time.sleep(1 / rate)
        except Conflict as exc:
            refused += 1
            err.print(str(exc), style="red", markup=False)
            continue
        done += 1
        if as_json:
            emit({"job_id": letter.id, "redriven": not dry_run})
        elif dry_run:
            typer.echo(letter.id)
    err.print(f"{done} dead letters {'would be ' if dry_run else ''}redriven")
    if refused:
        raise typer.Exit(1)


@app.command("purge")
def purge_(
    job_ids: Ids = None,
    *,
    lane: Lane = None,
    reason: Why = None,
    older_than: Age = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove letters for good: record, history and payload."""
    client = Client()
    letters = _meant(client, job_ids, lane, reason, older_than, everything=everything)
    if not dry_run:
        purge(client.ledger, letters)
    for letter in letters:
        emit({"job_id": letter.id, "purged": not dry_run}) if as_json else typer.echo(letter.id)
    err.print(f"{len(letters)} dead letters {'would be ' if dry_run else ''}removed")


def _meant(
    client: Client,
    job_ids: list[str] | None,
    lane: str | None,
    reason: Reason | None,
    older_than: str | None,
    *,
    everything: bool,
) -> list[Record]:
    if not (job_ids or lane or reason or older_than or everything):
        raise Misuse("which dead letters? Give ids, --lane, --reason, --older-than, or --all")
    letters = list(chosen(client.ledger, _choice(job_ids, lane, reason, older_than)))
    missing = sorted(set(job_ids or ()) - {letter.id for letter in letters})
    if missing:
        raise Misuse(f"no such dead letter: {', '.join(missing)}")
    return letters


def _choice(job_ids: list[str] | None, lane: str | None, reason: Reason | None, older_than: str | None) -> Choice:
    return Choice(ids=frozenset(job_ids or ()), lane=lane, reason=reason, older_than_s=_age_s(older_than))


def _age_s(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if match is None:
        raise Misuse(f"--older-than: expected a number and one of s, m, h, d, as in 30m; got '{text}'")
    return float(match[1]) * _UNITS_S[match[2]]


def _progress(letters: list[Record], what: str, *, quiet: bool) -> Iterable[Record]:
    return track(letters, description=what, console=err, disable=quiet or len(letters) < LONG, transient=True)


def _as_json(record: Record) -> dict[str, Any]:
    """A record for printing; the vault's slots and the clearance are nobody's business."""
    hidden = {"payload", "outside", "result", "clearance", "decision", "fingerprint"}
    facts: dict[str, Any] = json.loads(record.model_dump_json(exclude=hidden, exclude_none=True))
    return facts


def _note(note: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in note.items())
