"""`tidegate policy test`: does a policy decide as its operators wrote down?"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from router.commands.detectors import detectors
from router.commands.terminal import AsJson, console, narrowing, policy_path, told, write
from router.findings import rendered
from router.policy.cases import report
from router.policy.cases.trial import Trials, try_policy
from tidegate.errors import InvalidDocument

Files = Annotated[
    list[Path] | None, typer.Argument(help="Policies, or files of cases; the configured policy where none is given.")
]
WATCH_S = 0.5
"""Between two looks at the files."""


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("test")(run_cases)


def run_cases(
    files: Files = None,
    *,
    coverage: Annotated[bool, typer.Option("--coverage", help="Also how many cases each rule and lane has.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Also the cases that passed.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again whenever a YAML file beside them changes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold a policy against its cases: those under `tests`, and those in NAME.tests.yaml beside it.

    Exit code 1 where one failed or a file has an error.
    """
    with told():
        paths = tuple(policy_path(file) for file in files) if files else (policy_path(None),)
    if watch:
        _watch(paths, coverage=coverage, every=every, as_json=as_json)
    raise typer.Exit(_run(paths, coverage=coverage, every=every, as_json=as_json))


def _run(paths: Sequence[Path], *, coverage: bool, every: bool, as_json: bool) -> int:
    tried: list[Trials] = []
    errors: list[str] = []
    for path in paths:
        try:
            tried.append(try_policy(path, open_inspector=detectors))
        except InvalidDocument as exc:
            errors += exc.problems
    holds = not errors and all(one.passed for one in tried)
    if as_json:
        write(json.dumps({"holds": holds, "errors": errors, "policies": [report.as_json(one) for one in tried]}))
    else:
        _print(tried, coverage=coverage, every=every)
        console(stderr=True).print(rendered(errors), soft_wrap=True, end="")
    return 0 if holds else 1


def _print(tried: Sequence[Trials], *, coverage: bool, every: bool) -> None:
    for one in tried:
        for line in narrowing(one.policy):
            console().print(line)
        console().print(report.render(one, every=every, coverage=coverage), soft_wrap=True)


def _watch(paths: Sequence[Path], *, coverage: bool, every: bool, as_json: bool) -> None:
    """Until somebody presses Ctrl-C. A file that is broken for a moment does not end it."""
    for _ in changes(paths):
        _run(paths, coverage=coverage, every=every, as_json=as_json)
        if not as_json:
            console().print(time.strftime("%H:%M:%S: waiting for a change; Ctrl-C ends it"), style="dim")


def changes(paths: Sequence[Path], *, pause_s: float = WATCH_S) -> Iterator[None]:
    """Once at the start, and after each change of a YAML file in the folders of these."""
    folders = sorted({path.resolve().parent for path in paths})
    seen: dict[Path, int] | None = None
    while True:
        now = {file: _changed_at(file) for folder in folders for file in folder.glob("*.yaml")}
        if now != seen:
            seen = now
            yield
        else:
            time.sleep(pause_s)


def _changed_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0  # gone between two looks
