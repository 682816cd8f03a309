"""`tidegate policy explain`: what a policy would do with one job, and why, rule by rule. Runs nothing."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from router.commands.detectors import detectors
from router.commands.terminal import AsJson, PolicyOption, console, narrowing, opened, policy_path, told, write
from router.explanation import render
from router.policy.cases.given import Given
from router.policy.cases.trial import cases_of
from router.policy.engine import decide
from router.policy.loader import load_policy
from router.policy.model import Policy
from router.redaction.decided import decided
from router.redaction.outcome import NotRedacted, Redaction
from tidegate.decision import Decision
from tidegate.documents import Document, parse, read
from tidegate.errors import InvalidDocument
from tidegate.expectations import did_you_mean
from tidegate.job import Job
from tidegate.settings import load
from tidegate.signals import Signals


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("explain")(explain)


def explain(
    file: Annotated[
        str | None,
        typer.Argument(help="A job, or the signals of one, in JSON or YAML; - for standard input.", show_default=False),
    ] = None,
    *,
    text: Annotated[str | None, typer.Option("--text", help="The text of a job: the detectors judge it.")] = None,
    signals: Annotated[
        str | None, typer.Option("--signals", metavar="JSON", help='Signals, as in a case: {"complexity": "simple"}.')
    ] = None,
    case: Annotated[str | None, typer.Option("--case", metavar="NAME", help="A case of the policy's tests.")] = None,
    policy: PolicyOption = None,
    redacted: Annotated[
        bool, typer.Option("--redacted", help="Print the redacted copy of the job as well: on this terminal only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a policy would do with a job: each rule in order, each condition with the value it saw, and why."""
    if sum(source is not None for source in (file, text, signals, case)) != 1:
        raise typer.BadParameter("give one of FILE, --text, --signals, --case")
    with told():
        path = policy_path(policy)
        ready = load_policy(path)
        given = _given(path, file=file, text=text, signals=signals, case=case)
        if redacted and not given.needs_detectors:
            raise typer.BadParameter("--redacted goes with a job's text: signals have none")
        found = _explained(given, path, ready, copied=redacted)
    if as_json:
        write(json.dumps(_as_dict(ready, found, copied=redacted)))
    else:
        _tell(ready, found, copied=redacted)


@dataclass(frozen=True)
class _Explained:
    """A decision, and what is replaced in what leaves."""

    decision: Decision
    redaction: Redaction | None = None
    refused: str | None = None
    """Why there is no redacted copy, where one was asked for on the command line."""


def _given(path: Path, *, file: str | None, text: str | None, signals: str | None, case: str | None) -> Given:
    if text is not None:
        if not text:
            raise typer.BadParameter("--text is empty")
        return Given(text=text)
    if signals is not None:
        return parse(signals, name="--signals").parse(Given)
    if case is not None:
        return _case(path, case)
    return _from(parse(_stdin(), name="<stdin>") if file == "-" else read(Path(file or "")))


def _from(document: Document) -> Given:
    """A job, signals, or a recorded decision, of which the signals are taken."""
    if "signals" in document.tree:
        return document.parse(Given, part=("signals",))
    of_jobs_only = Job.model_fields.keys() - Given.model_fields.keys()
    tree = {key: value for key, value in document.tree.items() if key not in of_jobs_only}
    return replace(document, tree=tree).parse(Given)


def _stdin() -> str:
    with opened("-") as stream, closing(stream):
        raw = stream.read(load().max_job_bytes + 1)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidDocument(("<stdin>:1:1: not UTF-8",)) from None


def _case(path: Path, name: str) -> Given:
    cases = {case.name: case.given for case in cases_of(path)}
    if name not in cases:
        raise typer.BadParameter(f"no such case{did_you_mean(name, cases)}")
    return cases[name]


def _explained(given: Given, path: Path, policy: Policy, *, copied: bool) -> _Explained:
    if not given.needs_detectors:
        return _Explained(decide(policy, given.signals(_no_text, table=policy.sensitivity.table)))
    jobs: list[Job] = []
    with detectors(path) as judge:

        def inspect(job: Job) -> Signals:
            jobs.append(job)
            return judge(job)

        signals = given.signals(inspect)
        decision, redaction = decided(jobs[0], signals, policy, decide=decide, redactor=judge)
        if redaction is not None or not copied:
            return _Explained(decision, redaction)
        try:
            return _Explained(decision, judge.redact(jobs[0], rules=policy.sensitivity))
        except NotRedacted as exc:
            return _Explained(decision, refused=str(exc))


def _no_text(_: object) -> Signals:
    raise AssertionError("asked about texts only")


def _as_dict(policy: Policy, found: _Explained, *, copied: bool) -> dict[str, Any]:
    told = {**json.loads(found.decision.to_json()), "not_reached": list(_not_reached(policy, found.decision))}
    if found.redaction is not None and copied:
        told["copy"] = json.loads(found.redaction.job.to_json())
    return told if found.refused is None else {**told, "not_redacted": found.refused}


def _tell(policy: Policy, found: _Explained, *, copied: bool) -> None:
    out, decision = console(), found.decision
    for line in narrowing(policy):
        out.print(line)
    out.print(render(decision))
    if found.refused is not None:
        out.print(Text(f"not redacted: {found.refused}", style="bold red"))
    for turn in found.redaction.job.turns() if found.redaction and copied else ():
        out.print(Text.assemble((f"{turn.role}  ", "dim"), turn.text))
    later = _not_reached(policy, decision)
    if later:
        out.print(Text(f"not looked at, since {decision.rule} decided: {', '.join(later)}", style="dim"))


def _not_reached(policy: Policy, decision: Decision) -> Sequence[str]:
    """The rules after the one that decided."""
    names = [rule.name for rule in (*policy.rules, policy.default)]
    return names[names.index(decision.rule) + 1 :] if decision.rule in names else []
