"""`tidegate policy check`: every error of a policy at once, each with its place, and what may not have been meant."""

from enum import StrEnum
from typing import Annotated

import typer

from router import findings
from router.commands.terminal import AsJson, PolicyFile, console, policy_path, told, write
from router.formats import FORMATS


class Form(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


FormOption = Annotated[Form, typer.Option("--format", help="text; json; github (annotations); sarif (code scanning).")]
Strict = Annotated[bool, typer.Option("--strict", help="Fall short on warnings, too.")]


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("check")(check)


def check(
    file: PolicyFile = None, *, form: FormOption = Form.TEXT, strict: Strict = False, as_json: AsJson = False
) -> None:
    """Tell every error of a policy at once, each with its place. Exit code 1 where there is one.

    Warnings tell what may not have been meant: rules that no job reaches, lanes to which nothing goes, gaps between
    bands and overlaps, waits at which jobs would flap.
    """
    with told():
        path = policy_path(file)
    report = findings.of(path)
    form = Form.JSON if as_json else form
    if form is Form.TEXT:
        console().print(report.render(), soft_wrap=True)
    elif text := FORMATS[form.value](report):
        write(text)
    raise typer.Exit(0 if report.holds and not (strict and report.warnings) else 1)
