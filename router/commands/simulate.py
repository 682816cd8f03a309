"""`tidegate policy simulate`: what a policy would do to waits, costs and dead letters. Runs no job."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from router.commands.terminal import AsJson, PolicyFile, console, narrowing, policy_path, told, write
from router.policy.loader import load_policy
from router.policy.simulation.fleet import fleet
from router.policy.simulation.report import as_json as told_to_machines
from router.policy.simulation.report import render
from router.policy.simulation.run import Limits, simulate
from router.policy.simulation.traffic import Arrival, Traffic, generated, replayed, service_times
from router.recorded import read_recorded
from tidegate.documents import read
from tidegate.expectations import did_you_mean
from tidegate.settings import load

Number = TypeVar("Number", int, float)

Replay = Annotated[
    Path | None,
    typer.Option("--replay", metavar="FILE", help="Recorded decisions (JSONL): their signals, at their times."),
]
TrafficFile = Annotated[Path | None, typer.Option("--traffic", metavar="FILE", help="Traffic described in YAML.")]
Rate = Annotated[
    float | None, typer.Option("--rate", min=0.0001, max=10_000, help="Generated jobs a second; 1 if not given.")
]
Minutes = Annotated[
    float | None, typer.Option("--minutes", min=0.01, max=10_080, help="For how long they come; 60 if not given.")
]
Burst = Annotated[
    float | None, typer.Option("--burst", min=0.001, max=1000, help="In the middle fifth, so many times the rate.")
]
Speed = Annotated[float, typer.Option("--speed", help="Replay so many times faster.", min=0.001)]
Service = Annotated[
    list[str] | None, typer.Option("--service", metavar="LANE=S", help="Mean service time of a lane, in seconds.")
]
Workers = Annotated[
    list[str] | None, typer.Option("--workers", metavar="LANE=N", help="Workers of a lane; 1 where not given.")
]
Failing = Annotated[
    list[str] | None, typer.Option("--failing", metavar="LANE=SHARE", help="Share of runs that fail: near=0.02.")
]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same result.")]
Deadline = Annotated[float, typer.Option("--deadline", help="Seconds until a job that waits expires.", min=0.001)]
MaxJobs = Annotated[int, typer.Option("--max-jobs", help="Stop after so many jobs.", min=1, max=2_000_000)]
Limit = Annotated[float, typer.Option("--limit", help="Stop after so many seconds of computing.", min=0.1, max=3600)]


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("simulate")(run)


def run(
    file: PolicyFile = None,
    *,
    replay: Replay = None,
    traffic: TrafficFile = None,
    rate: Rate = None,
    minutes: Minutes = None,
    burst: Burst = None,
    speed: Speed = 1.0,
    service: Service = None,
    workers: Workers = None,
    failing: Failing = None,
    seed: Seed = 1,
    deadline: Deadline = 86_400.0,
    max_jobs: MaxJobs = 200_000,
    limit: Limit = 20.0,
    as_json: AsJson = False,
) -> None:
    """Let traffic run through a policy and a queueing model: waits, overflow, cost and dead letters by lane.

    Exit code 1 where a sensitive job was cleared for the outside, which no policy can do.
    """
    described = {"rate_per_s": rate, "minutes": minutes, "burst": burst}
    given = {name: value for name, value in described.items() if value is not None}
    if replay is not None and (traffic is not None or given):
        raise typer.BadParameter("--replay brings its own traffic: leave out --traffic, --rate, --minutes, --burst")
    with told():
        policy = load_policy(policy_path(file))
        arrivals, measured_s = _arrivals(replay, traffic, given, speed=speed, seed=seed, most=max_jobs)
        served = fleet(
            policy.lanes,
            given_s=_by_lane(service, float, policy.lanes, "--service", least=0.001, most=86_400),
            measured_s=measured_s,
            workers=_by_lane(workers, int, policy.lanes, "--workers", least=0, most=10_000),
            failing=_by_lane(failing, float, policy.lanes, "--failing", least=0, most=1),
        )
        limits = Limits(jobs=max_jobs, wall_s=limit, deadline_s=deadline, dwell_s=load().overflow_dwell_s)
        tally = simulate(policy, arrivals, fleet=served, seed=seed, limits=limits)
    if as_json:
        write(json.dumps({"policy": policy.version, "seed": seed, **told_to_machines(tally, served)}))
    else:
        out = console()
        for line in narrowing(policy):
            out.print(line)
        out.print(f"{policy.version}, seed {seed}", markup=False)
        out.print(render(tally, served))
    raise typer.Exit(1 if tally.sensitive_cleared else 0)


def _arrivals(
    replay: Path | None, described: Path | None, given: Mapping[str, float], *, speed: float, seed: int, most: int
) -> tuple[Iterable[Arrival], Mapping[str, float]]:
    """The traffic, and the service times that were measured with it."""
    if replay is not None:
        records = list(read_recorded(replay, limit=most + 1))
        return replayed(records, speed=speed), service_times(records)
    traffic = read(described).parse(Traffic) if described is not None else Traffic()
    checked = Traffic.model_validate({**traffic.model_dump(), **given})
    return generated(checked, seed=seed), {}


def _by_lane(
    written: list[str] | None,
    number: Callable[[str], Number],
    lanes: Mapping[str, object],
    option: str,
    *,
    least: float,
    most: float,
) -> dict[str, Number]:
    """`near=2.5` by lane. Anything else is misuse."""
    found = {}
    for item in written or ():
        lane, _, said = item.partition("=")
        if lane not in lanes:
            raise typer.BadParameter(f"{option} {item}: no such lane{did_you_mean(lane, lanes)}")
        try:
            value = number(said)
        except ValueError:
            raise typer.BadParameter(f"{option} {item}: give a number, such as {lane}=2") from None
        if not least <= value <= most:
            raise typer.BadParameter(f"{option} {item}: give a number from {least:g} to {most:g}")
        found[lane] = value
    return found
