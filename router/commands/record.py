"""`tidegate explain`: where a job on record went and why, or where each job of a stream would go."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from router.commands.terminal import AsJson, PolicyOption, console, opened, told, write
from router.explanation import render
from router.policy.loader import load_policy
from router.preview import lines_of, preview
from router.prompts import read_prompts
from tidegate.decision import Decision
from tidegate.settings import load


def mount(root: typer.Typer) -> None:
    """Add the command to `tidegate` itself: it is asked of jobs, not of policies."""
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
    with told():
        if jsonl is not None:
            _explain_stream(jsonl, policy)
        elif job_id is not None:
            _explain_job(job_id, as_json=as_json)


def on_record(job_id: str) -> Decision | None:
    """The decision in the ledger; None where none was made yet. Raises UnknownJob, StoreUnavailable."""
    from tidegate.client import Client  # noqa: PLC0415 -- the policy commands need no store

    return Client().record(job_id).decided


def _explain_job(job_id: str, *, as_json: bool) -> None:
    decision = on_record(job_id)
    if decision is None:
        console(stderr=True).print("No decision was made for this job yet.", markup=False)
        raise typer.Exit(1)
    if as_json:
        write(decision.to_json())
    else:
        console().print(render(decision))


def _explain_stream(source: str, policy: Path | None) -> None:
    from router.inspection import open_inspector  # noqa: PLC0415 -- detectors take seconds to import
    from router.redaction.redactor import Redactor  # noqa: PLC0415
    from router.signals.sensitivity.views import views  # noqa: PLC0415

    settings = load()
    path = policy or settings.policy_file
    ready, prompts = load_policy(path), read_prompts(path.with_name("prompts.yaml"))
    with opened(source) as stream, closing(open_inspector(settings)) as inspector:
        for line in preview(
            lines_of(stream, max_bytes=settings.max_job_bytes),
            policy=ready,
            inspect=lambda job: inspector.inspect(job, rules=ready.sensitivity),
            redactor=Redactor(inspector=inspector, readings=views),
            prompts=prompts,
            max_bytes=settings.max_job_bytes,
        ):
            write(line)
