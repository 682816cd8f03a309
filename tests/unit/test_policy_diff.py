"""Differences: every job that moves is among the moves that were proven, and the example of each move is one."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from policies_and_jobs import POLICIES, SIGNALS
from typer.testing import CliRunner

from router import cli
from router.policy.analysis.changes import Move, changes
from router.policy.engine import decide
from router.policy.model import Policy
from router.recorded import Recorded
from tidegate.lane import Zone
from tidegate.signals import Band, Complexity, Level, Sensitivity, Signals

RUNNER = CliRunner()
BEFORE = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: m, context_tokens: 640000,
        capabilities: [json, tools, vision, embeddings]}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 640000,
        capabilities: [json, tools, vision, embeddings],
        price: {input_usd: 2.0, output_usd: 4.0}}
rules:
  - {name: guard, when: {sensitivity: {at_least: personal}}, send: near, why: x}
  - {name: short, when: {tokens: {at_most: 300}}, send: near, why: x}
  - {name: rest, send: far, why: x}
default: {send: near, why: x}
"""


def first(policy: Policy, signals: Signals) -> tuple[str | None, bool]:
    """Where the engine sends a job first, and whether as a redacted copy."""
    decision = decide(policy, signals)
    lane = decision.lanes[0] if decision.lanes else None
    return lane, decision.redacted and lane in decision.cleared


@settings(max_examples=50, deadline=None)
@given(POLICIES, POLICIES, SIGNALS)
def test_no_job_moves_that_was_not_said_to(before: Policy, after: Policy, signals: Signals) -> None:
    """And the example of each region moves in the engine as it was said to."""
    found = changes(before, after)
    assert found.undecided == ()
    was, becomes = first(before, signals), first(after, signals)
    if was != becomes:
        assert (was, becomes) in map(ends, found.moves)
    for move in found.moves:
        for region in move.regions:
            assert (first(before, region.signals), first(after, region.signals)) == ends(move)


def ends(move: Move) -> tuple[tuple[str | None, bool], tuple[str | None, bool]]:
    """From where to where, and in what forms."""
    return (move.before, move.redacted_before), (move.after, move.redacted_after)


@settings(max_examples=40, deadline=None)
@given(POLICIES)
def test_a_policy_does_not_differ_from_itself(policy: Policy) -> None:
    """Proven, not sampled."""
    assert changes(policy, policy).none


@pytest.fixture
def files(tmp_path: Path) -> Sequence[str]:
    """A policy, the same with another limit, and the same without its guard."""
    texts = {
        "before": BEFORE,
        "after": BEFORE.replace("at_most: 300", "at_most: 200"),
        "loose": BEFORE.replace("at_least: personal", "at_least: restricted"),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return [str(tmp_path / f"{name}.yaml") for name in texts]


@pytest.fixture
def recorded(tmp_path: Path) -> str:
    """A day of decisions: a hundred jobs of 250 tokens and as many of 90, all public but two."""
    path = tmp_path / "recorded.jsonl"
    lines = []
    for place in range(200):
        level = Level.PERSONAL if place < 2 else Level.PUBLIC
        tokens = 250 if place % 2 else 90
        signals = Signals(
            sensitivity=Sensitivity(level=level), complexity=Complexity(band=Band.SIMPLE), tokens=tokens, max_tokens=100
        )
        at = 1_700_000_000.0 + place * 86_400 / 199
        record = Recorded(at=at, job=str(place), policy="p@1", rule="r", zone=Zone.INSIDE, signals=signals)
        lines.append(record.to_json())
    path.write_text("\n".join(lines))
    return str(path)


def test_the_jobs_that_move_are_told_in_a_sentence(files: Sequence[str]) -> None:
    """The region is exact: the lanes, the limits, the rules. A difference alone is no failure."""
    result = RUNNER.invoke(cli.app, ["policy", "diff", files[0], files[1]])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "near -> far   goes out",
        "    public or internal, 201 to 300 tokens  (short -> rest)",
    ]


def test_that_a_job_overflows_only_where_it_begins_sooner_is_told(files: Sequence[str], tmp_path: Path) -> None:
    """By the limits where they say it, and in words where both waits lie between the same two."""
    overflowing = "send: near, overflow: {to: far, when: {wait_s: {over: 20}}}, why: x}"
    (tmp_path / "over.yaml").write_text(
        BEFORE.replace("at_most: 300}}, send: near, why: x}", "at_most: 300}}, " + overflowing)
    )
    told = RUNNER.invoke(cli.app, ["policy", "diff", files[0], str(tmp_path / "over.yaml")]).stdout.splitlines()
    assert told[0] == "near -> far   goes out"
    jobs = "    public or internal, up to 300 tokens, "
    busy = "near waits over 20 s or nobody serves near"
    assert [line.removeprefix(jobs).partition("  (")[0] for line in told[1:3]] == [
        f"the wait for far not measured or far waits at most 20 s, {busy}",
        f"the wait for far not measured or far waits any number of s, {busy}, far waits less than near",
    ]


def test_sensitive_jobs_that_would_be_sent_out_are_no_move(files: Sequence[str]) -> None:
    """The guarantee takes the lane away, so the engine keeps them where they were: proven."""
    result = RUNNER.invoke(cli.app, ["policy", "diff", "--json", files[0], files[2]])
    assert (result.exit_code, json.loads(result.stdout)["same"]) == (0, True)


def test_a_replay_counts_what_moves_and_what_it_costs(files: Sequence[str], recorded: str) -> None:
    """99 public jobs of 250 tokens go out: 250 x 2 USD and 50 x 4 USD for a million tokens each."""
    run = ["policy", "diff", files[0], files[1], "--replay", recorded]
    words = RUNNER.invoke(cli.app, run)
    assert "99 of 200 change lane; 0 sensitive go out; +$0.07 a day" in words.stdout
    told = json.loads(RUNNER.invoke(cli.app, [*run, "--json"]).stdout)["replay"]
    assert told["moves"] == [{"before": "near", "after": "far", "jobs": 99}]
    assert told["cost_usd"] == pytest.approx(99 * (250 * 2 + 50 * 4) / 1e6)


def test_misuse_and_broken_files_end_with_two(files: Sequence[str], tmp_path: Path) -> None:
    """No such file; a policy that does not hold; a recording that is none."""
    (tmp_path / "bad.yaml").write_text("version: 2\n")
    (tmp_path / "bad.jsonl").write_text("{}\n")
    for more in (["/no/such"], [str(tmp_path / "bad.yaml")], [files[1], "--replay", str(tmp_path / "bad.jsonl")]):
        assert RUNNER.invoke(cli.app, ["policy", "diff", files[0], *more]).exit_code == 2
