"""The router's process as a command."""

import typer

from tidegate.logs import configure
from tidegate.settings import load


def mount(root: typer.Typer) -> None:
    """Add the command."""
    root.command(rich_help_panel="Processes")(router)


def router() -> None:
    """Run a router: it decides by the policy where each job goes."""
    from router.app import open_service  # noqa: PLC0415 - detectors take seconds to import

    settings = load()
    configure(settings.log_level)
    open_service(settings).run()
