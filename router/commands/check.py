"""`tidegate policy check`: every error of a policy at once, each with its place."""

import json

import typer

from router import findings
from router.commands.terminal import AsJson, PolicyFile, console, policy_path, told, write


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("check")(check)


def check(file: PolicyFile = None, *, as_json: AsJson = False) -> None:
    """Tell every error of a policy at once, each with its place. Exit code 1 where there is one."""
    with told():
        path = policy_path(file)
    report = findings.of(path)
    if as_json:
        write(json.dumps(report.as_json()))
    else:
        console().print(report.render(), soft_wrap=True)
    raise typer.Exit(0 if report.holds else 1)
