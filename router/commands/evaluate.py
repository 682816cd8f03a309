"""`tidegate eval`: how well a signal judges texts whose truth is known.

The numbers are made in `router.evaluation`. A text is printed only where `--show-text` asks for it, on a terminal.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from router.commands.terminal import PolicyOption, console, policy_path, told
from router.evaluation import tally
from router.evaluation.looking import Look, Open, Outcome, outcomes
from router.evaluation.report import Evaluation, as_json, render
from router.evaluation.rows import Row, read_rows
from router.policy.loader import load_policy
from router.prompts import read_prompts, resolve
from tidegate.errors import Misuse
from tidegate.settings import load

Advance = Callable[[], None]


class By(StrEnum):
    """What the numbers can be told apart by."""

    TYPE = "type"
    TRANSFORM = "transform"
    SOURCE = "source"
    TEMPLATE = "template"


PATIENCE_S = 2.0
"""What takes longer shows a progress bar."""

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE…", help="JSONL: a job or a text a line, with what it holds.")
]
Json = Annotated[
    str | None, typer.Option("--json", metavar="PATH|-", help="Write the numbers here too; -: print them instead.")
]
Jobs = Annotated[int, typer.Option("--jobs", help="Processes to work in.", min=1, max=256)]
Breakdown = Annotated[
    list[By] | None, typer.Option("--by", help="Tell the numbers apart by this; type and transform where not given.")
]
Misses = Annotated[int, typer.Option("--misses", help="Show where so many misses and false alarms stand.", min=0)]
ShowText = Annotated[bool, typer.Option("--show-text", help="With their texts, on your terminal only.")]
LeastRecall = Annotated[
    float | None, typer.Option("--recall-at-least", help="Exit code 1 below this share.", min=0, max=1)
]
MostAlarms = Annotated[
    float | None, typer.Option("--alarms-at-most", help="Exit code 1 above this share.", min=0, max=1)
]

app = typer.Typer(no_args_is_help=True, help="Measure how well signals judge.")


def mount(root: typer.Typer) -> None:
    """Add the group to `tidegate`."""
    root.add_typer(app, name="eval", rich_help_panel="Policy")


@app.callback()
def evaluate() -> None:
    """Measure how well signals judge."""


@app.command()
def sensitivity(
    files: Files,
    *,
    policy: PolicyOption = None,
    json_to: Json = None,
    jobs: Jobs = 1,
    by: Breakdown = None,
    misses: Misses = 0,
    show_text: ShowText = False,
    recall_at_least: LeastRecall = None,
    alarms_at_most: MostAlarms = None,
) -> None:
    """Measure the detectors on texts: recall by type and disguise, false alarms, levels, throughput.

    Each line of a FILE is a JSON object: a job or a `text`, and `spans` ([[start, end, type]]), `types`, `type` or an
    expected `level` for what it holds; none of them means nothing personal. A text counts as kept inside when its level
    is personal, restricted or unknown. Texts are never printed, but for --show-text.

    Exit codes: 0 measured, 1 short of --recall-at-least or over --alarms-at-most, 2 misuse.
    """
    if show_text and not _on_a_terminal():
        raise typer.BadParameter("--show-text prints people's texts: it needs a terminal, not a file or a pipe")
    target = None if json_to in (None, "-") else Path(json_to or "")
    with told():
        settings = load()
        rows = [row for path in files for row in read_rows(path, max_bytes=settings.max_job_bytes)]
        if not rows:
            raise Misuse("there is nothing to measure: the files hold no rows")
        version = load_policy(policy_path(policy)).version
        measured = measure(rows, opener=partial(detectors, policy_path(policy)), jobs=jobs, policy=version)
        if target is not None:
            _write(target, _told_to_machines(measured, by, misses))
    if json_to == "-":
        typer.echo(_told_to_machines(measured, by, misses))
    else:
        console().print(render(measured, by=_chosen(by), misses=misses))
    if show_text:
        _print_texts(measured, misses or len(rows))
    raise typer.Exit(_verdict(measured, recall_at_least, alarms_at_most))


def measure(rows: Sequence[Row], *, opener: Open, jobs: int, policy: str | None) -> Evaluation:
    """Look at every row, with a progress bar where that takes time."""
    found: list[Outcome] = []
    started = time.monotonic()
    with _progress(len(rows)) as advance:
        for outcome in outcomes(rows, opener=opener, jobs=min(jobs, len(rows))):
            if not found:  # opening the detectors is not looking
                started = time.monotonic() - outcome.cpu_s
            found.append(outcome)
            advance()
    return Evaluation(tuple(zip(rows, found, strict=True)), wall_s=time.monotonic() - started, policy=policy, jobs=jobs)


@contextmanager
def detectors(policy: Path) -> Iterator[Look]:
    """The detectors as the router opens them, judging by the policy's own levels and lists."""
    from router.inspection import open_inspector  # noqa: PLC0415 -- detectors take seconds to import

    rules, prompts = load_policy(policy).sensitivity, read_prompts(policy.with_name("prompts.yaml"))
    inspector = open_inspector(load())
    try:
        yield lambda job: inspector.inspect(resolve(job, prompts), rules=rules).sensitivity
    finally:
        inspector.close()


def _on_a_terminal() -> bool:
    return sys.stdout.isatty()


@contextmanager
def _progress(total: int) -> Iterator[Advance]:
    """Says how far it is, once it has taken a while; Ctrl-C ends it in one line."""
    err = console(stderr=True)
    columns = (TextColumn("looking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    task = bar.add_task("looking", total=total)
    until, done = time.monotonic() + PATIENCE_S, 0

    def advance() -> None:
        nonlocal done
        done += 1
        bar.update(task, completed=done)
        if not bar.live.is_started and time.monotonic() > until:
            bar.start()

    try:
        yield advance
    except KeyboardInterrupt:
        bar.stop()
        err.print(f"stopped after {done} of {total} rows", markup=False)
        raise typer.Exit(130) from None
    finally:
        bar.stop()


def _chosen(by: Sequence[By] | None) -> tuple[str, ...]:
    return tuple(choice.value for choice in by or (By.TYPE, By.TRANSFORM))


def _told_to_machines(measured: Evaluation, by: Sequence[By] | None, misses: int) -> str:
    return json.dumps(as_json(measured, by=_chosen(by), misses=misses))


def _write(path: Path, text: str) -> None:
    """All of it or nothing: a job that reads it may look at any moment."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as exc:
        beside.unlink(missing_ok=True)
        raise Misuse(f"--json {path}: {exc.strerror}") from None


def _print_texts(measured: Evaluation, most: int) -> None:
    out = console()
    for title, pairs in (("missed", tally.misses(measured.pairs)), ("false alarm", tally.alarms(measured.pairs))):
        for row, _ in pairs[:most]:
            out.print(Text(f"{title} {row.file}:{row.line}", style="bold"))
            for turn in row.job.turns():
                out.print(Text(turn.text))


def _verdict(measured: Evaluation, recall_at_least: float | None, alarms_at_most: float | None) -> int:
    total = measured.total
    recall, alarms = total.recall.share, total.alarms.share
    short = recall_at_least is not None and (recall is None or recall < recall_at_least)
    loud = alarms_at_most is not None and (alarms is None or alarms > alarms_at_most)
    return 1 if short or loud else 0
