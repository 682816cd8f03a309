"""`tidegate policy rollback`: puts an earlier policy in force again."""

from typing import Annotated

import typer

from router.commands.apply import Note, ordered
from router.commands.terminal import AsJson, told


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("rollback")(rollback)


def rollback(
    version: Annotated[
        str | None,
        typer.Argument(
            help="A version or the beginning of its hash, an entry as '#3', or 'configured'. "
            "A policy's name means the one before of that policy; nothing, the one before the last change."
        ),
    ] = None,
    *,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Put an earlier policy in force again, where it still passes. The history only grows."""
    with told():
        ordered(lambda desk: desk.roll_back(version, note=note), as_json=as_json)
