"""What the workers add to the `tidegate` command."""

import typer

from workers import checkup
from workers.bench import commands as bench
from workers.models import commands as models


def mount(root: typer.Typer) -> None:
    """Add the workers' commands."""
    models.mount(root)
    bench.mount(root)
    checkup.add()
