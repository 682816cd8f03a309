"""Commands over dead letters: `look` at them, `act` on them, or take them along with `export`."""

import typer

from tidegate.cli.dead import act, export, look

app = typer.Typer(help="Dead letters: jobs that ended without a result.", no_args_is_help=True)
for part in (look, act, export):
    part.add_to(app)


def mount(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="dead", rich_help_panel="Operators")
