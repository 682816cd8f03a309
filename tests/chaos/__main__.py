"""`bin/chaos`: run an installation, kill everything, and see whether what was promised holds."""

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chaos import rabbit, report
from chaos.faults import FAULTS
from chaos.plan import Plan
from chaos.run import run

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})

_TELL_EVERY_S = 5.0

Broker = Annotated[str, typer.Option(help="redis or rabbitmq.")]


@app.command()
def main(
    *,
    sample: Annotated[bool, typer.Option("--sample", help="Three minutes at most: what CI runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tables to standard error, an object as last line.")] = False,
    seed: Annotated[int | None, typer.Option(help="Draws jobs and faults; chosen and shown where not given.")] = None,
    faults: Annotated[str, typer.Option(help="Only these, by commas; `list` names them. engine: 200 real runs.")] = "",
    broker: Broker = "redis",
    fsync: Annotated[str, typer.Option(help="The store's appendfsync: always, everysec or no.")] = "always",
    jobs: Annotated[int, typer.Option(min=1, help="How many at least.")] = 20_000,
    kills: Annotated[int, typer.Option(min=0, help="How many kill -9, spread over the jobs.")] = 100,
    duration: Annotated[float, typer.Option(min=1, help="Seconds over which the jobs are spread.")] = 300,
    producers: Annotated[int, typer.Option(min=1, max=16, help="Processes that submit.")] = 2,
    keep: Annotated[Path | None, typer.Option(help="A new folder for logs and ledgers, which is kept.")] = None,
) -> None:
    """Kill everything, and see whether every accepted job still ends once. Exit code 0 only if all invariants hold."""
    if faults == "list":
        for name in FAULTS:
            typer.echo(name)
        return
    if broker == "rabbitmq" and (why := rabbit.missing()):
        raise typer.BadParameter(why, param_hint="--broker")
    engine = faults == "engine"
    plan = Plan(
        folder=_folder(keep),
        seed=random.SystemRandom().randrange(10**6) if seed is None else seed,
        broker=_one_of(broker, ("redis", "rabbitmq"), "--broker"),
        fsync=_one_of(fsync, ("always", "everysec", "no"), "--fsync"),
        jobs=200 if engine else 1_500 if sample else jobs,
        kills=10 if engine else 15 if sample else kills,
        duration_s=20 if engine else 90 if sample else duration,
        faults=("kill-engine",) if engine else _named(faults),
        kind="tiny" if engine else None,
        producers=producers,
        limit_s=(180 if engine or sample else 120 + 3 * duration),
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console(stderr=as_json)
    progress = _Progress()
    progress.say(f"seed {plan.seed}, {plan.broker}, appendfsync {plan.fsync}; logs in {plan.folder}")
    outcome = run(plan, progress.tell)
    report.show(outcome, console)
    if outcome.holds and keep is None:
        shutil.rmtree(plan.folder)
    else:
        console.print(f"logs and ledgers: {plan.folder}")
    if as_json:
        typer.echo(json.dumps(report.facts(outcome)))
    raise typer.Exit(0 if outcome.holds else 1)


class _Progress:
    """A line that is written over on a terminal, and now and then a line elsewhere."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told_at = 0.0
        self._line = sys.stderr.isatty() and "NO_COLOR" not in os.environ

    def say(self, what: str) -> None:
        """A line of its own."""
        sys.stderr.write(f"{what}\n")

    def tell(self, what: str) -> None:
        """How far it is."""
        now = time.monotonic()
        if self._line:
            sys.stderr.write(f"\r\033[K{now - self._began:4.0f} s  {what}")
        elif now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            self.say(f"{now - self._began:4.0f} s  {what}")


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="tidegate-chaos-"))
    if keep.exists() and any(keep.iterdir()):
        raise typer.BadParameter(f"{keep} is not empty: name a new folder", param_hint="--keep")
    keep.mkdir(parents=True, exist_ok=True)
    return keep.resolve()


def _named(faults: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in faults.split(",") if name.strip()) or tuple(FAULTS)
    if unknown := sorted(set(names) - FAULTS.keys()):
        raise typer.BadParameter(f"no fault {', '.join(unknown)}; there is: {', '.join(FAULTS)}", param_hint="--faults")
    return names


def _one_of(given: str, known: tuple[str, ...], option: str) -> str:
    if given not in known:
        raise typer.BadParameter(f"{given}; expected {' or '.join(known)}", param_hint=option)
    return given


if __name__ == "__main__":
    app(prog_name="chaos")
