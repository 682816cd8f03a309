"""`tidegate up`: the embedded installation, started and kept, until Ctrl-C."""

import contextlib
import importlib.util
import signal
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tidegate import connections
from tidegate.cli.console import AsJson, emit, err, out
from tidegate.errors import MissingExtra
from tidegate.keys import flower_password
from tidegate.lanes import read_lanes
from tidegate.settings import Settings, load

if TYPE_CHECKING:
    from tidegate.runtime.installation import Installation, Part

READY_S = 90.0
"""Starting takes about ten seconds on two cores; a cold disk may take several times that."""


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Start here")(up)


def up(*, as_json: AsJson = False) -> None:
    """Start store, router, workers, janitor and Flower on this machine, and keep them running until Ctrl-C."""
    settings = load()
    with installed(settings) as installation:
        started(installation)
        with contextlib.suppress(KeyboardInterrupt):
            _tell(installation) if as_json else _greet(installation)
            threading.Event().wait()


@contextlib.contextmanager
def installed(settings: Settings, **options: Any) -> Iterator["Installation"]:
    """An installation that is stopped at the end, whatever happens; a second Ctrl-C stops it at once."""
    for module in ("supervisor", "psutil"):
        if importlib.util.find_spec(module) is None:
            raise MissingExtra("embedded", needed_for="running everything on this machine")
    from tidegate.runtime.installation import Installation  # noqa: PLC0415 - an extra

    installation = Installation(settings, read_lanes(settings.policy_file), **options)
    with _terminating():
        try:
            yield installation
        finally:
            _stop(installation)


def started(installation: "Installation") -> None:
    """Start and wait until all is ready, showing what is."""
    installation.start()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("starting (usually 10 s) …", total=None)

        def watch(parts: list["Part"]) -> None:
            late = ", ".join(part.program.label for part in parts if not part.ready)
            progress.update(task, description=f"starting (usually 10 s): waiting for {late or 'nothing'}")

        installation.wait_ready(timeout_s=READY_S, watch=watch)
    err.print("started: " + ", ".join(program.label for program in installation.programs))


def _tell(installation: "Installation") -> None:
    where = connections.addresses(installation.settings)
    emit(
        {
            "flower": installation.flower_url,
            "store": connections.without_password(where.store),
            "provider": installation.standin_url,
            "data": str(installation.settings.data),
        }
    )


def _greet(installation: "Installation") -> None:
    settings = installation.settings
    where = connections.addresses(settings)
    out.print(
        f"Flower   {installation.flower_url}  (user {settings.flower_user}, password {_where_password(settings)})"
    )
    out.print(f"store    {connections.without_password(where.store)}")
    out.print(f"logs     {installation.log_of('*')}")
    if installation.standin_url:
        out.print(f"provider {installation.standin_url}/v1  (a stand-in of ours: no provider's key is configured)")
    out.print(
        "\nTry, in another terminal:  tidegate submit --wait 'Is this urgent? Answer yes or no.\\nThe server is down.'"
    )
    err.print("Ctrl-C stops everything.")


def _where_password(settings: Settings) -> str:
    if settings.flower_password is not None:
        return "as configured"
    flower_password(settings)
    return f"in {settings.keys_folder / 'flower.key'}"


def _stop(installation: "Installation") -> None:
    """In order; or at once, when somebody is in a hurry."""
    try:
        # Said in here: whoever reads it and presses Ctrl-C again must be heard.
        err.print("stopping everything (Ctrl-C again stops at once) …")
        installation.stop()
    except KeyboardInterrupt:
        err.print("stopping at once")
        installation.kill()


@contextlib.contextmanager
def _terminating() -> Iterator[None]:
    """SIGTERM and SIGHUP stop us as Ctrl-C does; so does SIGINT where a shell had us ignore it."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before: dict[signal.Signals, Callable[..., Any] | int | None] = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
