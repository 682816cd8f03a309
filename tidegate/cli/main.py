"""The `tidegate` command: the contract's own commands, and those of router, workers and gateway where present."""

import importlib.util
import sys
from importlib import import_module
from typing import Annotated

import typer

from tidegate import __version__
from tidegate.cli import (
    audit,
    console,
    costs,
    dead,
    demo,
    doctor,
    flower,
    health,
    jobs,
    keys,
    lanes,
    schema,
    status,
    up,
)
from tidegate.errors import TidegateError

MOUNTED = ("router.cli", "router.process", "workers.cli", "workers.processes", "gateway.cli")
"""Modules that bring commands of their own where they are installed: the wheel alone has none of them."""

app = typer.Typer(
    name="tidegate",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=lambda value: _version(asked=value)
        ),
    ] = False,
) -> None:
    """Hybrid routing for LLM jobs: what is personal stays inside, what may leave flows out, nothing is lost."""


for part in (demo, up, jobs, schema, status, lanes, costs, dead, audit, keys, doctor, health, flower):
    part.mount(app)
for name in MOUNTED:
    if importlib.util.find_spec(name.partition(".")[0]) and importlib.util.find_spec(name):
        import_module(name).mount(app)


def main() -> None:
    """Run the command; an error of ours is one message and an exit code, never a traceback."""
    try:
        app(prog_name="tidegate")
    except TidegateError as exc:
        console.err.print(f"tidegate: {exc}", style="red", markup=False, soft_wrap=True)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
