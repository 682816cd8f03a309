"""`tidegate flower`: Flower on our application, with authentication on and controls off unless asked for."""

import importlib.util
import os

import typer

from tidegate import connections
from tidegate.errors import MissingExtra
from tidegate.keys import flower_password
from tidegate.logs import configure
from tidegate.settings import load

_MAX_TASKS = 10_000
"""Flower keeps these in memory; the ledger, not Flower, is the record."""


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Processes")(flower)


def flower() -> None:
    """Run Flower."""
    if importlib.util.find_spec("flower") is None:
        raise MissingExtra("watch", needed_for="Flower")
    from tidegate.messaging import celery_app  # noqa: PLC0415 - Celery takes a third of a second to import

    settings = load()
    configure(settings.log_level)
    where = connections.addresses(settings)
    # By environment, not by arguments: those can be read by every user of the machine.
    os.environ.update(
        FLOWER_ADDRESS=settings.flower_host,
        FLOWER_PORT=str(settings.flower_port),
        FLOWER_BASIC_AUTH=f"{settings.flower_user}:{flower_password(settings)}",
        FLOWER_READ_ONLY=str(not settings.flower_writable),
        FLOWER_MAX_TASKS=str(_MAX_TASKS),
        FLOWER_UNAUTHENTICATED_API="false",
        FLOWER_AUTO_REFRESH="true",
    )
    celery_app(settings, where, role="flower", guarded=False).start(
        ["flower"]
    )  # its pages know kombu's transports by name only
