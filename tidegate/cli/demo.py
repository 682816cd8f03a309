"""`tidegate demo`: the main job on real parts, in about a minute, leaving nothing behind."""

import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live

from tidegate import deadletters
from tidegate.cli.console import AsJson, emit, err, out, seconds, table, usd
from tidegate.cli.scoreboard import Entry, Sums, board, sums
from tidegate.cli.up import installed, started
from tidegate.client import Client
from tidegate.errors import InvalidJob, Misuse, Reason, Unavailable
from tidegate.lane import Zone
from tidegate.lanes import read_lanes
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.result import JobResult
from tidegate.settings import load
from tidegate.submission import parse_job

if TYPE_CHECKING:
    from tidegate.runtime.installation import Installation

_ALL_ENDED_S = 90.0
_REFRESH_S = 0.25
_SHORT_ANSWER_CHARS = 20


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Start here")(demo)


def demo(
    *,
    jobs: Annotated[Path | None, typer.Option(help="Jobs to run, one a line; the shipped examples otherwise.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep the data in this folder instead of removing it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start everything, run the example jobs, show what went where and why, and stop everything.

    The managed lanes call a stand-in of ours on this machine, whatever keys are configured: the demo costs nothing.
    """
    settings = load()
    lines = _lines(jobs or settings.home / "examples" / "jobs.jsonl")
    with _data_folder(keep) as data:
        gateways = ("openai_base_url", "anthropic_base_url")
        elsewhere = ("broker_url", "broker_url_file", "store_url", "store_url_file", *gateways)
        alone = settings.model_copy(update={"data": data, **dict.fromkeys(elsewhere), "flower_port": 0})
        faults = ("--rules", str(settings.home / "examples" / "standin-faults.json"))
        with installed(alone, always_standin=True, standin_options=faults) as installation:
            started(installation)
            holds = _run(installation, lines, quiet=as_json)
    if not holds:
        raise typer.Exit(1)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise Misuse(f"{path}: cannot be read ({type(exc).__name__}); the demo runs from a checkout") from None


def _run(installation: "Installation", lines: Sequence[str], *, quiet: bool) -> bool:
    client = Client(installation.settings)
    begun = time.monotonic()
    err.print(f"Flower is at {installation.flower_url} while this runs; submitting {len(lines)} jobs")
    entries = _submitted(client, lines)
    entries = _watched(client, entries, quiet=quiet)
    redriven = _redriven(client, installation, entries, quiet=quiet)
    records = client.ledger.get_many(entry.record.id for entry in entries if entry.record)
    results = _results(client, records)
    refused = [entry for entry in entries if entry.refused]
    found = sums(records, results, read_lanes(installation.settings.policy_file), refused=len(refused))
    called = _sensitive_calls(installation, records)
    took_s = time.monotonic() - begun
    if quiet:
        emit({**_facts(found), "sensitive_calls": called, "redriven": redriven, "took_s": round(took_s, 1)})
    else:
        _show_answers(entries, results)
        _tell(found, records, called=called, took_s=took_s)
    return found.sensitive_outside == 0 and called == 0 and all(record.state.ended for record in records)


def _submitted(client: Client, lines: Sequence[str]) -> list[Entry]:
    """Submit each line; the door refuses what is malformed and says why."""
    entries = []
    for number, line in enumerate(lines, 1):
        label = f"{number:02d} {_tenant(line)}"
        try:
            entries.append(Entry(label=label, record=client.record(client.submit(parse_job(line)))))
        except InvalidJob as exc:
            entries.append(Entry(label=label, refused="; ".join(exc.problems)))
    return entries


def _watched(client: Client, entries: list[Entry], *, quiet: bool) -> list[Entry]:
    """Show the table until every job has ended."""
    until = time.monotonic() + _ALL_ENDED_S
    live = err.is_terminal and out.is_terminal and not quiet
    with Live(console=out, auto_refresh=False, transient=False, vertical_overflow="ellipsis") as view:
        while True:
            found = {record.id: record for record in client.ledger.get_many(e.record.id for e in entries if e.record)}
            entries = [Entry(label=e.label, refused=e.refused, record=e.record and found[e.record.id]) for e in entries]
            ended = all(e.record is None or e.record.state.ended for e in entries)
            if not quiet and (live or ended):
                view.update(board(entries, now=client.ledger.now(), width=out.width), refresh=True)
            if ended:
                return entries
            if time.monotonic() > until:
                waiting = sum(1 for e in entries if e.record and not e.record.state.ended)
                raise Unavailable(f"{waiting} jobs have not ended after {_ALL_ENDED_S:g} s; see the workers' logs")
            time.sleep(_REFRESH_S)


def _redriven(client: Client, installation: "Installation", entries: Sequence[Entry], *, quiet: bool) -> str | None:
    """Redrive the letter that the provider had refused, once its filter is lifted."""
    letters = [e.record for e in entries if e.record and e.record.reason == Reason.CONTENT_REFUSED]
    if not letters:
        return None
    letter = letters[0]
    _control(installation, "DELETE", "/_standin/faults")
    deadletters.redrive(client.ledger, client.doorbell, client.record(letter.id), by="demo")
    *_, end = client.stream_states(letter.id, timeout_s=30)
    if not quiet:
        out.print(f"\nredrive: the provider lifted its refusal; dead letter {letter.id[:8]} ran again and is now {end}")
    return letter.id


def _results(client: Client, records: Sequence[Record]) -> dict[str, JobResult]:
    done = [record for record in records if record.state is State.SUCCEEDED]
    return {record.id: client.result(record.id, timeout_s=5) for record in done}


def _sensitive_calls(installation: "Installation", records: Sequence[Record]) -> int:
    """What the provider itself saw: calls that carry a sensitive job's id. Asked apart from the ledger."""
    seen = _control(installation, "GET", "/_standin/calls")["idempotency_keys"]
    return sum(1 for r in records if r.decided and r.decided.signals.sensitivity.level.sensitive and r.id in seen)


def _show_answers(entries: Sequence[Entry], results: dict[str, JobResult]) -> None:
    """A few short answers of the local model, each kind once, so that one sees that it works."""
    shown: dict[str, str] = {}
    for entry in entries:
        result = results.get(entry.record.id) if entry.record else None
        if result and result.zone is Zone.INSIDE and len(result.text) <= _SHORT_ANSWER_CHARS:
            shown.setdefault(result.text, entry.label)
    out.print(
        "local answers: " + "   ".join(f"{label}: {text}" for text, label in list(shown.items())[:6]), markup=False
    )


def _tell(found: Sums, records: Sequence[Record], *, called: int, took_s: float) -> None:
    saved = f" instead of {usd(found.all_outside_usd)} with all outside at {found.reference}'s price"
    out.print()
    rows = [
        ("ran inside", f"{found.inside} jobs"),
        ("ran outside", f"{found.outside} jobs (on the stand-in, priced as the real models)"),
        ("sensitive", f"{found.sensitive} jobs, {found.sensitive_outside} of them outside"),
        ("seen by the provider", f"{called} sensitive jobs"),
        ("cost", f"{usd(found.cost_usd)}{saved if found.all_outside_usd is not None else ''}"),
        ("dead letters", str(found.dead)),
        ("not accepted", f"{found.refused} malformed"),
        ("took", seconds(took_s)),
    ]
    out.print(table(("summary", ""), rows))
    letters = [(r.id[:8], r.tenant, r.reason, r.cause) for r in records if r.state is State.DEAD]
    out.print()
    out.print(table(("dead letter", "tenant", "reason", "cause"), letters))


def _facts(found: Sums) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__dataclass_fields__}


def _control(installation: "Installation", method: str, path: str) -> Any:
    """One call of the stand-in's control API."""
    token = installation.standin_token
    request = urllib.request.Request(  # noqa: S310 - a loopback address of ours
        f"{installation.standin_url}{path}", method=method, headers={"authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
        return json.loads(response.read() or b"null")


def _tenant(line: str) -> str:
    try:
        return str(json.loads(line).get("tenant", "default"))
    except (ValueError, AttributeError):
        return "?"


@contextmanager
def _data_folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="tidegate-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
