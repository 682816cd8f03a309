"""Commands over the audit log: verify it, show some of it, export it, say where it stands."""

import json
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tidegate import connections
from tidegate.audit import journal, reading
from tidegate.audit import line as lines_of
from tidegate.audit.head import Head, read_head
from tidegate.audit.reading import Choice
from tidegate.audit.verify import Finding, Raw, Verdict, Verified, raw_lines, verified
from tidegate.cli.console import AsJson, emit, err, out, table
from tidegate.connections import StoreClient
from tidegate.errors import Misuse, StorageFull, StoreUnavailable
from tidegate.keys import Verifier, verifier, verifier_source
from tidegate.settings import Settings, load

app = typer.Typer(
    help="The audit log: what was decided and done, chained and signed, without text.", no_args_is_help=True
)

Folders = Annotated[
    list[Path] | None, typer.Argument(help="Folders or files of the log, of all machines; the one here if none.")
]
Job = Annotated[str | None, typer.Option(help="Only lines of this job.")]
Move = Annotated[
    str | None, typer.Option(help="Only this move: placed, dead, redriven, purged, revealed, policy, keys …")
]
Since = Annotated[str | None, typer.Option(help="From then on: 2026-11-22T10:00 (UTC), or an age: 30m, 2h, 7d.")]
Until = Annotated[str | None, typer.Option(help="Before then, told in the same way.")]


def mount(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="audit", rich_help_panel="Operators")


@app.command()
def verify(
    folders: Folders = None,
    *,
    head: Annotated[str | None, typer.Option(help="What `audit head` printed: the log must reach it.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the store where the log must end.")] = False,
    accept_gaps: Annotated[
        bool, typer.Option("--accept-gaps", help="Exit 0 though the keeper itself put gaps on record.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find lines that were changed, removed, repeated or moved, and an end that was cut off; exit 1 if there are."""
    settings = load()
    told = _head_of(settings, offline=offline)
    result = verified(raw_lines(reading.files(_folders(folders, settings))), _verifier(settings), head=told)
    findings = [*result.findings, *_against(result, head, folders, settings)]
    if told is None and not offline:
        findings.append(
            Finding(verdict=Verdict.BROKEN, what="the store names no last line: lines may be missing at the end")
        )
    if as_json:
        facts = {"lines": result.lines, "events": result.events, "first": result.first, "last": result.last}
        emit({**facts, "hash": result.hash, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(result, findings)
    bad = {Verdict.BROKEN} if accept_gaps else {Verdict.BROKEN, Verdict.GAP}
    if any(finding.verdict in bad for finding in findings):
        raise typer.Exit(1)


@app.command()
def show(
    folders: Folders = None,
    *,
    job: Job = None,
    move: Move = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened, the oldest first. It does not verify."""
    found = reading.chosen(_folders(folders, load()), _choice(job, move, since, until))
    if as_json:
        for _, line in found:
            emit(line)
        return
    rows = (
        (line["n"], _time(line), line.get("job"), reading.move_of(line), reading.note_of(line)) for _, line in found
    )
    out.print(table(("line", "time (UTC)", "job", "move", "note"), rows))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to make, mode 600: the lines as they are.")],
    folders: Folders = None,
    *,
    job: Job = None,
    move: Move = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Copy lines to a file. All of them verify as the log does; some of them are a report and no chain."""
    found = reading.chosen(_folders(folders, load()), _choice(job, move, since, until))
    count = 0
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
            for raw, _ in found:
                copy.write(raw.raw + b"\n")
                count += 1
    except FileExistsError:
        raise Misuse(f"{file} is there already: name a file that is not") from None
    except OSError as exc:
        raise StorageFull(f"{file}: cannot be written: {exc.strerror}") from None
    err.print(f"{count} lines in {file}", markup=False)


@app.command()
def head(*, as_json: AsJson = False) -> None:
    """Print where the log stands, to be noted down elsewhere; and how much still waits to be written."""
    settings = load()
    redis = _store(settings)
    found = read_head(redis, _verifier(settings))
    waiting = journal.last_serial(redis) - (found.serial if found else 0)
    if as_json:
        emit({"head": json.loads(found.to_json()) if found else None, "waiting": waiting})
        return
    out.print(f"{found.n}:{found.hash}" if found else "nothing is written yet", markup=False)
    err.print(f"{waiting} entries wait to be written")


def _print(result: Verified, findings: list[Finding]) -> None:
    if findings:
        marks = {
            Verdict.BROKEN: "[red]broken[/red]",
            Verdict.GAP: "[yellow]gap[/yellow]",
            Verdict.NOTE: "[dim]note[/dim]",
        }
        rows = ((marks[finding.verdict], finding.where, finding.n, finding.what) for finding in findings)
        out.print(table(("", "where", "line", "what"), rows))
        out.print()
    broken = any(finding.verdict is Verdict.BROKEN for finding in findings)
    said = "[red]the log is not what the keeper wrote[/red]" if broken else "[green]the chain holds[/green]"
    out.print(f"{said}: lines {result.first} to {result.last}, {result.events} events")


def _head_of(settings: Settings, *, offline: bool) -> Head | None:
    if offline:
        return None
    try:
        return read_head(_store(settings), _verifier(settings))
    except StoreUnavailable as exc:
        raise StoreUnavailable(f"{exc} (to verify without it: --offline)") from None


def _against(result: Verified, head: str | None, folders: list[Path] | None, settings: Settings) -> list[Finding]:
    """Whether a line that somebody noted down is there, as it was."""
    if head is None:
        return []
    number, _, wanted = head.partition(":")
    if not number.isdecimal() or not wanted:
        raise Misuse("--head: expected what 'tidegate audit head' printed, as 17:3f9c…")
    lines: list[Raw] = [
        raw for raw, line in reading.chosen(_folders(folders, settings), Choice()) if line["n"] == int(number)
    ]
    if any(lines_of.hash_of(raw.raw) == wanted for raw in lines):
        return []
    what = (
        f"line {number} is not the one that was noted down" if result.last >= int(number) else f"line {number} is gone"
    )
    return [Finding(verdict=Verdict.BROKEN, what=what, n=int(number))]


def _folders(folders: list[Path] | None, settings: Settings) -> list[Path]:
    return list(folders or [settings.audit_folder])


def _choice(job: str | None, move: str | None, since: str | None, until: str | None) -> Choice:
    now = time.time()
    return Choice(
        job=job,
        move=move,
        since=reading.time_of(since, now=now) if since else None,
        until=reading.time_of(until, now=now) if until else None,
    )


def _time(line: dict[str, object]) -> str | None:
    at = reading.at_of(line)
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _verifier(settings: Settings) -> Verifier:
    """The keeper's public halves; never new ones, under which no line would hold."""
    source = verifier_source(settings, "audit")
    if source is not None and not source.there:
        raise Misuse(
            "no public half of the audit key here: set TIDEGATE_AUDIT_PUB to what the janitor's audit.pub holds"
        )
    return verifier(settings, "audit")


def _store(settings: Settings) -> StoreClient:
    where = connections.addresses(settings)
    return connections.connect(where.store, timeout_s=settings.store_timeout_s)
