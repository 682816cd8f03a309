"""`redact: true` in a rule: who may leave by it and in what form, and what the tools say of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from policies_and_jobs import FAR, NEAR, POLICIES, SIGNALS, policy
from typer.testing import CliRunner

from router import cli
from router.commands import explain as explain_command
from router.findings import of
from router.policy.analysis.changes import changes
from router.policy.analysis.prove import prove
from router.policy.engine import decide
from router.policy.model import Policy
from router.policy.redacting import redactable
from router.preview import preview
from router.redaction.decided import decided
from router.redaction.outcome import NotRedacted, Redaction
from router.signals.sensitivity.levels import judge
from router.signals.sensitivity.lists import Rules
from tidegate.decision import Decision
from tidegate.job import Job
from tidegate.lane import Zone
from tidegate.redaction import Placeholders
from tidegate.signals import Band, Complexity, Finding, LaneLoad, Level, Sensitivity, Signals

RUNNER = CliRunner()
OUT = {"name": "out", "send": ["far", "near"], "redact": True, "why": "redacted"}


def job(level: Level = Level.PERSONAL, **more: Any) -> Signals:
    """A short job of a level."""
    given = {"sensitivity": Sensitivity(level=level), "complexity": Complexity(band=Band.SIMPLE), "tokens": 10}
    return Signals(**{**given, "max_tokens": 10, **more})


def found(*types: str, **more: Any) -> Sensitivity:
    """What findings of these types make."""
    return judge(Finding(type=name, score=1.0, detector="test") for name in types).model_copy(update=more)


ROOM = {"context_tokens": 10**9, "capabilities": ["json", "tools", "vision", "embeddings"]}
LANES = {name: {**lane, **ROOM} for name, lane in (("near", NEAR), ("barn", NEAR), ("far", FAR), ("sea", FAR))}


def rules(*given: dict[str, Any], **more: Any) -> Policy:
    """A policy with these rules, over lanes that take every job."""
    return policy({"rules": list(given), "lanes": LANES, **more})


def sent(decision: Decision) -> tuple[Any, ...]:
    """Where a job goes, where it may leave, and in what form."""
    return decision.lanes, decision.cleared, decision.redacted, decision.zone.value


@pytest.mark.parametrize("level", [Level.PERSONAL, Level.RESTRICTED])
def test_a_sensitive_job_may_leave_redacted(level: Level) -> None:
    """Lanes inside stay among its lanes: they get it as it is."""
    assert sent(decide(rules(OUT), job(level))) == (("far", "near"), ("far",), True, "outside")


@pytest.mark.parametrize("level", [Level.PUBLIC, Level.INTERNAL])
def test_a_job_that_is_not_sensitive_leaves_as_it_is(level: Level) -> None:
    """There is nothing to replace."""
    assert sent(decide(rules(OUT), job(level))) == (("far", "near"), ("far",), False, "outside")


@pytest.mark.parametrize(
    "sensitivity",
    [
        Sensitivity(level=Level.UNKNOWN, cause="presidio: timeout"),
        found("EMAIL_ADDRESS", least=Level.PERSONAL),
        found("EMAIL_ADDRESS", cause="an earlier job of this conversation was restricted"),
    ],
)
def test_what_cannot_be_told_from_the_findings_stays(sensitivity: Sensitivity) -> None:
    """Nobody knows what to replace: not in an unknown job, and not where somebody asked for more than was found."""
    decision = decide(rules(OUT), job(sensitivity=sensitivity))
    assert sent(decision) == (("near",), (), False, "inside")
    assert decision.cause == "guarantee nothing-sensitive-outside took far"


def test_where_redaction_failed_the_job_stays_inside_with_the_cause() -> None:
    """Also one whose findings were declared harmless: its rule does not want them to leave in the clear."""
    for ready in (rules(OUT), rules(OUT, allow_outside=["EMAIL_ADDRESS"])):
        signals = job(sensitivity=found("EMAIL_ADDRESS"))
        assert sent(decide(ready, signals))[2]
        decision = decide(ready, signals, unredacted="EMAIL_ADDRESS left")
        assert sent(decision) == (("near",), (), False, "inside")
        assert decision.cause == "redaction: EMAIL_ADDRESS left"


def test_own_guarantees_hold_for_redacted_copies_too() -> None:
    """They speak of the job, in whatever form."""
    promise = {"name": "never", "when": {"tenant": "acme"}, "never": {"zone": "outside"}}
    ready = rules(OUT, guarantees=[promise])
    assert sent(decide(ready, job(tenant="acme"))) == (("near",), (), False, "inside")
    assert sent(decide(ready, job(tenant="ward")))[2]


def test_overflow_split_and_shadow_outside_get_redacted_copies() -> None:
    """Whatever takes a job outside by a rule that redacts takes the copy."""
    busy = {"near": LaneLoad(wait_s=99.0, slots=1)}
    overflow = {"to": "far", "when": {"wait_s": {"over": 20}}}
    base = {"name": "out", "send": "near", "redact": True, "why": "w"}
    over = decide(rules({**base, "overflow": overflow}), job(load=busy))
    assert sent(over) == (("far", "near"), ("far",), True, "outside")
    split = decide(rules({**base, "split": {"sea": 1}}), job())
    assert sent(split) == (("sea", "near"), ("sea",), True, "outside")
    shadow = decide(rules({**base, "shadow": "far"}), job())
    assert (sent(shadow), shadow.shadow) == ((("near",), (), True, "inside"), "far")
    assert decide(rules({**base, "shadow": "far"}), job(), unredacted="x").shadow is None
    assert decide(rules({**base, "shadow": "far", "redact": None}), job()).shadow is None


@settings(max_examples=200, deadline=None)
@given(POLICIES, SIGNALS)
def test_no_sensitive_job_leaves_as_it_is(ready: Policy, signals: Signals) -> None:
    """But by the operator's word; and what could not be redacted does not leave at all."""
    decision = decide(ready, signals)
    rule = next((rule for rule in ready.every if rule.name == decision.rule), None)
    if decision.cleared and signals.sensitivity.level.sensitive:
        assert decision.redacted or decision.narrowed
    if decision.redacted:
        assert rule is not None
        assert rule.redact
        assert redactable(signals.sensitivity)
        assert not decision.narrowed
        again = decide(ready, signals, unredacted="PERSON left")
        assert (again.cleared, again.zone, again.redacted, again.shadow in ready.outside) == (
            (),
            Zone.INSIDE,
            False,
            False,
        )
        assert "redaction: PERSON left" in (again.cause or "")


class Redactor:
    """Redacts, or says why it cannot."""

    def __init__(self, cause: str | None = None) -> None:
        self.cause = cause
        self.jobs: list[Job] = []

    def redact(self, job: Job, *, rules: Rules) -> Redaction:
        """One copy for all."""
        self.jobs.append(job)
        if self.cause is not None:
            raise NotRedacted(self.cause)
        return Redaction(job=Job(text="[PERSON_1]"), placeholders=Placeholders(), counts={"PERSON": 1})


def test_a_job_is_redacted_only_where_a_copy_is_called_for() -> None:
    """It costs two looks."""
    redactor, ready = Redactor(), rules(OUT)
    assert decided(Job(text="x"), job(Level.PUBLIC), ready, decide=decide, redactor=redactor)[1] is None
    assert redactor.jobs == []
    decision, redaction = decided(Job(text="x"), job(), ready, decide=decide, redactor=redactor)
    assert (decision.redacted, redaction and redaction.counts) == (True, {"PERSON": 1})
    decision, redaction = decided(Job(text="x"), job(), ready, decide=decide, redactor=Redactor("PERSON left"))
    assert (decision.redacted, decision.lanes, redaction) == (False, ("near",), None)


def test_the_preview_redacts_as_the_router_does() -> None:
    """Counts by type; where there is no copy, the lane inside and why."""

    def line(redactor: Redactor | None) -> dict[str, Any]:
        lines = preview(
            [b'{"text": "Bo Li"}'], policy=rules(OUT), inspect=lambda _: job(), redactor=redactor, max_bytes=99
        )
        told: dict[str, Any] = json.loads(next(iter(lines)))
        return told

    assert (line(Redactor())["lanes"], line(Redactor())["redacted"]) == (["far", "near"], {"PERSON": 1})
    assert (line(Redactor("PERSON left"))["cause"], line(Redactor("PERSON left"))["redacted"]) == (
        "redaction: PERSON left",
        None,
    )
    assert (line(None)["lanes"], line(None)["zone"]) == (["near"], "inside")


def test_the_proof_says_that_sensitive_jobs_leave_redacted() -> None:
    """A rule that lets an unknown job reach a lane outside is still shown: that one is never redacted."""
    sure = rules({**OUT, "send": "far", "when": {"sensitivity": ["personal", "restricted"]}})
    assert (prove(sure).holds, prove(sure).redacts) == (True, ("out",))
    loose = prove(rules({**OUT, "send": "far", "when": {"sensitivity": {"at_least": "personal"}}}))
    assert [shown.message for shown in loose.counterexamples] == [
        "unknown: rule out sends it to far; the engine lets it go to near"
    ]
    kept = {"name": "kept", "when": {"sensitivity": "restricted"}, "never": {"zone": "outside"}}
    assert not prove(rules({**OUT, "when": {"sensitivity": ["personal", "restricted"]}}, guarantees=[kept])).holds


def test_a_difference_in_form_is_a_difference() -> None:
    """From inside to redacted outside is no leak; from redacted to as it is, is one."""
    when = {"sensitivity": "personal", "entities": {"alone": ["EMAIL_ADDRESS"]}}
    inside = rules({"name": "r", "when": when, "send": "near", "why": "w"})
    redacted = rules({**OUT, "name": "r", "when": when, "send": "far"})
    clear = rules({"name": "r", "when": when, "send": "far", "why": "w"}, allow_outside=["EMAIL_ADDRESS"])
    (out,) = changes(inside, redacted).moves
    assert (out.before, out.after, out.redacted_after, out.goes_out, out.leaks) == ("near", "far", True, True, False)
    (bare,) = changes(redacted, clear).moves
    assert (bare.before, bare.after, bare.redacted_before, bare.leaks) == ("far", "far", True, True)


POLICY = """
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: t, context_tokens: 1024}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8192}
rules:
  - name: out
    when: {sensitivity: [personal, restricted]}
    send: far
    redact: true
    why: redacted
default: {send: near, why: else}
tests:
  - {name: it leaves redacted, given: {sensitivity: personal}, expect: {lane: far, zone: outside, redacted: true}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A policy that redacts."""
    path = tmp_path / "p.yaml"
    path.write_text(POLICY)
    return path


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        ("send: far", "send: near", "10:5: rules[0].redact: is never done: all lanes of the rule are inside"),
        ("[personal, restricted]", "[public]", "10:5: rules[0].redact: is never done: only personal and restricted"),
        ("[personal, restricted]", "{at_least: personal}", "and unknown jobs can reach it"),
    ],
)
def test_a_rule_that_redacts_in_vain_is_warned_of(file: Path, old: str, new: str, warning: str) -> None:
    """With its place. As it should be, there is nothing to say."""
    assert of(file).warnings == ()
    file.write_text(POLICY.replace(old, new, 1))
    assert any(warning in said for said in of(file).warnings), of(file).warnings


def test_the_commands_know_redaction(file: Path) -> None:
    """Proof, cases and explanation."""
    assert "redacted: by out, sensitive jobs leave as redacted copies only" in _run("prove", str(file))
    assert "1 of 1 case passed" in _run("test", str(file))
    told = _run("explain", "--policy", str(file), "--signals", '{"sensitivity": "personal"}')
    assert "what leaves is a copy with placeholders for what is found" in told
    misused = RUNNER.invoke(cli.app, ["policy", "explain", "--policy", str(file), "--signals", "{}", "--redacted"])
    assert misused.exit_code == 2


def test_the_simulation_counts_copies_and_no_leak(file: Path) -> None:
    """A sensitive job that leaves redacted is not one that leaves."""
    told = json.loads(_run("simulate", str(file), "--rate", "1", "--minutes", "5", "--seed", "1", "--json"))
    assert told["redacted"] > 0
    assert told["sensitive_cleared"] == 0


personal = job
"""Said where a job is something else."""


class Detectors(Redactor):
    """Judges every job the same."""

    def __call__(self, job: Job) -> Signals:
        """A personal job."""
        return personal()


@pytest.mark.parametrize(("cause", "said"), [(None, "user [PERSON_1]"), ("PERSON left", "not redacted: PERSON left")])
def test_the_copy_is_shown_only_where_it_is_asked_for(
    file: Path, monkeypatch: pytest.MonkeyPatch, cause: str | None, said: str
) -> None:
    """Types and counts always; the text with --redacted."""

    @contextmanager
    def fake(_: Path) -> Iterator[Detectors]:
        yield Detectors(cause)

    monkeypatch.setattr(explain_command, "detectors", fake)
    options = ["explain", "--policy", str(file), "--text", "Bo Li"]
    assert said in _run(*options, "--redacted")
    assert "[PERSON_1]" not in _run(*options)
    told = json.loads(_run(*options, "--redacted", "--json"))
    plain = json.loads(_run(*options, "--json"))
    if cause is None:
        assert (plain["replaced"], "copy" in plain) == ({"PERSON": 1}, False)
        assert (told["copy"]["text"], "1 PERSON" in _run(*options)) == ("[PERSON_1]", True)
    else:
        assert (told["not_redacted"], told["lanes"], "copy" in told) == (cause, ["near"], False)


def _run(*words: str) -> str:
    result = RUNNER.invoke(cli.app, ["policy", *words])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())
