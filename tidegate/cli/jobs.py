"""Commands of a producer: submit, result, cancel."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from tidegate.cli.console import LONG, AsJson, emit, err, out
from tidegate.client import Client
from tidegate.errors import InvalidJob, JobFailed, Misuse, SubmitRefused
from tidegate.job import Job
from tidegate.result import JobResult
from tidegate.submission import parse_job

Timeout = Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait for the end.")]


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel="Jobs")(submit)
    app.command(rich_help_panel="Jobs")(result)
    app.command(rich_help_panel="Jobs")(cancel)


def submit(
    text: Annotated[str | None, typer.Argument(help="The prompt; '-' reads it from standard input.")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(help="A file with the prompt, or with one job where it ends in .json.")
    ] = None,
    jsonl: Annotated[str | None, typer.Option(help="A file with one job a line; '-' is standard input.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the result and print it.")] = False,
    timeout: Timeout = 120.0,
    tenant: Annotated[str, typer.Option(help="On whose behalf (not with jobs from files).")] = "default",
    max_tokens: Annotated[int, typer.Option(help="The longest answer (not with jobs from files).")] = 256,
    as_json: AsJson = False,
) -> None:
    """Put jobs on record and print their ids; all are checked before the first is sent."""
    client = Client()
    jobs = _jobs(text, file, jsonl, tenant=tenant, max_tokens=max_tokens)
    shown = track(jobs, description="submitting", console=err, disable=len(jobs) < LONG, transient=True)
    ids: list[str] = []
    try:
        for job in shown:
            ids.append(client.submit(job))  # noqa: PERF401 - what went in must be told where the next is refused
    except SubmitRefused:
        _print_ids(ids, as_json=as_json)
        if len(jobs) > 1:
            err.print(f"{len(ids)} of {len(jobs)} jobs are on record: send the others later")
        raise
    if not wait:
        return _print_ids(ids, as_json=as_json)
    failed = [job_id for job_id in ids if not _print_result(client, job_id, timeout_s=timeout, as_json=as_json)]
    if failed:
        raise typer.Exit(1)
    return None


def result(
    job_id: Annotated[str, typer.Argument(help="The id that submit printed.")],
    *,
    timeout: Timeout = 0.0,
    as_json: AsJson = False,
) -> None:
    """Print a job's result; exit 1 where it has none (yet)."""
    if not _print_result(Client(), job_id, timeout_s=timeout, as_json=as_json):
        raise typer.Exit(1)


def cancel(job_id: Annotated[str, typer.Argument(help="The id that submit printed.")]) -> None:
    """Give a job up; a run under way loses its right to finish."""
    Client().cancel(job_id)
    err.print(f"job {job_id} is cancelled")


def _print_ids(ids: list[str], *, as_json: bool) -> None:
    for job_id in ids:
        emit({"job_id": job_id}) if as_json else typer.echo(job_id)


def _jobs(text: str | None, file: Path | None, jsonl: str | None, *, tenant: str, max_tokens: int) -> list[Job]:
    given = [source for source in (text, file, jsonl) if source is not None]
    if len(given) != 1:
        raise Misuse("give one of: a text, --file, --jsonl (see tidegate submit --help)")
    if jsonl is not None:
        return _from_lines(_lines(jsonl), name="<stdin>" if jsonl == "-" else jsonl)
    if file is not None and file.suffix == ".json":
        return [parse_job(_text_of(file))]
    body = _text_of(file) if file else sys.stdin.read() if text == "-" else text
    return [parse_job({"text": body, "tenant": tenant, "params": {"max_tokens": max_tokens}})]


def _from_lines(lines: list[str], *, name: str) -> list[Job]:
    jobs, wrong = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            jobs.append(parse_job(line))
        except InvalidJob as exc:
            wrong += [f"{name}:{number}: {problem}" for problem in exc.problems]
    if wrong:
        raise InvalidJob(("nothing was submitted", *wrong))
    return jobs


def _lines(source: str) -> list[str]:
    return sys.stdin.read().splitlines() if source == "-" else _text_of(Path(source)).splitlines()


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        raise Misuse(f"{path}: cannot be read: {exc.strerror}") from None
    except UnicodeDecodeError as exc:
        raise Misuse(f"{path}: not UTF-8 at byte {exc.start}") from None


def _print_result(client: Client, job_id: str, *, timeout_s: float, as_json: bool) -> bool:
    try:
        answer = client.result(job_id, timeout_s=timeout_s)
    except JobFailed as exc:
        failure = {"job_id": job_id, "state": exc.state, "reason": exc.reason, "cause": exc.cause}
        emit(failure) if as_json else err.print(str(exc), style="red", markup=False)
        return False
    emit(json.loads(answer.to_json())) if as_json else _show(answer)
    return True


def _show(answer: JobResult) -> None:
    if answer.embeddings:
        out.print(f"{len(answer.embeddings)} vectors of {len(answer.embeddings[0])} numbers; --json shows them")
    else:
        out.print(answer.text, markup=False)
    facts: dict[str, Any] = {"lane": answer.lane, "zone": answer.zone.value, "model": answer.model}
    if answer.restored is not None:
        facts["restored"] = answer.restored
    if answer.unknown_placeholders:
        facts["unknown"] = " ".join(answer.unknown_placeholders)
    err.print(
        f"[dim]{', '.join(f'{key} {value}' for key, value in facts.items())}, {answer.timings.total_s:.2f} s[/dim]"
    )
