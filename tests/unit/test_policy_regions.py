"""Regions: where a policy lets a job be computed, lane by lane, deployment by deployment, and what nobody named."""

from typing import Any

import pytest
from hypothesis import given, settings
from policies_and_jobs import POLICIES, SIGNALS

from router.policy.analysis.prove import prove
from router.policy.bans import bans, regions
from router.policy.engine import decide, sheltered
from router.policy.loader import policy_from
from router.policy.model import Policy
from tidegate.documents import Document
from tidegate.lane import Lane, Zone
from tidegate.signals import Band, Complexity, Level, Sensitivity, Signals

OUTSIDE = {"zone": "outside", "backend": "openai", "model": "gpt-4o", "context_tokens": 8000}
INSIDE = {"zone": "inside", "backend": "llama_cpp", "model": "t", "context_tokens": 1000}
TWO = [{"name": "frankfurt", "region": "eu"}, {"name": "virginia", "region": "us"}]
LANES: dict[str, Any] = {
    "near": INSIDE,
    "attic": {**INSIDE, "region": "us"},
    "paris": {**OUTSIDE, "region": "eu"},
    "texas": {**OUTSIDE, "region": "us"},
    "both": {**OUTSIDE, "deployments": TWO},
    "vague": OUTSIDE,
    "half": {**OUTSIDE, "deployments": [*TWO[:1], {"name": "somewhere"}]},
}
EVERYWHERE = ["paris", "texas", "both", "vague", "half", "attic", "near"]
EU_ONLY = {"name": "eu-only", "only": {"regions": ["eu"]}}
NO_US = {"name": "no-us", "never": {"regions": "us"}}
NO_EU = {"name": "no-eu", "never": {"regions": "eu"}}


def policy(*promises: dict[str, Any], send: Any = EVERYWHERE) -> Policy:
    """One rule for every job."""
    tree = {
        "version": 1,
        "lanes": LANES,
        "rules": [{"name": "all", "when": {"sensitivity": ["public", "internal"]}, "send": send, "why": "w"}],
        "default": {"send": ["near", "attic"], "why": "d"},
        "guarantees": list(promises),
    }
    return policy_from(Document("<test>", tree), name="test")


def job(**more: Any) -> Signals:
    """A short harmless job."""
    given = {"tokens": 10, "max_tokens": 10, "complexity": Complexity(band=Band.SIMPLE), **more}
    return Signals(sensitivity=Sensitivity(level=Level.PUBLIC), **given)


@pytest.mark.parametrize(
    ("promises", "lanes", "allowed"),
    [
        ([], EVERYWHERE, None),
        ([EU_ONLY], ["paris", "both", "half", "near"], ("eu",)),
        ([NO_US], ["paris", "both", "half", "near"], ("eu",)),
        ([NO_EU], ["texas", "both", "attic", "near"], ("us",)),
        ([EU_ONLY, NO_US], ["paris", "both", "half", "near"], ("eu",)),
        ([EU_ONLY, NO_EU], ["near"], ()),
        ([{"name": "g", "only": {"regions": ["ch"]}}], ["near"], ("ch",)),
        (
            [{"name": "g", "never": {"regions": "ch"}}],
            ["paris", "texas", "both", "half", "attic", "near"],
            ("eu", "us"),
        ),
    ],
    ids=["none", "only", "never", "the other", "both alike", "both at odds", "nowhere", "a region that nobody has"],
)
def test_lanes_are_taken_by_region(promises: list[Any], lanes: list[str], allowed: tuple[str, ...] | None) -> None:
    """A lane stays where one of its deployments may be called; one without a region stays only inside."""
    decision = decide(policy(*promises), job())
    assert list(decision.lanes) == lanes
    assert decision.regions == allowed
    assert set(decision.cleared) == {lane for lane in lanes if lane not in ("near", "attic")}


def test_two_promises_may_leave_nothing_of_a_lane_that_each_leaves_something_of() -> None:
    """The record names the one that took the rest, and the proof names both."""
    rules = policy(NO_US, NO_EU, send=["both", "near"])
    decision = decide(rules, job())
    assert (decision.lanes, decision.zone) == (("near",), Zone.INSIDE)
    assert decision.cause == "guarantee no-eu took both"
    shown = [(shown.broken, shown.lane) for shown in prove(rules).counterexamples if shown.rule == "all"]
    assert shown == [("no-us and no-eu", "both")]


def test_a_promise_speaks_of_its_jobs_only() -> None:
    """Another tenant's job may go anywhere."""
    rules = policy({**EU_ONLY, "when": {"tenant": "bank"}})
    assert decide(rules, job(tenant="bank")).regions == ("eu",)
    assert decide(rules, job(tenant="shop")).regions is None
    assert list(decide(rules, job(tenant="shop")).lanes) == EVERYWHERE


@pytest.mark.parametrize("when", [{"time": {"days": "sat"}}, {"expr": "1 / (tokens - 10) > 0"}])
def test_a_promise_that_cannot_be_judged_is_kept(when: dict[str, Any]) -> None:
    """What was not measured, and what fails, counts as meant."""
    assert decide(policy({**EU_ONLY, "when": when}), job()).regions == ("eu",)


def test_the_shelter_keeps_its_regions_too() -> None:
    """Where nothing could be decided, a lane inside that computes elsewhere is no shelter."""
    found = sheltered(policy(EU_ONLY), job(), cause="x")
    assert (found.lanes, found.regions) == (("near",), ("eu",))


def test_deployments_take_the_lane_s_region() -> None:
    """What a deployment does not say, the lane says for it."""
    lane = Lane.model_validate(
        {**OUTSIDE, "name": "x", "zone": Zone.OUTSIDE, "region": "eu", "deployments": [{"name": "a"}, TWO[1]]}
    )
    assert [one.name for one in lane.deployments_in(["eu"])] == ["a"]
    assert [one.name for one in lane.deployments_in(["us"])] == ["virginia"]
    assert lane.deployments_in([]) == ()
    assert lane.deployments_in(None) == lane.every_deployment


def test_what_may_be_a_slip_is_told() -> None:
    """A region that no lane names, and lanes outside without one, where regions matter at all."""
    told = policy({"name": "g", "never": {"regions": ["uss"]}}).warnings
    assert any("no lane names the region uss; did you mean 'us'?" in warning for warning in told)
    assert any("lanes.vague: names no region" in warning for warning in told)
    assert any("lanes.half: names no region (somewhere)" in warning for warning in told)
    assert not any("region" in warning for warning in policy().warnings)


@settings(max_examples=100, deadline=None)
@given(POLICIES, SIGNALS)
def test_no_cleared_lane_is_without_an_allowed_deployment(rules: Policy, signals: Signals) -> None:
    """Whatever the policy: each lane of a decision can be called where the job may be computed, and no other may."""
    decision = decide(rules, signals)
    allowed = regions(rules, signals)
    assert decision.regions == (None if allowed is None else tuple(sorted(allowed)))
    for lane in decision.lanes:
        assert rules.lanes[lane].deployments_in(decision.regions)
        assert lane not in bans(rules, signals, redacting=True) or lane in rules.outside
