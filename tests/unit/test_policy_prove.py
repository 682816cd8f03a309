"""Proofs: they say of all jobs what the engine does with each, and every counterexample is one in the engine too."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from policies_and_jobs import POLICIES, SIGNALS, policy
from typer.testing import CliRunner

from router import cli
from router.policy.analysis.prove import NO_LANE, prove
from router.policy.analysis.reading import read
from router.policy.analysis.search import find
from router.policy.bans import bans
from router.policy.engine import decide
from router.policy.guarantees import BuiltIn
from router.policy.model import Policy
from router.policy.turns import turn
from tidegate.lane import Zone
from tidegate.signals import Signals

RUNNER = CliRunner()


@settings(max_examples=50, deadline=None)
@given(POLICIES)
def test_every_counterexample_is_one_in_the_engine(rules: Policy) -> None:
    """The engine takes the rule that was named, and either a guarantee takes the lane or the job gets none."""
    for shown in prove(rules).counterexamples:
        decision = decide(rules, shown.signals)
        assert decision == shown.decision
        assert decision.rule == shown.rule
        if shown.broken == NO_LANE:
            assert decision.lanes == ()
            assert not (decision.cause or "").startswith("overloaded")
        else:
            redacts = next(rule for rule in rules.every if rule.name == shown.rule).redact
            assert shown.lane in bans(rules, shown.signals, redacting=redacts)
            assert shown.lane not in decision.lanes
            assert " took " in (decision.cause or "")


@settings(max_examples=80, deadline=None)
@given(POLICIES, SIGNALS)
def test_the_engine_never_does_what_was_proven_impossible(rules: Policy, signals: Signals) -> None:
    """What it does with one job is among what the proof says of all jobs."""
    broken = {(shown.broken, shown.rule) for shown in prove(rules).counterexamples}
    decision = decide(rules, signals)
    rule = next(rule for rule in (*rules.rules, rules.default) if rule.name == decision.rule)
    promised = turn(rule, signals).lanes if rule.overflow is None else rule.send
    asked = signals.sensitivity.least is not None and signals.sensitivity.least.sensitive
    for lane, guarantee in bans(rules, signals, redacting=rule.redact).items():
        # That somebody asked for more than was found, no rule can say: `redact` means those that can be redacted.
        meant = rule.redact and asked and guarantee == BuiltIn.NOTHING_SENSITIVE_OUTSIDE
        if lane in promised and not meant:
            assert any(of == rule.name for _, of in broken), guarantee
        assert lane not in decision.lanes
    if not decision.lanes and not (decision.cause or "").startswith("overloaded"):
        zones = {Zone.INSIDE, *(rules.lanes[lane].zone for lane in rule.reach)}
        others = [name for name, lane in rules.lanes.items() if lane.zone in zones]
        able = [lane for lane in others if decide(_all_to(rules, lane, redact=rule.redact), signals).lanes == (lane,)]
        assert not able or (NO_LANE, rule.name) in broken
    assert not (decision.zone is Zone.OUTSIDE and decision.cleared == ())


def _all_to(rules: Policy, lane: str, *, redact: bool) -> Policy:
    """A policy that sends everything to one lane, under the same guarantees, with no other shelter than that needs."""
    every = replace(rules.default, name="all", send=(lane,), redact=redact)
    return replace(rules, rules=(every,))


@settings(max_examples=50, deadline=None)
@given(POLICIES, SIGNALS)
def test_a_rule_that_decides_a_job_is_not_dead(rules: Policy, signals: Signals) -> None:
    """Of a rule that the engine was seen to take, nobody can prove that it is never taken."""
    reading = read(rules)[0]
    names = [rule.name for rule in reading.rules]
    assert find(reading.space.whole, reading.reach(names.index(decide(rules, signals).rule))) is not None


def shown(*rules: dict[str, Any], **more: Any) -> list[str]:
    """The messages of the counterexamples of a policy with these rules."""
    ready = policy({"rules": [{"why": "because", **rule} for rule in rules], **more})
    return [found.message for found in prove(ready).counterexamples]


def test_a_rule_that_sends_sensitive_jobs_out_is_shown_by_a_job() -> None:
    """In words: what matters about the job, the rule, the lane, and what the engine makes of it."""
    long = {"name": "long-docs", "when": {"tokens": {"over": 99}, "tenant": "acme"}, "send": "sea"}
    said = "personal, 100 tokens, tenant acme: rule long-docs sends it to sea; the engine lets it go to near"
    assert said in shown(long)
    guard = {"name": "guard", "when": {"sensitivity": {"at_least": "personal"}}, "send": "barn"}
    assert not any("sends it to" in message for message in shown(guard, long))


def test_a_job_without_a_lane_is_shown_where_another_lane_would_do() -> None:
    """A rule that keeps its jobs inside means it: then a lane outside is none that would do."""
    busy = {"to": "sea", "when": {"wait_s": {"over": 20}}}
    kept = {"name": "kept", "when": {"sensitivity": "public"}, "send": "near"}
    rest = {"name": "rest", "when": {"tokens": {"over": 99_999}}, "send": "barn"}
    said = "public, 100 tokens, needs tools: rule kept leaves it without a lane, though far or sea could take it; "
    assert said + "it becomes a dead letter" in shown({**kept, "overflow": busy}, rest)
    assert not any("needs tools" in message for message in shown(kept, rest))


def test_what_rests_on_an_expression_is_named_as_outside_the_proof() -> None:
    """The other rules are proven all the same, whatever the expression says."""
    rule = {"name": "odd", "when": {"expr": "tokens > 5", "sensitivity": "public"}, "send": "far", "why": "x"}
    ready = policy({"rules": [rule]})
    assert prove(ready).unread == {"odd": ("expr",)}


@pytest.mark.parametrize(("text", "code"), [("near", 0), ("far", 1)])
def test_the_command_says_whether_it_was_proven(tmp_path: Path, text: str, code: int) -> None:
    """Exit codes 0 and 1; JSON holds the signals, which the engine can be asked with."""
    path = tmp_path / "p.yaml"
    path.write_text(f"""\
version: 1
lanes:
  near: {{zone: inside, backend: openai, base_url: "http://10.0.0.7", model: m, context_tokens: 64000,
        capabilities: [json, tools, vision, embeddings]}}
  far: {{zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 64000,
        capabilities: [json, tools, vision, embeddings]}}
rules:
  - {{name: all, send: {text}, why: x}}
default: {{send: near, why: stays}}
""")
    words = RUNNER.invoke(cli.app, ["policy", "prove", str(path)])
    machine = RUNNER.invoke(cli.app, ["policy", "prove", "--json", str(path)])
    assert (words.exit_code, machine.exit_code) == (code, code)
    told = json.loads(machine.stdout)
    assert told["holds"] is (code == 0)
    if code:
        (found,) = told["counterexamples"]
        assert found["message"] == "personal: rule all sends it to far; the engine lets it go to near"
        assert Signals.from_json(json.dumps(found["signals"])).sensitivity.level.sensitive
    assert RUNNER.invoke(cli.app, ["policy", "prove", "/no/such/file"]).exit_code == 2
