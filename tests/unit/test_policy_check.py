"""What a check remarks on: decided for every possible job, with a place, and in the forms that other tools read."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from policies_and_jobs import POLICIES, SIGNALS
from typer.testing import CliRunner

from router import cli, findings
from router.policy.analysis.lint import lint
from router.policy.engine import decide
from router.policy.model import Policy
from tidegate.signals import Signals

RUNNER = CliRunner()
LANES = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: m, context_tokens: 64000,
        capabilities: [json, tools, vision, embeddings]}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 64000,
        capabilities: [json, tools, vision, embeddings]}
rules:
  - {name: guard, when: {sensitivity: {at_least: personal}}, send: near, why: x}
"""
DEFAULT = "default: {send: [far, near], why: x}\n"


def remarks(tmp_path: Path, *rules: str, default: str = DEFAULT) -> list[tuple[str, str]]:
    """The kinds and messages of what is remarked on the rules, given without their `why`."""
    path = tmp_path / "policy.yaml"
    path.write_text(LANES + "".join(f"  - {{{rule}, why: x}}\n" for rule in rules) + default)
    report = findings.of(path)
    assert report.errors == ()
    return [(found["kind"], found["message"].partition(": ")[2]) for found in report.problems()]


@pytest.mark.parametrize(
    ("rules", "kind", "message"),
    [
        (
            ["name: a, when: {sensitivity: personal, tokens: {over: 5}}, send: near"],
            "shadowed-rule",
            "dead: every job that it matches is taken before, by guard",
        ),
        (
            [
                "name: a, when: {tokens: {at_most: 50}}, send: near",
                "name: b, when: {tokens: {over: 50}, latency: batch}, send: near",
                "name: c, when: {latency: batch}, send: far",
            ],
            "shadowed-rule",
            "dead: every job that it matches is taken before, by a, b",
        ),
        (
            ["name: a, when: {all: [{tokens: {over: 5}}, {tokens: {under: 3}}]}, send: near"],
            "dead-rule",
            "dead: no job can meet all its conditions",
        ),
        (
            ["name: a, when: {tokens: {at_most: 50}}, send: near", "name: b, when: {tokens: {over: 51}}, send: far"],
            "gap",
            "leaves a gap: jobs with 51 tokens reach no rule of the kind and fall to the default",
        ),
        (
            [
                "name: a, when: {tokens: {at_most: 50}}, send: near",
                "name: b, when: {tokens: {at_least: 41, under: 90}}, send: far",
            ],
            "overlapping-bands",
            "overlaps with rule a, which comes first and takes 41 to 50 tokens",
        ),
        (
            [
                "name: a, when: {complexity: simple}, send: near",
                "name: b, when: {complexity: [moderate, complex]}, send: far",
            ],
            "gap",
            "leaves a gap: jobs with complexity unknown reach no rule of the kind and fall to the default",
        ),
        (
            ["name: a, when: {wait_s: {lane: near, under: 9}}, send: near"],
            "flapping",
            "flaps: it sends to near until that waits 9 s, and again below; an overflow has `until`",
        ),
    ],
)
def test_each_kind_of_remark_names_what_is_odd(tmp_path: Path, rules: list[str], kind: str, message: str) -> None:
    """One remark for one oddity, and none beside it."""
    assert remarks(tmp_path, *rules) == [(kind, message)]


def test_a_lane_to_which_nothing_goes_is_unreachable(tmp_path: Path) -> None:
    """By no rule, or only where a guarantee takes it away again."""
    inside = "default: {send: near, why: x}\n"
    assert remarks(tmp_path, default=inside) == [("unreachable-lane", "unreachable: no rule sends here")]
    taken = remarks(tmp_path, "name: a, when: {sensitivity: unknown}, send: far", default=inside)
    assert ("unreachable-lane", "unreachable: no job that is sent here may come, or fits") in taken


def test_a_gap_that_another_rule_takes_is_none(tmp_path: Path) -> None:
    """Nor is a narrower band before a wider one an overlap: that is what the order is for."""
    rules = [
        "name: a, when: {tokens: {at_most: 50}}, send: near",
        "name: b, when: {tokens: {over: 60}}, send: far",
        "name: c, when: {tokens: {over: 50}}, send: [near, far]",
    ]
    assert remarks(tmp_path, *rules) == []


def test_every_form_tells_the_same_places(tmp_path: Path) -> None:
    """GitHub's annotations escape what would end them; SARIF names each rule that it uses."""
    path = tmp_path / "a,b.yaml"
    path.write_text(LANES + "  - {name: a, when: {sensitivity: unknown}, sned: far, why: x}\n" + DEFAULT)
    run = ["policy", "check", str(path), "--format"]
    github = RUNNER.invoke(cli.app, [*run, "github"])
    assert github.exit_code == 1
    escaped = str(path).replace(":", "%3A").replace(",", "%2C")
    first = "rules[1].send: is missing"
    assert github.stdout.splitlines()[0] == f"::error file={escaped},line=9,col=5,title=policy-error::{first}"
    sarif = json.loads(RUNNER.invoke(cli.app, [*run, "sarif"]).stdout)
    (told,) = sarif["runs"]
    assert told["results"][0]["message"]["text"] == first
    assert told["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 9, "startColumn": 5}
    kinds = [rule["id"] for rule in told["tool"]["driver"]["rules"]]
    assert all(kinds[found["ruleIndex"]] == found["ruleId"] for found in told["results"])
    assert RUNNER.invoke(cli.app, [*run, "xml"]).exit_code == 2


def test_strict_falls_short_on_a_warning(tmp_path: Path) -> None:
    """For a pipeline that wants none."""
    path = tmp_path / "p.yaml"
    path.write_text(LANES + "default: {send: near, why: x}\n")
    assert RUNNER.invoke(cli.app, ["policy", "check", str(path)]).exit_code == 0
    assert RUNNER.invoke(cli.app, ["policy", "check", "--strict", str(path)]).exit_code == 1


def test_types_declared_harmless_are_told(tmp_path: Path) -> None:
    """In every report, because that narrows the one guarantee that cannot be switched off."""
    path = tmp_path / "p.yaml"
    path.write_text(LANES + DEFAULT + "allow_outside: [EMAIL_ADDRESS]\n")
    result = RUNNER.invoke(cli.app, ["policy", "check", str(path)])
    assert "allow_outside: EMAIL_ADDRESS: declared harmless" in result.stdout


@settings(max_examples=50, deadline=None)
@given(POLICIES, SIGNALS)
def test_no_rule_that_decides_a_job_is_called_dead(rules: Policy, signals: Signals) -> None:
    """And no lane that a job goes to is called unreachable."""
    found = lint(rules)
    decision = decide(rules, signals)
    dead = {rules.rules[int(remark.path[1])].name for remark in found if "rule" in remark.kind}
    unreachable = {remark.path[-1] for remark in found if remark.kind == "unreachable-lane"}
    assert decision.rule not in dead
    assert unreachable.isdisjoint(decision.lanes)
