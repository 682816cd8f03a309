"""The engine: the first match decides, guarantees win over rules, and whatever goes wrong stays inside."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.policy.engine import FAIL_CLOSED_RULE, decide
from router.policy.loader import policy_from
from router.policy.matching import NOT_MEASURED
from router.policy.model import Policy
from tidegate.decision import Decision
from tidegate.documents import Document
from tidegate.lane import Zone
from tidegate.signals import Band, Capability, Complexity, Finding, LaneLoad, Level, Sensitivity, Signals

NEAR = {"zone": "inside", "backend": "llama_cpp", "model": "t", "context_tokens": 1000, "chars_per_token": 2.0}
FAR = {"zone": "outside", "backend": "openai", "model": "gpt-4o-mini"}
LANES: dict[str, Any] = {
    "near": {**NEAR, "capabilities": ["json"]},
    "barn": {**NEAR, "context_tokens": 4000, "chars_per_token": 4.0},
    "far": {**FAR, "context_tokens": 8000, "capabilities": ["json"]},
    "sea": {**FAR, "context_tokens": 90000, "capabilities": ["tools"]},
}


def policy(*rules: dict[str, Any], send: Any = "near") -> Policy:
    """A policy over the four lanes of the tests."""
    named = [{"name": f"r{index}", "why": "because", **rule} for index, rule in enumerate(rules)]
    tree = {"version": 1, "lanes": LANES, "rules": named, "default": {"send": send, "why": "else"}}
    return policy_from(Document("<test>", tree), name="test")


def signals(level: str = "public", band: str = "simple", *, tokens: int = 10, **more: Any) -> Signals:
    """Signals of a harmless, simple, short job, unless said otherwise."""
    given = {"max_tokens": 256, **more}
    types = given.pop("types", ())
    findings = tuple(Finding(type=name, score=0.9, detector="test") for name in types)
    return Signals(
        sensitivity=Sensitivity(level=Level(level), findings=findings),
        complexity=Complexity(band=Band(band)),
        tokens=tokens,
        **given,
    )


def waits(**lanes: float | None) -> dict[str, LaneLoad]:
    """Loads with these waits."""
    return {lane: LaneLoad(wait_s=wait) for lane, wait in lanes.items()}


@pytest.mark.parametrize(
    ("when", "holds", "fails"),
    [
        ({"sensitivity": "internal"}, signals("internal"), signals("public")),
        ({"sensitivity": ["public", "internal"]}, signals("internal"), signals("unknown")),
        ({"sensitivity": {"at_least": "personal"}}, signals("unknown"), signals("internal")),
        ({"sensitivity": {"at_most": "internal"}}, signals("internal"), signals("unknown")),
        ({"entities": {"any": ["A", "B"]}}, signals(types=["B", "C"]), signals(types=["C"])),
        ({"complexity": "simple"}, signals(), signals(band="unknown")),
        ({"complexity": ["moderate", "complex"]}, signals(band="complex"), signals(band="simple")),
        ({"tokens": {"over": 500}}, signals(tokens=501), signals(tokens=500)),
        ({"tokens": {"at_least": 500, "under": 600}}, signals(tokens=500), signals(tokens=600)),
        ({"tokens": {"at_most": 500}}, signals(tokens=500), signals(tokens=501)),
        ({"max_tokens": {"under": 300}}, signals(), signals(max_tokens=300)),
        ({"needs": "json"}, signals(needs=(Capability.JSON,)), signals()),
        (
            {"needs": ["json", "tools"]},
            signals(needs=(Capability.JSON, Capability.TOOLS)),
            signals(needs=(Capability.JSON,)),
        ),
        ({"tenant": ["acme", "ward"]}, signals(tenant="ward"), signals()),
        ({"latency": "batch"}, signals(latency="batch"), signals()),
        ({"wait_s": {"lane": "near", "over": 20}}, signals(load=waits(near=21.0)), signals(load=waits(near=20.0))),
        ({"wait_s": {"lane": "near", "over": 20}}, signals(load=waits(near=None)), signals()),
        ({"wait_s": {"lane": "near", "under": 20}}, signals(load=waits(near=1.0)), signals(load=waits(near=None))),
        ({"any": [{"tenant": "x"}, {"tokens": {"under": 99}}]}, signals(), signals(tokens=100)),
        ({"all": [{"tenant": "default"}, {"tokens": {"under": 99}}]}, signals(), signals(tokens=100)),
        ({"not": {"tenant": "x", "latency": "interactive"}}, signals(), signals(tenant="x")),
        ({"tenant": "default", "tokens": {"under": 99}}, signals(), signals(tokens=100)),
        ({}, signals(), None),
    ],
)
def test_each_condition_holds_where_it_should(when: dict[str, Any], holds: Signals, fails: Signals | None) -> None:
    """A rule matches when all of its conditions hold, and what each saw is on record."""
    rules = policy({"when": when, "send": "barn"})
    decision = decide(rules, holds)
    assert decision.rule == "r0"
    assert {check.signal for check in decision.trace[0].checks} == set(when)
    if fails is not None:
        assert decide(rules, fails).rule == "default"


def test_the_first_match_decides_and_later_rules_are_not_looked_at() -> None:
    """Order is the operator's; the record stops where the engine did."""
    decision = decide(policy({"when": {"tenant": "x"}, "send": "far"}, {"send": "barn"}, {"send": "near"}), signals())
    assert decision.rule == "r1"
    assert [(looked.rule, looked.matched) for looked in decision.trace] == [("r0", False), ("r1", True)]
    assert decision.trace[0].checks[0].model_dump() == {
        "signal": "tenant", "wanted": "x", "saw": "default", "held": False,
    }  # fmt: skip


def test_the_reason_of_the_rule_and_the_policys_version_are_on_record() -> None:
    """A decision explains itself without the policy at hand."""
    rules = policy({"send": "far"})
    decision = decide(rules, signals())
    assert (decision.why, decision.policy) == ("because", rules.version)
    assert (decision.zone, decision.cleared) == (Zone.OUTSIDE, ("far",))
    assert Decision.from_json(decision.to_json()) == decision


@pytest.mark.parametrize("level", [level.value for level in Level if level.sensitive])
def test_a_sensitive_job_stays_inside_whatever_the_rule_says(level: str) -> None:
    """Lanes outside are taken from the rule's list, and from one that has no other the default's lanes follow."""
    for send, lanes in [(["far", "barn"], ("barn",)), ("far", ("near",))]:
        decision = decide(policy({"send": send}), signals(level))
        assert (decision.lanes, decision.zone, decision.cleared) == (lanes, Zone.INSIDE, ())
        assert decision.cause == "guarantee nothing-sensitive-outside took far"


def test_an_outside_lane_of_the_default_is_no_shelter() -> None:
    """What the default may use for harmless jobs is not there for sensitive ones."""
    rules = policy(send=["far", "near"])
    assert decide(rules, signals()).lanes == ("far", "near")
    assert decide(rules, signals("personal")).lanes == ("near",)


def test_lanes_that_lack_something_are_passed_over_by_name() -> None:
    """A job that needs tools does not go where there are none."""
    decision = decide(policy({"send": ["far", "sea"]}), signals(needs=(Capability.TOOLS,)))
    assert (decision.lanes, decision.cause) == (("sea",), "far: lacks tools")


def test_length_is_counted_in_each_lanes_own_tokens() -> None:
    """400 tokens at four characters are 800 at two, and the answer needs room too."""
    rules = policy({"send": "near"})
    assert decide(rules, signals(tokens=468)).lanes == ("near",)
    assert decide(rules, signals(tokens=469)).lanes == ()
    assert decide(rules, signals(tokens=495, max_tokens=10)).lanes == ("near",)


def test_where_nothing_fits_the_cause_begins_with_the_dead_letters_reason() -> None:
    """Too long is another thing than not possible at all."""
    long = decide(policy({"send": "near"}), signals("personal", tokens=9000))
    assert (long.lanes, long.zone) == ((), Zone.INSIDE)
    assert long.cause is not None
    assert long.cause.startswith("context_overflow: near: holds 1000 tokens, the job needs about 18000")
    denied = decide(policy({"send": "far"}), signals("personal", needs=(Capability.TOOLS,)))
    assert denied.cause == ("policy_denied: guarantee nothing-sensitive-outside took far; near: lacks tools")


@pytest.mark.parametrize(
    ("load", "lanes"),
    [
        (waits(near=21.0), ("far", "near", "barn")),
        (waits(near=None), ("far", "near", "barn")),
        (waits(near=20.0), ("near", "barn")),
        (waits(barn=99.0), ("near", "barn")),
        ({}, ("near", "barn")),
    ],
)
def test_overflow_puts_its_lane_first_while_the_first_lane_is_busy(load: Any, lanes: tuple[str, ...]) -> None:
    """Busy means over the limit, or served by nobody; a wait that nobody measured sends nothing out."""
    rules = policy({"send": ["near", "barn"], "overflow": {"to": "far", "when": {"wait_s": {"over": 20}}}})
    decision = decide(rules, signals(load=load))
    assert decision.lanes == lanes
    looked = decision.trace[-1]
    assert (looked.rule, looked.matched) == ("r0/overflow", "far" in lanes)
    assert Decision.from_json(decision.to_json()) == decision


def test_a_sensitive_job_waits_where_others_overflow() -> None:
    """The overflow's lane is outside, so the guarantee takes it away again, and that is on record."""
    rules = policy({"send": "near", "overflow": {"to": "far", "when": {"wait_s": {"over": 20}}}})
    decision = decide(rules, signals("restricted", load=waits(near=None)))
    assert (decision.lanes, decision.cleared) == (("near",), ())
    assert decision.cause == "guarantee nothing-sensitive-outside took far"


def test_an_engine_that_fails_keeps_the_job_inside() -> None:
    """Any exception means the default's lanes inside, with its class on record and nothing of the job."""

    def explode(_: Signals) -> Any:
        raise ZeroDivisionError("Jane Doe")

    rules = policy({"when": {"tenant": "default"}, "send": "far"}, send=["far", "near"])
    (condition,) = rules.rules[0].conditions
    broken = replace(
        rules, rules=(replace(rules.rules[0], conditions=(replace(condition, test=explode, sorts=False),)),)
    )
    decision = decide(broken, signals())
    assert (decision.lanes, decision.zone, decision.cleared) == (("near",), Zone.INSIDE, ())
    assert (decision.rule, decision.cause) == (FAIL_CLOSED_RULE, "the engine failed: ZeroDivisionError")


_LANE_NAMES = st.sampled_from(sorted(LANES))
_BOUNDS = st.sampled_from([{"over": 100}, {"under": 600}, {"at_least": 5, "at_most": 700}])
_LEVELS = st.sampled_from([level.value for level in Level])
_FLAT = st.fixed_dictionaries(
    {},
    optional={
        "sensitivity": _LEVELS
        | st.lists(_LEVELS, min_size=1, max_size=3)
        | st.builds(lambda at: {"at_least": at}, _LEVELS),
        "entities": st.sampled_from([{"any": ["A", "B"]}, {"alone": ["A", "EMAIL_ADDRESS"]}]),
        "task": st.sampled_from(["triage", ["triage", "review"]]),
        "time": st.sampled_from([{"days": "sat"}, {"from": "22:00", "to": "06:00"}]),
        "health": st.builds(
            lambda lane, state: {"lane": lane, "is": state}, _LANE_NAMES, st.sampled_from(["up", "down"])
        ),
        "budget_left_usd": st.sampled_from([{"lane": "far", "over": 5}, {"tenant": "acme", "under": 5}]),
        "complexity": st.sampled_from([band.value for band in Band]),
        "tokens": _BOUNDS,
        "max_tokens": _BOUNDS,
        "needs": st.sampled_from([need.value for need in Capability]),
        "tenant": st.sampled_from(["default", "acme"]),
        "latency": st.sampled_from(["interactive", "batch"]),
        "wait_s": st.builds(lambda lane, bounds: {"lane": lane, **bounds}, _LANE_NAMES, _BOUNDS),
    },
)
_WHEN = st.recursive(
    _FLAT,
    lambda inner: st.builds(
        lambda flat, more: {**flat, **more},
        _FLAT,
        st.fixed_dictionaries(
            {},
            optional={
                "any": st.lists(inner, min_size=1, max_size=2),
                "all": st.lists(inner, min_size=1, max_size=2),
                "not": inner,
            },
        ),
    ),
    max_leaves=4,
)
_SEND = _LANE_NAMES | st.lists(_LANE_NAMES, min_size=1, max_size=4)
_OVERFLOW = st.builds(
    lambda to, more: {"to": to, "when": {"wait_s": {"over": 20}}, **more},
    _LANE_NAMES,
    st.sampled_from([{}, {"until": {"wait_s": {"under": 8}}}]),
)
_SPLIT = st.dictionaries(_LANE_NAMES, st.integers(1, 9), min_size=1)
_RULE = st.fixed_dictionaries(
    {"send": _SEND, "when": _WHEN},
    optional={"shadow": _LANE_NAMES},
).flatmap(
    lambda rule: (
        st.fixed_dictionaries({}, optional={"overflow": _OVERFLOW}).map(lambda more: {**rule, **more})
        | st.fixed_dictionaries({}, optional={"split": _SPLIT}).map(lambda more: {**rule, **more})
    )
)
POLICIES = st.builds(
    lambda rules, send: policy(*rules, send=send),
    st.lists(_RULE, max_size=5),
    st.sampled_from(["near", ["barn", "near"], ["far", "near"], ["sea", "far", "barn"]]),
)
SIGNALS = st.builds(
    signals,
    _LEVELS,
    st.sampled_from([band.value for band in Band]),
    tokens=st.integers(0, 100_000),
    max_tokens=st.integers(1, 2000),
    types=st.lists(st.sampled_from("ABC"), max_size=2),
    needs=st.lists(st.sampled_from(list(Capability)), unique=True, max_size=2).map(tuple),
    tenant=st.sampled_from(["default", "acme"]),
    latency=st.sampled_from(["interactive", "batch"]),
    load=st.dictionaries(
        _LANE_NAMES, st.builds(LaneLoad, wait_s=st.none() | st.floats(0, 900), slots=st.integers(0, 1))
    ),
    task=st.sampled_from([None, "triage", "another"]),
    minute=st.none() | st.integers(0, 10_079),
    draw=st.floats(0, 1, exclude_max=True),
    overflowing=st.sampled_from([(), ("r0",), ("r0", "r1")]),
    budget_left_usd=st.dictionaries(st.sampled_from(["lane:far", "tenant:acme"]), st.floats(-5, 10)),
)


@settings(max_examples=300, deadline=None)
@given(POLICIES, SIGNALS)
def test_no_policy_sends_a_sensitive_job_outside(rules: Policy, seen: Signals) -> None:
    """The first promise, over random policies and jobs."""
    decision = decide(rules, seen)
    outside = tuple(lane for lane in decision.lanes if rules.lanes[lane].zone is Zone.OUTSIDE)
    assert decision.cleared == outside
    assert (decision.zone is Zone.OUTSIDE) == bool(outside)
    if seen.sensitivity.level.sensitive:
        assert outside == ()


@settings(max_examples=300, deadline=None)
@given(POLICIES, SIGNALS)
def test_the_record_agrees_with_the_decision(rules: Policy, seen: Signals) -> None:
    """A rule matched if all that it looked at held; the rule that decided is the first that matched."""
    decision = decide(rules, seen)
    assert decision.rule != FAIL_CLOSED_RULE
    for looked in decision.trace:
        measured = all(check.saw != NOT_MEASURED for check in looked.checks)
        assert looked.matched == (all(check.held for check in looked.checks) if measured else False)
    matched = [looked.rule for looked in decision.trace if looked.matched and "/" not in looked.rule]
    assert matched == [decision.rule]
    assert decision.lanes or (decision.cause or "").startswith(("context_overflow: ", "policy_denied: "))
    assert len(set(decision.lanes)) == len(decision.lanes)
    assert decide(rules, seen) == decision
    assert Decision.from_json(decision.to_json()) == decision


@settings(max_examples=100, deadline=None)
@given(POLICIES, st.lists(SIGNALS, min_size=1, max_size=12))
def test_what_the_index_remembers_changes_no_decision(rules: Policy, jobs: list[Signals]) -> None:
    """A policy that has seen other jobs decides like a fresh one, and with a trace as without."""
    for seen in jobs:
        fresh = decide(replace(rules), seen)
        assert decide(rules, seen) == fresh
        assert decide(rules, seen, traced=False) == fresh.model_copy(update={"trace": ()})
