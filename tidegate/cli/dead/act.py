"""Acting on dead letters: redrive, purge."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from tidegate.audit.journal import who
from tidegate.cli.console import AsJson, counted, emit, err
from tidegate.cli.dead.options import DryRun, Everything, chooses, see_meant
from tidegate.client import Client
from tidegate.deadletters import Choice, Redriven, chosen, purged, redriven
from tidegate.errors import Misuse
from tidegate.lanes import read_lanes
from tidegate.settings import load

INTERRUPTED = 130
"""The exit code of what Ctrl-C ended."""

LaneTo = Annotated[
    str | None, typer.Option("--lane-to", help="Run them on this lane first, where the policy allows it for the job.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("redrive")(redrive_)
    app.command("purge")(purge_)


@chooses(ids=True)
def redrive_(
    *,
    meant: Choice,
    everything: Everything = False,
    lane_to: LaneTo = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Letters a second, so that a lane is not flooded.")] = 50.0,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send letters through the router again: by today's policy, with as much time as they had at first.

    Ctrl-C stops it between two letters; the others stay where they are.
    """
    _see_lane(lane_to)
    client = Client()
    see_meant(client, meant, everything=everything)
    letters = chosen(client.ledger, meant)
    if dry_run:
        count = sum(1 for _ in _told((letter.id for letter in letters), "redriven", done=False, as_json=as_json))
        err.print(f"{count} dead letters would be redriven")
        return
    done, refused = 0, 0
    try:
        outcomes = redriven(client.ledger, client.doorbell, letters, by=who(), rate=rate, lane=lane_to)
        for outcome in counted(outcomes, "redriving", quiet=as_json):
            done, refused = done + (outcome.refused is None), refused + (outcome.refused is not None)
            _tell(outcome, as_json=as_json)
    except KeyboardInterrupt:
        err.print(f"stopped: {done} dead letters redriven, the others are as they were")
        raise typer.Exit(INTERRUPTED) from None
    err.print(f"{done} dead letters redriven")
    if refused:
        raise typer.Exit(1)


@chooses(ids=True)
def purge_(
    *,
    meant: Choice,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove letters for good: record, history and payload."""
    client = Client()
    see_meant(client, meant, everything=everything)
    letters = chosen(client.ledger, meant)
    ids = (letter.id for letter in letters) if dry_run else purged(client.ledger, letters, by=who())
    count = sum(1 for _ in _told(ids, "purged", done=not dry_run, as_json=as_json))
    err.print(f"{count} dead letters {'would be ' if dry_run else ''}removed")


def _see_lane(lane: str | None) -> None:
    if lane is None:
        return
    policy = load().policy_file
    lanes = read_lanes(policy)
    if lane not in lanes:
        raise Misuse(f"--lane-to: {policy} has no lane {lane}; there is: {', '.join(lanes)}")


def _tell(outcome: Redriven, *, as_json: bool) -> None:
    if outcome.refused is not None:
        err.print(outcome.refused, style="red", markup=False)
    elif as_json:
        emit({"job_id": outcome.job_id, "redriven": True})


def _told(ids: Iterable[str], what: str, *, done: bool, as_json: bool) -> Iterator[str]:
    for job_id in ids:
        emit({"job_id": job_id, what: done}) if as_json else typer.echo(job_id)
        yield job_id
