"""Looking at dead letters: list, group, show."""

import json
from typing import Annotated, Any

import typer

from tidegate.audit.journal import who
from tidegate.cli.console import AsJson, counted, emit, err, out, seconds, table
from tidegate.cli.dead.options import chooses
from tidegate.client import Client
from tidegate.deadletters import Choice, Letter, chosen
from tidegate.deadletters.groups import By, grouped
from tidegate.deadletters.reveal import reveal as revealed
from tidegate.ledger.record import Record

FINGERPRINT_CHARS = 12

SHOWN = 1000
"""Rows of a table, where nobody says how many."""

Reveal = Annotated[
    bool,
    typer.Option("--reveal", help="Show the text, too: needs the inside key, and the job's history says who looked."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_)
    app.command()(group)
    app.command()(show)


@chooses()
def list_(
    *,
    meant: Choice,
    limit: Annotated[
        int | None, typer.Option(min=0, help=f"Stop after so many; 0 lists all, and JSON does anyway, a table {SHOWN}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the oldest first."""
    client = Client()
    now = client.ledger.now()
    letters: list[tuple[Any, ...]] = []
    count, more, limit = 0, False, (0 if as_json else SHOWN) if limit is None else limit
    for letter in counted(chosen(client.ledger, meant), "reading", quiet=as_json):
        if limit and count >= limit:
            more = True
            break
        count += 1
        if as_json:
            emit(letter.model_dump(mode="json", exclude_none=True))
        else:
            letters.append(_row(letter, now))
    if not as_json:
        columns = ("job", "reason", "lane", "tenant", "attempts", "redrives", "age", "cause")
        out.print(table(columns, letters))
    err.print(f"[dim]{count} dead letters{'; there are more, see --limit' if more else ''}[/dim]")


@chooses()
def group(
    *,
    by: Annotated[By, typer.Option("--by", help="What the letters of a group have in common.")] = By.REASON,
    meant: Choice,
    as_json: AsJson = False,
) -> None:
    """Count dead letters by what they have in common, the largest group first."""
    client = Client()
    now = client.ledger.now()
    groups = grouped(counted(chosen(client.ledger, meant, rules=by is By.RULE), "reading"), by)
    if as_json:
        for one in groups:
            ages = {"oldest_s": round(now - one.oldest_at, 3), "newest_s": round(now - one.newest_at, 3)}
            emit({by.value: one.key, "count": one.count, **ages, "example": one.example})
        return
    rows = (
        (_short(one.key, by), one.count, seconds(now - one.oldest_at), seconds(now - one.newest_at), one.example)
        for one in groups
    )
    out.print(table((by.value, "count", "oldest", "newest", "example"), rows))


def show(
    job_id: Annotated[str, typer.Argument(help="A job's id.")], *, reveal: Reveal = False, as_json: AsJson = False
) -> None:
    """Show one letter: its record and the full history of its attempts, without its text."""
    client = Client()
    text = _revealed(client, job_id) if reveal else {}
    record, history = client.record(job_id), client.ledger.history(job_id)
    if as_json:
        emit({**_of_record(record), "history": [json.loads(event.to_json()) for event in history], **text})
        return
    facts = _of_record(record)
    out.print(table(("field", "value"), ((key, value) for key, value in facts.items() if key != "decision")))
    out.print()
    start = history[0].at if history else record.accepted_at
    steps = ((seconds(event.at - start), event.move, event.state.value, _note(event.note)) for event in history)
    out.print(table(("after", "move", "state", "note"), steps))
    if text:
        out.print()
        out.print(json.dumps(text["job"], indent=2, ensure_ascii=False), markup=False)


def _revealed(client: Client, job_id: str) -> dict[str, Any]:
    job = revealed(client, job_id, by=who())
    return {"job": job.model_dump(mode="json", exclude_none=True)}


def _row(letter: Letter, now: float) -> tuple[Any, ...]:
    age = seconds(now - letter.ended_at)
    return (
        letter.id,
        letter.reason,
        letter.lane,
        letter.tenant,
        letter.attempts,
        letter.redrives,
        age,
        letter.cause,
    )


def _of_record(record: Record) -> dict[str, Any]:
    """A record for printing; the vault's slots and the clearance are nobody's business."""
    hidden = {"payload", "outside", "placeholders", "answer", "result", "clearance", "decision"}
    facts: dict[str, Any] = json.loads(record.model_dump_json(exclude=hidden, exclude_none=True))
    return facts


def _short(key: str | None, by: By) -> str | None:
    return key[:FINGERPRINT_CHARS] if key and by is By.FINGERPRINT else key


def _note(note: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in note.items())
