"""Expressions: typed when a policy is loaded, and what fails on a job keeps it inside."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.policy import cel
from router.policy.engine import decide
from router.policy.loader import load_policy, policy_from
from router.policy.model import Policy
from tidegate.documents import Document
from tidegate.errors import InvalidDocument
from tidegate.lane import Zone
from tidegate.signals import Band, Complexity, Finding, LaneLoad, Level, Sensitivity, Signals

LANES: dict[str, Any] = {
    "near": {"zone": "inside", "backend": "llama_cpp", "model": "t", "context_tokens": 1000},
    "far": {"zone": "outside", "backend": "openai", "model": "gpt-4o-mini", "context_tokens": 8000},
}
FAILS = ("1 / (tokens - 10) > 0", 'wait_s["nowhere"] > 1.0', "minute > 5", 'health["near"] == "up"')


def policy(*rules: dict[str, Any]) -> Policy:
    """A policy over two lanes."""
    named = [{"name": f"r{index}", "why": "w", "send": "far", **rule} for index, rule in enumerate(rules)]
    tree = {"version": 1, "lanes": LANES, "rules": named, "default": {"send": "near", "why": "d"}}
    return policy_from(Document("<test>", tree), name="test")


def job(**more: Any) -> Signals:
    """A harmless job of ten tokens."""
    given = {"sensitivity": Sensitivity(level=Level.PUBLIC), "tokens": 10, "max_tokens": 10, **more}
    return Signals(complexity=Complexity(band=Band.SIMPLE), **given)


@pytest.mark.parametrize(
    "expr",
    [
        'sensitivity == "personal" && "PERSON" in entities',
        'complexity == "simple" && tokens == 10 && max_tokens < 11',
        '"json" in needs || tenant.startsWith("def")',
        'task == "" && latency == "interactive"',
        'wait_s["near"] > 3.0 && health["near"] == "up"',
        'budget_left_usd["tenant:default"] < 5.0 && minute == 7',
        'wait_s["gone"] > 1e9 && health["gone"] == "down"',
    ],
)
def test_every_signal_can_be_named(expr: str) -> None:
    """By the names that conditions have."""
    seen = job(
        sensitivity=Sensitivity(level=Level.PERSONAL, findings=(Finding(type="PERSON", score=1.0, detector="t"),)),
        load={"near": LaneLoad(slots=1, wait_s=4.0), "gone": LaneLoad()},
        budget_left_usd={"tenant:default": 2.0},
        minute=7,
    )
    assert cel.compiled(expr).holds(seen)


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ('"tokns > 5"', "7:13: rules[0].when.expr: no signal is called 'tokns'; did you mean 'tokens'?"),
        ("tokens > 5 && zzz", "7:26: rules[0].when.expr: no signal is called 'zzz'; expected one of: "),
        ("tokens", "7:12: rules[0].when.expr: should say true or false, and says int"),
        ("'tokens > \"a\"'", "7:20: rules[0].when.expr: found no matching overload for '_>_'"),
        ("tokens >", "7:20: rules[0].when.expr: Syntax error"),
        ("|\n       tokens > 5 &&\n         tokns < 9", "9:10: rules[0].when.expr: no signal is called 'tokns'"),
        (">\n       tokens > 5 &&\n       tokns < 9", "7:12: rules[0].when.expr: no signal is called 'tokns'"),
        ("'" + "(" * 200 + "1" + ")" * 200 + "'", "7:13: rules[0].when.expr: Expression recursion limit exceeded"),
        ('""', "7:12: rules[0].when.expr: String should have at least 1 character"),
    ],
)
def test_a_bad_expression_is_an_error_of_the_policy_with_its_place(tmp_path: Path, expr: str, said: str) -> None:
    """Line and column are those of the file, inside the expression."""
    file = tmp_path / "p.yaml"
    file.write_text(
        "version: 1\nlanes:\n  near: {zone: inside, backend: llama_cpp, model: t, context_tokens: 1000}\n"
        "default: {send: near, why: d}\nrules:\n"
        f"  - when:\n     expr: {expr}\n    name: r\n    send: near\n    why: w\n"
    )
    with pytest.raises(InvalidDocument) as caught:
        load_policy(file)
    (problem,) = caught.value.problems
    assert problem.removeprefix(f"{file}:").startswith(said)


@pytest.mark.parametrize("expr", FAILS)
def test_an_expression_that_fails_never_lets_a_job_out(expr: str) -> None:
    """Its rule does not match, and no later one may send the job out: it might have been what kept the job in."""
    for rules in ([{"when": {"expr": expr}}], [{"when": {"expr": expr}, "send": "near"}, {"send": ["far", "near"]}]):
        decision = decide(policy(*rules), job())
        assert (decision.lanes, decision.zone, decision.cleared) == (("near",), Zone.INSIDE, ())
        assert (decision.cause or "").startswith("an expression failed in r0: the job stays inside")


@pytest.mark.parametrize("expr", FAILS)
@pytest.mark.parametrize("form", ["not", "any", "all"])
def test_a_failure_inside_a_group_is_a_failure(expr: str, form: str) -> None:
    """Negated, it does not become true; beside others, it is not outvoted."""
    inner: Any = {"expr": expr}
    when = {form: inner if form == "not" else [inner, {"tenant": "default"}]}
    decision = decide(policy({"when": when}, {"send": "far"}), job())
    assert (decision.rule, decision.lanes) == ("r1", ("near",))


def test_an_expression_is_asked_only_where_it_matters() -> None:
    """Where another condition of the rule fails, it cannot fail; and a rule after the match is not asked at all."""
    guarded = {"when": {"tenant": "acme", "expr": FAILS[0]}}
    assert decide(policy(guarded, {"send": "far"}), job()).cleared == ("far",)
    assert decide(policy({"send": "far"}, {"when": {"expr": FAILS[0]}}), job()).cleared == ("far",)


def test_the_trace_says_what_an_expression_said() -> None:
    """True, false, or that it failed: without a value of the job."""
    rules = policy({"when": {"expr": "tokens > 5"}}, {"when": {"expr": FAILS[0]}})
    held = decide(rules, job()).trace[0].checks[0]
    assert (held.signal, held.wanted, held.saw, held.held) == ("expr", "tokens > 5", True, True)
    failed = decide(rules, job(tokens=5, max_tokens=9)).trace[1].checks[0]
    assert (failed.saw, failed.held) == (False, False)
    failed = decide(policy({"when": {"expr": FAILS[0]}}), job()).trace[0].checks[0]
    assert (failed.saw, failed.held) == ("the expression failed on these signals", False)


def test_an_expression_that_computes_too_long_fails() -> None:
    """The library counts its steps: a nest of loops ends in milliseconds, and inside."""
    loops = "entities.map(a, entities.map(b, entities.map(c, entities.map(d, 1)))).size() > 0"
    findings = tuple(Finding(type=f"T{number}", score=0.1, detector="t") for number in range(40))
    seen = job(sensitivity=Sensitivity(level=Level.PUBLIC, findings=findings))
    assert decide(policy({"when": {"expr": loops}}, {"send": "far"}), seen).lanes == ("near",)


def test_without_the_library_a_policy_with_an_expression_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the extra that brings it is named."""

    def missing() -> Any:
        raise ImportError("cel_expr_python")

    monkeypatch.setattr(cel, "_environment", missing)
    with pytest.raises(InvalidDocument, match="needs the extra 'router'"):
        policy({"when": {"expr": "tokens > 5"}})


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30) | st.sampled_from(FAILS), st.sampled_from(list(Level)))
def test_no_expression_breaks_the_promise(expr: str, level: Level) -> None:
    """Any text is an expression or an error with a place, and no expression lets a sensitive job out."""
    try:
        ready = policy({"when": {"expr": expr}}, {"send": "far"})
    except InvalidDocument:
        return
    decision = decide(ready, job(sensitivity=Sensitivity(level=level)))
    assert not (level.sensitive and decision.cleared)
