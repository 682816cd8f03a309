"""Policies and jobs out of a hat, for tests that hold the engine and the analysis against each other."""

from typing import Any

from hypothesis import strategies as st

from router.policy.loader import policy_from
from router.policy.model import Policy
from router.signals.sensitivity.levels import judge
from tidegate.documents import Document
from tidegate.signals import Band, Capability, Complexity, Finding, LaneLoad, Level, Sensitivity, Signals

NEAR = {"zone": "inside", "backend": "llama_cpp", "model": "t"}
FAR = {"zone": "outside", "backend": "openai", "model": "gpt-4o-mini"}
LANES: dict[str, Any] = {
    "near": {**NEAR, "context_tokens": 200, "chars_per_token": 3.0, "capabilities": ["json"]},
    "barn": {**NEAR, "context_tokens": 700, "chars_per_token": 2.7, "region": "eu"},
    "far": {
        **FAR,
        "context_tokens": 500,
        "capabilities": ["json", "tools"],
        "deployments": [{"name": "one", "region": "eu"}, {"name": "two", "region": "us"}],
    },
    "sea": {**FAR, "context_tokens": 9000, "capabilities": ["tools", "vision"], "region": "us"},
}
_NAMES = st.sampled_from(sorted(LANES))
_SEND = st.one_of(_NAMES, st.lists(_NAMES, min_size=1, max_size=3, unique=True))
_NUMBERS = st.sampled_from([10, 64, 99, 100, 101, 400])
_BOUNDS = st.one_of(
    st.fixed_dictionaries({"over": _NUMBERS}),
    st.fixed_dictionaries({"at_most": _NUMBERS}),
    st.fixed_dictionaries({"under": _NUMBERS}),
    st.tuples(_NUMBERS, _NUMBERS).map(lambda two: {"at_least": min(two), "at_most": max(two)}),
)
_WAITS = st.sampled_from([{"over": 20}, {"under": 8}, {"at_least": 8, "at_most": 30}, {"at_most": 0}])
_LEVELS = st.sampled_from([level.value for level in Level])
_TYPES = st.sampled_from(["EMAIL_ADDRESS", "IBAN_CODE", "PERSON", "URL"])
_LATENCY = st.sampled_from(["interactive", "batch"])
_HOURS = st.sampled_from([{"from": "18:00", "to": "06:00"}, {"days": ["sat", "sun"]}, {"to": "12:00", "days": "sun"}])
_WHOSE = st.sampled_from([{"lane": "far"}, {"tenant": "acme"}])
_FLAT = st.fixed_dictionaries(
    {},
    optional={
        "sensitivity": st.one_of(_LEVELS, _LEVELS.map(lambda level: {"at_least": level})),
        "entities": st.builds(
            lambda how, types: {how: types}, st.sampled_from(["any", "alone"]), st.lists(_TYPES, min_size=1, max_size=2)
        ),
        "complexity": st.sampled_from([band.value for band in Band]),
        "tokens": _BOUNDS,
        "max_tokens": _BOUNDS,
        "needs": st.sampled_from([need.value for need in Capability]),
        "tenant": st.sampled_from(["acme", "ward", ["acme", "default"]]),
        "task": st.sampled_from(["triage", ["triage", "code"]]),
        "latency": _LATENCY,
        "time": _HOURS,
        "wait_s": st.builds(lambda lane, bounds: {"lane": lane, **bounds}, _NAMES, _WAITS),
        "health": st.builds(lambda lane, state: {"lane": lane, "is": state}, _NAMES, st.sampled_from(["up", "down"])),
        "budget_left_usd": st.builds(lambda whose, limits: {**whose, **limits}, _WHOSE, _WAITS),
    },
)  # fmt: skip
_FEW = _FLAT.map(lambda when: dict(list(when.items())[:3]))
WHENS = st.recursive(
    _FEW,
    lambda inner: st.builds(
        lambda flat, groups: {**flat, **groups},
        _FEW,
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
_OVERFLOW = st.builds(
    lambda to, until: {"to": to, "when": {"wait_s": {"over": 20}}, **until},
    _NAMES,
    st.sampled_from([{}, {"until": {"wait_s": {"under": 8}}}]),
)
_RULES = st.builds(
    lambda when, send, more, redact: {"when": when, "send": send, "why": "because", **more, **redact},
    WHENS,
    _SEND,
    st.one_of(
        st.just({}),
        st.fixed_dictionaries({"overflow": _OVERFLOW}),
        st.fixed_dictionaries({"refuse": st.just({"when": {"wait_s": {"over": 25}}})}),
        st.fixed_dictionaries({"split": st.dictionaries(_NAMES, st.sampled_from([1, 5, 95]), min_size=1, max_size=3)}),
    ),
    st.sampled_from([{}, {}, {"redact": True}]),
)
_PROMISES = st.builds(
    lambda when, says: {"when": when, **says},
    WHENS,
    st.sampled_from(
        [
            {"never": {"zone": "outside"}},
            {"never": {"lanes": ["far"]}},
            {"never": {"lanes": ["near", "sea"]}},
            {"never": {"regions": "us"}},
            {"never": {"regions": ["eu"]}},
            {"only": {"regions": ["eu"]}},
            {"only": {"regions": "ch"}},
            {"answers": {"at_most": "internal"}},
        ]
    ),
)


def policy(tree: dict[str, Any]) -> Policy:
    """A policy from what a file would say, over the four lanes where it names none."""
    rules = [{"name": f"r{index}", **rule} for index, rule in enumerate(tree.get("rules", ()))]
    whole = {
        "version": 1,
        "lanes": LANES,
        "default": {"send": "near", "why": "else"},
        **tree,
        "rules": rules,
    }
    return policy_from(Document("<test>", whole), name="test")


POLICIES = st.builds(
    lambda rules, send, promises, types: policy(
        {
            "rules": rules,
            "default": {"send": send, "why": "else"},
            "guarantees": [{"name": f"promise-{index}", **promise} for index, promise in enumerate(promises)],
            "allow_outside": types,
        }
    ),
    st.lists(_RULES, max_size=5),
    st.sampled_from(["near", "barn", ["far", "near"], ["near", "barn"]]),
    st.lists(_PROMISES, max_size=3),
    st.sampled_from([[], [], ["EMAIL_ADDRESS"], ["EMAIL_ADDRESS", "IBAN_CODE"]]),
)

_LOADS = st.builds(
    lambda wait_s, slots: LaneLoad(wait_s=wait_s, slots=slots),
    st.sampled_from([None, 0.0, 5.0, 8.0, 10.0, 20.0, 25.0, 30.0, 99.0]),
    st.sampled_from([0, 1]),
)
_FINDINGS = st.lists(
    st.builds(
        lambda name, score: Finding(type=name, score=score, detector="test"), _TYPES, st.sampled_from([0.0, 1.0])
    ),
    max_size=2,
)


def _judged(findings: list[Finding], least: Level, asked: Level | None) -> Sensitivity:
    """As an inspection would have it: never less sensitive than what was found."""
    found = judge(findings)
    level = max(found.level, least, key=lambda level: level.rank)
    return Sensitivity(
        level=level, findings=found.findings, least=asked or (least if level is not found.level else None)
    )


_ASKED = st.sampled_from([None, None, Level.PERSONAL])
_PURSES = st.sampled_from(["lane:far", "tenant:acme"])
SIGNALS = st.builds(
    Signals,
    sensitivity=st.builds(_judged, _FINDINGS, st.sampled_from(list(Level)), _ASKED),
    complexity=st.builds(Complexity, band=st.sampled_from(list(Band))),
    tokens=st.one_of(st.integers(0, 700), st.sampled_from([0, 98, 99, 100, 101, 8935, 8936, 8937, 100_000])),
    max_tokens=st.one_of(st.integers(1, 70), st.sampled_from([100, 256, 400, 401])),
    needs=st.lists(st.sampled_from(list(Capability)), max_size=2, unique=True).map(tuple),
    tenant=st.sampled_from(["default", "acme", "ward", "nobody"]),
    task=st.sampled_from([None, "triage", "code", "play"]),
    latency=_LATENCY,
    load=st.dictionaries(_NAMES, _LOADS, max_size=4),
    minute=st.one_of(st.none(), st.integers(0, 7 * 24 * 60 - 1)),
    draw=st.floats(0, 1, exclude_max=True),
    overflowing=st.lists(st.sampled_from(["r0", "r1", "r2"]), max_size=2, unique=True).map(tuple),
    budget_left_usd=st.dictionaries(_PURSES, st.sampled_from([-1.0, 0.0, 8.0, 30.0]), max_size=2),
)  # fmt: skip
