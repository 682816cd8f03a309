"""Taking dead letters along: `tidegate dead export`."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tidegate.audit.journal import who
from tidegate.cli.console import counted, err
from tidegate.cli.dead.look import Reveal
from tidegate.cli.dead.options import chooses
from tidegate.client import Client
from tidegate.deadletters import Choice, chosen
from tidegate.deadletters.export import export
from tidegate.deadletters.reveal import reveal as revealed


class Format(StrEnum):
    """How letters are written."""

    JSONL = "jsonl"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export_)


@chooses()
def export_(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist. Only you can read it.")],
    *,
    format_: Annotated[Format, typer.Option("--format", help="One JSON object a line.")] = Format.JSONL,  # noqa: ARG001
    meant: Choice,
    reveal: Reveal = False,
) -> None:
    """Write dead letters to a file, without their texts unless they are revealed."""
    client = Client()
    opened = partial(revealed, client, by=who()) if reveal else None
    count = export(counted(chosen(client.ledger, meant, rules=True), "writing"), file, reveal=opened)
    err.print(f"{file}: {count} dead letters{', with their texts' if reveal else ''}")
