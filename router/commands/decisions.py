"""`tidegate policy decisions`: recorded decisions as JSON lines, for replay. Signals, never text."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from router.commands.terminal import told, write
from router.recorded import Decisions
from tidegate import connections
from tidegate.settings import load

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

decisions_app = typer.Typer(no_args_is_help=True, help="Recorded decisions: signals, never text.")

Moment = Annotated[str | None, typer.Option(help="A time: 30m, 2h, 7d ago, or 2026-01-31T08:00 (UTC).")]


def register(policy_app: typer.Typer) -> None:
    """Add the commands."""
    policy_app.add_typer(decisions_app, name="decisions")


@decisions_app.command("export")
def export(*, since: Moment = None, until: Moment = None) -> None:
    """Print recorded decisions as JSON lines, the oldest first."""
    start, end = moment(since) if since else 0.0, moment(until) if until else None
    with told():
        settings = load()
        store = connections.connect(connections.addresses(settings).store, timeout_s=settings.store_timeout_s)
        for recorded in Decisions.opened(store, settings).since(start, until=end):
            write(recorded.to_json())


def moment(written: str) -> float:
    """Unix time in seconds of an age or of a date. Anything else is misuse."""
    age = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", written)
    if age:
        return time.time() - float(age[1]) * _UNITS_S[age[2]]
    try:
        date = datetime.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter(f"expected an age such as 2h or a date such as 2026-01-31; got '{written}'") from None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
