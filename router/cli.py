"""The router's commands: `policy check`, `policy schema` and `explain`. Mounted by the `tidegate` command.

Exit codes: 0 holds, 1 falls short, 2 misuse.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console

from router import findings
from router.explanation import render
from router.policy.loader import load_policy
from router.policy.schema import schema
from router.preview import lines_of, preview
from router.prompts import read_prompts
from tidegate.decision import Decision
from tidegate.errors import InvalidDocument, TidegateError
from tidegate.settings import load

PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="The policy to decide by; the configured one where not given.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]

policy_app = typer.Typer(no_args_is_help=True, help="Check a policy, and its schema for editors.")
app = typer.Typer(no_args_is_help=True, help="The router's commands.")


def mount(root: typer.Typer) -> None:
    """Add the commands to the `tidegate` command."""
    root.add_typer(policy_app, name="policy", rich_help_panel="Policy")
    root.command(rich_help_panel="Policy")(explain)


def explain(
    job_id: Annotated[str | None, typer.Argument(help="A job on record.")] = None,
    *,
    jsonl: Annotated[
        str | None, typer.Option("--jsonl", metavar="FILE", help="Decide each line of a file, or of - (stdin).")
    ] = None,
    policy: PolicyOption = None,
    as_json: AsJson = False,
) -> None:
    """Say where a job went and why, rule by rule; or, with --jsonl, where each line's job would go. Runs nothing."""
    if (job_id is None) == (jsonl is None):
        raise typer.BadParameter("give a JOB_ID or --jsonl FILE")
    if policy is not None and jsonl is None:
        raise typer.BadParameter("--policy goes with --jsonl: a job on record was decided by the policy of its time")
    with _told():
        if jsonl is not None:
            _explain_stream(jsonl, policy)
        elif job_id is not None:
            _explain_job(job_id, as_json=as_json)


@policy_app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="The policy; the configured one where not given.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell every error of a policy at once, each with its place. Exit code 1 where there is one."""
    with _told():
        path = file or load().policy_file
    if not path.is_file():
        raise typer.BadParameter(f"no file {path}")
    report = findings.of(path)
    if as_json:
        _write(json.dumps(report.as_json()))
    else:
        _console().print(report.render(), soft_wrap=True)
    raise typer.Exit(0 if report.holds else 1)


@policy_app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of policy files, for completion and hover texts in editors."""
    _write(json.dumps(schema(), indent=2))


def _explain_job(job_id: str, *, as_json: bool) -> None:
    decision = on_record(job_id)
    if decision is None:
        Console(stderr=True, highlight=False).print("No decision was made for this job yet.", markup=False)
        raise typer.Exit(1)
    if as_json:
        _write(decision.to_json())
    else:
        _console().print(render(decision))


def on_record(job_id: str) -> Decision | None:
    """The decision in the ledger; None where none was made yet. Raises UnknownJob, StoreUnavailable."""
    from tidegate.client import Client  # noqa: PLC0415 -- the policy commands need no store

    return Client().record(job_id).decided


def _explain_stream(source: str, policy: Path | None) -> None:
    from router.inspection import open_inspector  # noqa: PLC0415 -- detectors take seconds to import

    settings = load()
    path = policy or settings.policy_file
    ready, prompts = load_policy(path), read_prompts(path.with_name("prompts.yaml"))
    with _opened(source) as stream, closing(open_inspector(settings)) as inspector:
        for line in preview(
            lines_of(stream, max_bytes=settings.max_job_bytes),
            policy=ready,
            inspect=inspector.inspect,
            prompts=prompts,
            max_bytes=settings.max_job_bytes,
        ):
            _write(line)


@contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(source).open("rb")  # noqa: SIM115 -- closed below; only opening may fail as misuse
    except OSError as exc:
        raise typer.BadParameter(f"{source}: {exc.strerror}") from None
    with stream:
        yield stream


@contextmanager
def _told() -> Iterator[None]:
    """Tell an error of ours in words and end with its exit code."""
    try:
        yield
    except InvalidDocument as exc:
        Console(stderr=True).print(findings.rendered(exc.problems), soft_wrap=True)
        raise typer.Exit(exc.exit_code) from None
    except TidegateError as exc:
        Console(stderr=True, highlight=False).print(str(exc), markup=False, soft_wrap=True)
        raise typer.Exit(exc.exit_code) from None


def _console() -> Console:
    return Console(highlight=False)


def _write(line: str) -> None:
    """One line, at once: a reader at the other end of a pipe may be waiting for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


mount(app)
