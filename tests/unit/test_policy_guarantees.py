"""Guarantees: what an operator promises holds for each decision, whatever rules, splits and expressions say."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.policy.bans import bans
from router.policy.engine import FAIL_CLOSED_RULE, decide, sheltered
from router.policy.harmless import guarded, narrowed
from router.policy.loader import policy_from
from router.policy.model import Policy
from router.signals.sensitivity.levels import LEVELS, judge
from tidegate.documents import Document
from tidegate.errors import InvalidDocument
from tidegate.lane import Zone
from tidegate.signals import Band, Complexity, Finding, LaneLoad, Level, Sensitivity, Signals

LANES: dict[str, Any] = {
    "near": {"zone": "inside", "backend": "llama_cpp", "model": "t", "context_tokens": 1000},
    "barn": {"zone": "inside", "backend": "llama_cpp", "model": "t", "context_tokens": 1000},
    "far": {"zone": "outside", "backend": "openai", "model": "gpt-4o-mini", "context_tokens": 8000},
    "sea": {"zone": "outside", "backend": "openai", "model": "gpt-4o-mini", "context_tokens": 8000},
}


def policy(*rules: dict[str, Any], send: Any = "near", **more: Any) -> Policy:
    """A policy over four lanes."""
    named = [{"name": f"r{index}", "why": "w", **rule} for index, rule in enumerate(rules)]
    tree = {"version": 1, "lanes": LANES, "rules": named, "default": {"send": send, "why": "d"}, **more}
    return policy_from(Document("<test>", tree), name="test")


def job(level: Level = Level.PUBLIC, *types: str, **more: Any) -> Signals:
    """A short job in which these types were found."""
    findings = tuple(Finding(type=name, score=0.9, detector="t") for name in types)
    sensitivity = Sensitivity(level=level, findings=findings, least=more.pop("least", None))
    given = {"tokens": 10, "max_tokens": 10, "complexity": Complexity(band=Band.SIMPLE), **more}
    return Signals(sensitivity=sensitivity, **given)


BANK = {"name": "bank-stays", "when": {"tenant": "bank"}, "never": {"zone": "outside"}}


def test_a_promise_takes_lanes_that_a_rule_sends_to() -> None:
    """And the record says which promise did."""
    rules = policy({"send": ["far", "barn", "sea"]}, guarantees=[BANK])
    decision = decide(rules, job(tenant="bank"))
    assert (decision.lanes, decision.cleared, decision.zone) == (("barn",), (), Zone.INSIDE)
    assert decision.cause == "guarantee bank-stays took far, sea"
    assert decide(rules, job(tenant="shop")).lanes == ("far", "barn", "sea")


def test_a_promise_holds_for_overflow_split_and_shadow_too() -> None:
    """There is no way around it."""
    overflow = {"to": "far", "when": {"wait_s": {"over": 1}}}
    for rule in ({"overflow": overflow}, {"split": {"far": 1}}, {"shadow": "far"}):
        decision = decide(
            policy({"send": "near", **rule}, guarantees=[BANK]),
            job(tenant="bank", load={"near": LaneLoad(slots=1, wait_s=9.0)}),
        )
        assert (decision.lanes, decision.cleared, decision.shadow) == (("near",), (), None)


def test_lanes_inside_can_be_barred_and_the_shelter_is_no_way_round() -> None:
    """A job for which no lane is left has none, and says why."""
    barred = {"name": "not-near", "when": {"tenant": "fraud"}, "never": {"lanes": "near"}}
    decision = decide(policy({"send": "near"}, guarantees=[barred]), job(tenant="fraud"))
    assert (decision.lanes, decision.cause) == ((), "policy_denied: guarantee not-near took near")
    assert decide(policy(send=["near", "barn"], guarantees=[barred]), job(tenant="fraud")).lanes == ("barn",)
    failed = sheltered(policy(guarantees=[barred]), job(tenant="fraud"), cause="x")
    assert (failed.lanes, failed.rule, failed.cause) == ((), FAIL_CLOSED_RULE, "policy_denied: x")


@pytest.mark.parametrize(
    "when",
    [
        {"wait_s": {"lane": "near", "over": 20}},
        {"not": {"budget_left_usd": {"lane": "far", "over": 5}}},
        {"time": {"days": "sat"}},
        {"expr": 'wait_s["nowhere"] > 1.0'},
        {"expr": "1 / (tokens - 10) > 0"},
    ],
)
def test_a_promise_that_cannot_be_judged_is_kept(when: dict[str, Any]) -> None:
    """What was not measured, and what fails, counts as meant."""
    rules = policy({"send": ["far", "near"]}, guarantees=[{"name": "g", "when": when, "never": {"zone": "outside"}}])
    assert decide(rules, job()).lanes == ("near",)


def test_two_promises_are_told_apart() -> None:
    """Each lane is taken by the first that speaks of it."""
    sea = {"name": "no-sea", "never": {"lanes": ["sea"]}}
    rules = policy({"send": ["far", "sea", "near"]}, guarantees=[sea, BANK])
    assert decide(rules, job(tenant="bank")).cause == "guarantee bank-stays took far; guarantee no-sea took sea"


@pytest.mark.parametrize(
    ("level", "types", "least", "may_leave"),
    [
        (Level.PERSONAL, ["IP_ADDRESS"], None, True),
        (Level.PERSONAL, ["IP_ADDRESS", "URL"], None, True),
        (Level.PERSONAL, ["IP_ADDRESS", "EMAIL_ADDRESS"], None, False),
        (Level.RESTRICTED, ["IP_ADDRESS", "API_KEY"], None, False),
        (Level.PERSONAL, ["IP_ADDRESS"], Level.PERSONAL, False),
        (Level.RESTRICTED, ["IP_ADDRESS"], None, False),
        (Level.UNKNOWN, ["IP_ADDRESS"], None, False),
        (Level.PERSONAL, [], None, False),
        (Level.PERSONAL, ["NEW_TYPE_OF_TOMORROW"], None, False),
    ],
)
def test_declared_types_narrow_the_guarantee_and_nothing_else_does(
    *, level: Level, types: list[str], least: Level | None, may_leave: bool
) -> None:
    """`unknown`, another type, a level that the types do not explain and a producer's wish all keep a job inside."""
    rules = policy({"send": ["far", "near"]}, allow_outside=["IP_ADDRESS"])
    decision = decide(rules, job(level, *types, least=least))
    assert bool(decision.cleared) is may_leave
    assert decision.narrowed == (("IP_ADDRESS",) if may_leave else ())
    assert not decide(policy({"send": ["far", "near"]}), job(level, *types, least=least)).cleared


@settings(max_examples=300)
@given(
    st.lists(
        st.builds(Finding, type=st.sampled_from(sorted(LEVELS)), score=st.floats(0, 1), detector=st.just("t")),
        max_size=4,
    ),
    st.sampled_from([None, *Level]),
    st.frozensets(st.sampled_from(sorted(LEVELS))),
)
def test_narrowing_is_exactly_leaving_the_types_out(
    findings: list[Finding], least: Level | None, declared: frozenset[str]
) -> None:
    """A job is let go only where the same detectors without those types would have found nothing sensitive."""
    found = judge(findings, least=least)
    others = judge([finding for finding in findings if finding.type not in declared], least=least)
    if others.level.sensitive:
        assert guarded(found, allow_outside=declared) or not found.level.sensitive
    if narrowed(found, allow_outside=declared):
        assert found.level.sensitive
        assert not others.level.sensitive


def test_nobody_can_switch_the_built_in_one_off() -> None:
    """Not by leaving it out, nor by taking its name for something else."""
    for guarantees in ([], ["nothing-sensitive-outside"], [BANK]):
        rules = policy({"send": ["far", "near"]}, guarantees=guarantees)
        assert set(bans(rules, job(Level.PERSONAL))) == {"far", "sea"}
    with pytest.raises(InvalidDocument, match="the built-in one has this name"):
        policy(guarantees=[{**BANK, "name": "nothing-sensitive-outside"}])


_WHENS = st.sampled_from(
    [
        {},
        {"tenant": "bank"},
        {"tokens": {"over": 5}},
        {"entities": {"any": ["PERSON"]}},
        {"task": "t"},
        {"expr": "tokens > 5"},
    ]
)
_NEVER = st.sampled_from([{"zone": "outside"}, {"lanes": "far"}, {"lanes": ["near", "sea"]}])
_LANES = st.lists(st.sampled_from(sorted(LANES)), min_size=1, max_size=3, unique=True)


@settings(max_examples=200, deadline=None)
@given(
    rules=st.lists(
        st.fixed_dictionaries({"when": _WHENS, "send": _LANES}, optional={"shadow": st.sampled_from(sorted(LANES))}),
        max_size=3,
    ),
    promises=st.lists(st.fixed_dictionaries({"when": _WHENS, "never": _NEVER}), max_size=3),
    seen=st.builds(
        job,
        st.sampled_from(list(Level)),
        tenant=st.sampled_from(["bank", "default"]),
        task=st.sampled_from([None, "t"]),
    ),
    traced=st.booleans(),
)
def test_no_decision_breaks_a_promise(
    *, rules: list[dict[str, Any]], promises: list[dict[str, Any]], seen: Signals, traced: bool
) -> None:
    """Whatever is written, no lane and no copy of a decision is one that a guarantee bars."""
    named = [{"name": f"g{index}", **promise} for index, promise in enumerate(promises)]
    ready = policy(*rules, guarantees=named)
    decision = decide(ready, seen, traced=traced)
    barred = bans(ready, seen)
    assert not set(decision.lanes) & set(barred)
    assert decision.shadow not in barred
    assert not (decision.cleared and seen.sensitivity.level.sensitive)
