"""The queueing model: what theory says, the same for the same seed, bounded, and nothing sensitive goes out."""

import json
import math
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from router import cli
from router.policy.engine import decide
from router.policy.loader import load_policy, policy_from
from router.policy.model import Policy
from router.policy.simulation import run as simulation
from router.policy.simulation.fleet import fleet
from router.policy.simulation.run import Limits, simulate
from router.policy.simulation.tally import Tally, quantile
from router.policy.simulation.traffic import Arrival, Traffic, generated, replayed, service_times
from router.recorded import Recorded
from tidegate.decision import Decision
from tidegate.documents import parse, read
from tidegate.lane import Zone
from tidegate.settings import Settings
from tidegate.signals import Band, Complexity, LaneLoad, Level, Sensitivity, Signals

RUNNER = CliRunner()
OVERFLOWING = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: tiny, context_tokens: 8192}
  far:
    {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 100000, concurrency: 50,
     price: {input_usd: 1, output_usd: 2}}
rules:
  - name: sensitive
    when: {sensitivity: {at_least: personal}}
    send: near
    why: Stays.
  - name: rest
    send: near
    overflow: {to: far, when: {wait_s: {over: 20}}, until: {wait_s: {under: 8}}}
    why: Goes out while the near lane is busy.
default: {send: near, why: stays}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A policy with an overflow."""
    path = tmp_path / "p.yaml"
    path.write_text(OVERFLOWING)
    return path


def run(policy: Policy, traffic: Any, *, seed: int = 1, limits: Limits | None = None, **known: Any) -> Tally:
    """A simulation with lanes that take a second inside and half a second outside."""
    options = {"given_s": {"near": 1.0, "far": 0.5}, "measured_s": {}, "workers": {}, "failing": {}, **known}
    arrivals = generated(traffic, seed=seed) if isinstance(traffic, Traffic) else traffic
    return simulate(policy, arrivals, fleet=fleet(policy.lanes, **options), seed=seed, limits=limits)


def test_waits_are_those_of_theory(file: Path) -> None:
    """One server, random arrivals, half of its time busy: the mean wait of Pollaczek and Khinchine."""
    file.write_text(OVERFLOWING.replace("over: 20", "over: 20000"))
    traffic = Traffic(rate_per_s=0.5, minutes=500, sensitivity={Level.PUBLIC: 1})
    waits = run(load_policy(file), traffic).lanes["near"].waits_s
    square = 1.0 * 2.718281828 ** (0.5 * 0.5)
    assert sum(waits) / len(waits) == pytest.approx(0.5 * square / (2 * (1 - 0.5)), rel=0.1)


def test_the_same_seed_gives_the_same(file: Path) -> None:
    """And another seed does not."""
    one, two, three = (run(load_policy(file), Traffic(minutes=5), seed=seed) for seed in (7, 7, 8))
    assert one == two
    assert one != three


def test_a_burst_overflows_steadily_and_nothing_sensitive_leaves(file: Path) -> None:
    """While jobs come four times as fast, some hundreds go out; a rule that has begun does not end in between."""
    tally = run(load_policy(file), Traffic(rate_per_s=0.6, minutes=60, burst=4))
    assert tally.lanes["far"].overflowed > 200
    assert 2 <= tally.flips <= 12
    assert tally.sensitive_cleared == 0
    assert tally.lanes["far"].cost_usd > 0
    assert tally.lanes["near"].placed + tally.lanes["far"].placed + tally.refused.total() == tally.jobs


DWELL_S = 10.0
GAPS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 1.0, 4.0, 30.0]), st.integers(1, 60)), min_size=1, max_size=8)
"""Any pattern of bursts and lulls: so many jobs, each so long after the one before."""


@dataclass
class Watched:
    """What was decided, in order, and on what."""

    made: list[Decision] = field(default_factory=list)

    def decide(self, policy: Policy, signals: Signals, **more: Any) -> Decision:
        """The engine's, and kept."""
        self.made.append(decide(policy, signals, **more))
        return self.made[-1]


@settings(max_examples=60, deadline=None)
@given(
    gaps=GAPS,
    guarded=st.integers(2, 12),
    slots=st.integers(0, 6),
    pace_s=st.floats(0.1, 20.0),
    seed=st.integers(0, 99),
)
def test_under_any_pattern_of_arrivals_overflow_is_calm_and_right(
    *, gaps: list[tuple[float, int]], guarded: int, slots: int, pace_s: float, seed: int
) -> None:
    """At most one begin in a dwell time; who would wait too long goes out where that is sooner, and nobody else."""
    rules = policy_from(parse(OVERFLOWING), name="p")
    at_s = list(accumulate(gap for gap, count in gaps for _ in range(count)))
    levels = [Level.PUBLIC if number % guarded else Level.PERSONAL for number in range(len(at_s))]
    arrivals = [Arrival(at, arriving(level)) for at, level in zip(at_s, levels, strict=True)]
    watched = Watched()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulation, "decide", watched.decide)
        known = {"given_s": {"near": 1.0, "far": pace_s}, "workers": {"far": slots / 50}}
        run(rules, arrivals, seed=seed, limits=Limits(dwell_s=DWELL_S), **known)
    begins = [at for at, one in zip(at_s, watched.made, strict=True) if one.overflow == "enter"]
    assert all(after - before >= DWELL_S for before, after in pairwise(begins))
    last_out = -math.inf
    for at, one in zip(at_s, watched.made, strict=True):
        near, far = (math.inf if load.wait_s is None else load.wait_s for load in one.signals.load.values())
        out, lasts = one.lanes[0] == "far", "rest" in one.signals.overflowing
        assert lasts == (at < last_out + DWELL_S)
        if one.rule == "rest":
            assert out == (far < near and (near > 20 or (lasts and near >= 8)))
        else:
            assert not out
        last_out = at if out else last_out


def test_without_an_end_of_its_own_an_overflow_keeps_no_state(file: Path) -> None:
    """As soon as the wait is shorter the next job stays: nothing begins and nothing ends."""
    file.write_text(OVERFLOWING.replace(", until: {wait_s: {under: 8}}", ""))
    tally = run(load_policy(file), Traffic(rate_per_s=2, minutes=10))
    assert (tally.flips, tally.overflowed > 100) == (0, True)


def test_runs_that_fail_are_tried_again_and_end_as_dead_letters(file: Path) -> None:
    """All fail on the near lane: four tries each, then the reason is on record."""
    traffic = Traffic(rate_per_s=0.05, minutes=20, sensitivity={Level.PERSONAL: 1})
    tally = run(load_policy(file), traffic, failing={"near": 1.0})
    assert tally.lanes["near"].dead == {"max_attempts": tally.jobs}
    assert tally.lanes["near"].served == 0


def test_jobs_of_a_lane_that_nobody_serves_expire(file: Path) -> None:
    """They wait for ever; the simulation does not."""
    tally = run(load_policy(file), Traffic(minutes=1, sensitivity={Level.PERSONAL: 1}), workers={"near": 0})
    assert tally.dead == {"expired": tally.jobs}


def test_it_stops_at_its_limits_and_says_so(file: Path) -> None:
    """By the number of jobs, and by the time that computing takes."""
    policy = load_policy(file)
    assert run(policy, Traffic(), limits=Limits(jobs=10)).stopped == "stopped after 10 jobs"
    ticks = iter(range(10_000))
    late = simulate(
        policy,
        generated(Traffic(), seed=1),
        fleet=fleet(policy.lanes, given_s={}, measured_s={}, workers={}, failing={}),
        seed=1,
        limits=Limits(wall_s=3),
        clock=lambda: float(next(ticks)),
    )
    assert late.stopped == "stopped after 3 s of computing"
    assert 0 < late.jobs < 3600


def arriving(level: Level) -> Signals:
    """A short job."""
    return Signals(
        sensitivity=Sensitivity(level=level), complexity=Complexity(band=Band.SIMPLE), tokens=9, max_tokens=9
    )


def recorded(at: float, wait_s: float) -> Recorded:
    """A decision as it was recorded."""
    signals = Signals(
        sensitivity=Sensitivity(level=Level.PUBLIC),
        complexity=Complexity(band=Band.SIMPLE),
        tokens=9,
        max_tokens=9,
        load={"near": LaneLoad(wait_s=wait_s, slots=1, service_s=3.0)},
        overflowing=("rest",),
    )
    return Recorded(at=at, job="j", policy="p@1", rule="rest", zone=Zone.INSIDE, signals=signals)


def test_recorded_decisions_are_played_again_without_their_loads() -> None:
    """At their times, faster if asked; the model makes the loads itself, and learns the service times."""
    records = [recorded(1000.0, 99), recorded(1010.0, 99)]
    arrivals = list(replayed(records, speed=2))
    assert [arrival.at_s for arrival in arrivals] == [0.0, 5.0]
    assert all(not arrival.signals.load and not arrival.signals.overflowing for arrival in arrivals)
    assert service_times(records) == {"near": 3.0}


def test_arrivals_out_of_order_are_taken_as_they_come(file: Path) -> None:
    """Time does not run backwards."""
    signals = recorded(0, 0).signals
    tally = run(load_policy(file), [Arrival(5.0, signals), Arrival(1.0, signals)])
    assert (tally.jobs, tally.end_s) == (2, 5.0)


@pytest.mark.parametrize(
    ("values", "share", "found"), [([], 0.5, None), ([3], 0.95, 3), ([1, 2, 3, 4], 0.5, 2), (range(100), 0.95, 94)]
)
def test_quantiles(values: Any, share: float, found: float | None) -> None:
    """The nearest rank."""
    assert quantile(values, share) == found


def test_the_command_speaks_json_and_to_people(file: Path) -> None:
    """The same counts in both; exit code 0."""
    options = ["policy", "simulate", str(file), "--minutes", "10", "--rate", "2", "--service", "near=1"]
    machine = RUNNER.invoke(cli.app, [*options, "--json"])
    people = RUNNER.invoke(cli.app, options)
    assert (machine.exit_code, people.exit_code) == (0, 0)
    told = json.loads(machine.stdout)
    assert f"jobs          {told['jobs']} in" in people.stdout
    assert told["lanes"]["near"]["service_source"] == "given"
    assert len(told["lanes"]["near"]["waits_over_time_s"]) == 48
    assert "█" in people.stdout


def test_recorded_decisions_and_described_traffic_are_read_from_files(file: Path, tmp_path: Path) -> None:
    """--replay takes an export; --traffic a YAML file, and options change it."""
    export, described = tmp_path / "d.jsonl", tmp_path / "traffic.yaml"
    export.write_text(recorded(1.0, 0).to_json() + "\n" + recorded(61.0, 0).to_json() + "\n")
    described.write_text("rate_per_s: 5\nsensitivity: {personal: 1}\ntenants: {ward: 1}\nstart: sat 18:30\n")
    base = ["policy", "simulate", str(file), "--json"]
    replay = json.loads(RUNNER.invoke(cli.app, [*base, "--replay", str(export)]).stdout)
    assert (replay["jobs"], replay["lanes"]["near"]["service_source"]) == (2, "measured")
    made = json.loads(RUNNER.invoke(cli.app, [*base, "--traffic", str(described), "--minutes", "1"]).stdout)
    assert made["rules"] == {"sensitive": made["jobs"]}


@pytest.mark.parametrize(
    "options",
    [
        ["/no/such/file"],
        ["--rate", "-1"],
        ["--service", "nowhere=1"],
        ["--service", "local-small"],
        ["--failing", "local-small=2"],
        ["--service", "local-small=nan"],
        ["--replay", "/no/such/file"],
        ["--replay", "x", "--rate", "1"],
        ["--traffic", "/no/such/file"],
    ],
)
def test_misuse_ends_with_two(options: list[str]) -> None:
    """What the caller can mend, in words."""
    result = RUNNER.invoke(cli.app, ["policy", "simulate", *options])
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_the_shipped_policies_keep_what_is_sensitive_inside() -> None:
    """Under a burst that overflows, in every shipped policy."""
    for path in sorted((Settings().home / "policies").glob("*.yaml")):
        if "rules" in read(path).tree:
            result = RUNNER.invoke(
                cli.app, ["policy", "simulate", str(path), "--minutes", "5", "--burst", "9", "--json"]
            )
            assert (result.exit_code, json.loads(result.stdout)["sensitive_cleared"]) == (0, 0)
