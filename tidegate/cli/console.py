"""What every command prints with: tables for people on standard output, remarks on standard error, JSON for programs.

Colour appears on a terminal only, and never where NO_COLOR is set; rich sees to both.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

T = TypeVar("T")

_WIDTH_IN_A_FILE = 160
"""Nobody's window limits a file or a pipe; eighty columns would cut tables short."""


def console(*, stderr: bool = False) -> Console:
    """A console for people, as wide as their window."""
    stream = sys.stderr if stderr else sys.stdout
    free = not stream.isatty() and "COLUMNS" not in os.environ
    return Console(stderr=stderr, highlight=False, width=_WIDTH_IN_A_FILE if free else None)


out, err = console(), console(stderr=True)

LONG = 100
"""A list of this many things may take longer than two seconds to work through: it gets a progress bar."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def emit(value: Any) -> None:
    """One JSON value on one line, for programs."""
    typer.echo(json.dumps(value, default=str))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> Table:
    """A plain table; `None` is shown as a dash."""
    made = Table(title=title, box=None, pad_edge=False, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*("-" if cell is None else str(cell) for cell in row))
    return made


def counted(items: Iterable[T], what: str, *, quiet: bool = False) -> Iterator[T]:
    """The same things, and on a terminal how many came yet: for those whose number is known when all were read."""
    columns = (SpinnerColumn(), TextColumn(what), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        yield from progress.track(items, total=None)


def seconds(value: float | None) -> str | None:
    """A duration as people read it."""
    if value is None:
        return None
    for limit, divisor, unit in ((1, 0.001, "ms"), (120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if value < limit:
            return f"{value / divisor:.0f} {unit}" if unit == "ms" else f"{value / divisor:.1f} {unit}"
    return f"{value / 86_400:.1f} d"


def usd(value: float | None) -> str | None:
    """An amount of money with as many digits as small amounts need."""
    return None if value is None else f"${value:.4f}" if value < 1 else f"${value:.2f}"
