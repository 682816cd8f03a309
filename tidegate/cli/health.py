"""`tidegate health`: does this machine's process of a role report itself? For health checks of containers.

A process says so every five seconds while it works, and ends itself when it no longer consumes: what the census knows
is more than that a process exists. Only processes of this host count, so one replica does not answer for another.
"""

import socket
from typing import Annotated

import typer

from tidegate import connections
from tidegate.cli.console import err
from tidegate.errors import TidegateError
from tidegate.ledger.census import Census, Presence
from tidegate.settings import load


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Operators")(health)


def health(*, role: Annotated[str, typer.Option(help="router, janitor, worker:inside or worker:outside.")]) -> None:
    """Exit 0 if a process of the role is alive on this host, else 1."""
    host = socket.gethostname()
    try:
        alive = any(_role(worker) == role and worker.host == host for worker in _workers())
        cause = f"no {role} reports itself from {host}"
    except TidegateError as exc:
        alive, cause = False, str(exc)
    if not alive:
        err.print(cause, markup=False)
        raise typer.Exit(1)


def _workers() -> list[Presence]:
    settings = load()
    where = connections.addresses(settings)
    return Census(connections.connect(where.store, timeout_s=settings.store_timeout_s)).workers()


def _role(worker: Presence) -> str:
    return f"{worker.role}:{worker.zone}" if worker.zone else worker.role
