"""The stand-in from the command line: `python -m workers.standin --port 0 --ready-file PATH`."""

import os
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from tidegate.value import problems
from workers.standin.app import StandIn
from workers.standin.faults import FAULTS, Fault, FaultBook
from workers.standin.limiter import Limiter
from workers.standin.server import HOST, serve

TOKEN_ENV = "TIDEGATE_STANDIN_TOKEN"  # noqa: S105 - the variable's name, not a token
"""Holds the control token: an argument could be read by anybody on the machine."""


def main(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 0,
    host: Annotated[str, typer.Option(help="Only 127.0.0.1: a stand-in serves nobody else.")] = HOST,
    ready_file: Annotated[Path | None, typer.Option(help="Gets the port once it can be called.")] = None,
    rules: Annotated[Path | None, typer.Option(help="A JSON file with faults to begin with.")] = None,
    record: Annotated[Path | None, typer.Option(help="Gets every request, a JSON line each.")] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Enforced strictly, for each key; refused calls get 429.")
    ] = None,
    limit_window_s: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Enforce that limit over this many seconds instead of a minute.")
    ] = 60.0,
    silent_limit: Annotated[
        bool, typer.Option("--silent-limit", help="Say neither what the limit is nor when to come again.")
    ] = False,
) -> None:
    """Stand in for a managed API on loopback: canned answers, and faults on demand."""
    if host != HOST:
        raise typer.BadParameter(f"the stand-in listens on {HOST} only", param_hint="--host")
    standin = StandIn(
        book=FaultBook(_faults(rules)),
        limiter=_limiter(requests_per_minute, window_s=limit_window_s, silent=silent_limit),
        control_token=os.environ.get(TOKEN_ENV) or None,
        record_path=record,
    )
    serve(standin, port=port, on_start=lambda url, chosen: _tell(url, chosen, ready_file))


def _limiter(requests_per_minute: int | None, *, window_s: float, silent: bool) -> Limiter | None:
    if requests_per_minute is None:
        return None
    return Limiter(max(1, round(requests_per_minute * window_s / 60)), window_s=window_s, silent=silent)


def _faults(rules: Path | None) -> tuple[Fault, ...]:
    if rules is None:
        return ()
    try:
        return FAULTS.validate_json(rules.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{rules}: {error.strerror}", param_hint="--rules") from None
    except ValidationError as error:
        raise typer.BadParameter(f"{rules}: {'; '.join(problems(error))}", param_hint="--rules") from None


def _tell(url: str, port: int, ready_file: Path | None) -> None:
    typer.echo(f"{url}/v1")
    if ready_file is not None:
        draft = ready_file.with_suffix(".part")
        draft.write_text(f"{port}\n")
        draft.replace(ready_file)  # whoever waits for the file never reads half a port


if __name__ == "__main__":
    typer.run(main)
