"""Overflow with hysteresis, refusal, splits and shadows: pure functions of what is passed in."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.policy.engine import decide
from router.policy.loader import policy_from
from router.policy.model import Policy
from tidegate.documents import Document
from tidegate.errors import InvalidDocument
from tidegate.lane import Zone
from tidegate.signals import Band, Complexity, LaneLoad, Level, Sensitivity, Signals

LANES: dict[str, Any] = {
    "near": {"zone": "inside", "backend": "llama_cpp", "model": "t", "context_tokens": 1000},
    "barn": {"zone": "inside", "backend": "llama_cpp", "model": "t", "context_tokens": 1000},
    "far": {"zone": "outside", "backend": "openai", "model": "gpt-4o-mini", "context_tokens": 8000},
    "sea": {"zone": "outside", "backend": "openai", "model": "gpt-4o-mini", "context_tokens": 8000},
}
HYSTERESIS = {"to": "far", "when": {"wait_s": {"over": 20}}, "until": {"wait_s": {"under": 8}}}


def policy(**rule: Any) -> Policy:
    """A policy with one rule for everybody."""
    written = {"name": "r", "why": "w", "send": "near", **rule}
    tree = {"version": 1, "lanes": LANES, "rules": [written], "default": {"send": "near", "why": "d"}}
    return policy_from(Document("<test>", tree), name="test")


def job(level: Level = Level.PUBLIC, *, wait_s: float | None = None, **more: Any) -> Signals:
    """A short job; the wait for `near` is measured where one is given."""
    load = {} if wait_s is None else {"near": LaneLoad(slots=1, wait_s=wait_s)}
    return Signals(
        sensitivity=Sensitivity(level=level),
        complexity=Complexity(band=Band.SIMPLE),
        tokens=10,
        max_tokens=10,
        load={**load, **more.pop("load", {})},
        **more,
    )


@pytest.mark.parametrize(
    ("wait_s", "lasting", "first", "move"),
    [
        (20.0, False, "near", None),
        (20.5, False, "far", "enter"),
        (20.5, True, "far", "hold"),
        (8.0, True, "far", "hold"),
        (7.9, True, "near", None),
        (7.9, False, "near", None),
        (None, False, "near", None),
        (None, True, "near", None),
    ],
)
def test_each_job_decides_for_itself_by_the_limit_that_counts(
    *, wait_s: float | None, lasting: bool, first: str, move: str | None
) -> None:
    """By `when`, and by `until` while the rule is in overflow; a wait that nobody measured sends nobody out."""
    decision = decide(policy(overflow=HYSTERESIS), job(wait_s=wait_s, overflowing=("r",) if lasting else ()))
    assert (decision.lanes[0], decision.overflow) == (first, move)


def test_without_until_nothing_is_remembered() -> None:
    """It ends as soon as `when` fails, whatever anybody remembers."""
    plain = policy(overflow={"to": "far", "when": {"wait_s": {"over": 20}}})
    assert decide(plain, job(wait_s=19, overflowing=("r",))).lanes == ("near",)
    assert decide(plain, job(wait_s=21)).overflow is None


def test_a_lane_that_nobody_serves_overflows() -> None:
    """It waits for ever."""
    decision = decide(policy(overflow=HYSTERESIS), job(load={"near": LaneLoad()}))
    assert decision.lanes == ("far", "near")


@pytest.mark.parametrize(
    ("there", "first", "saw"),
    [
        (0.0, "far", 0.0),
        (29.9, "far", 29.9),
        (30.0, "near", 30.0),
        (40.0, "near", 40.0),
        (None, "near", "nobody serves it"),
    ],
)
@pytest.mark.parametrize("lasting", [False, True])
def test_a_job_goes_only_where_it_begins_sooner(
    *, there: float | None, first: str, saw: float | str, lasting: bool
) -> None:
    """Else it is better off where it is. The record says why, and who stays keeps no rule in overflow."""
    far = {"far": LaneLoad(wait_s=there, slots=0 if there is None else 1)}
    overflowing = ("r",) if lasting else ()
    decision = decide(policy(overflow=HYSTERESIS), job(wait_s=30, load=far, overflowing=overflowing))
    assert decision.lanes[0] == first
    assert (decision.overflow is None) == (first == "near")
    (looked,) = (trace for trace in decision.trace if trace.rule == "r/overflow")
    limits = {"not": {"under": 8.0}} if lasting else {"over": 20.0}
    assert [(check.wanted, check.saw, check.held) for check in looked.checks] == [
        ({"lane": "near", **limits}, 30.0, True),
        ({"lane": "far", "sooner_than": "near"}, saw, first == "far"),
    ]


def test_who_may_not_go_keeps_no_rule_in_overflow() -> None:
    """A guarantee took the lane: nobody went out, so nothing began and nothing goes on."""
    for lasting in ((), ("r",)):
        decision = decide(policy(overflow=HYSTERESIS), job(Level.PERSONAL, wait_s=30, overflowing=lasting))
        assert (decision.lanes, decision.overflow) == (("near",), None)


@given(
    near=st.floats(0, 60, allow_nan=False),
    far=st.one_of(st.none(), st.floats(0, 60, allow_nan=False)),
    lasting=st.booleans(),
    level=st.sampled_from(list(Level)),
)
def test_who_waits_too_long_goes_where_it_is_sooner_and_nobody_else(
    *, near: float, far: float | None, lasting: bool, level: Level
) -> None:
    """In any state: over the upper limit all go that gain; below the lower one all stay; nothing sensitive goes."""
    loads = {"far": LaneLoad(slots=1, wait_s=far)} if far is not None else {}
    decision = decide(
        policy(overflow=HYSTERESIS), job(level, wait_s=near, load=loads, overflowing=("r",) if lasting else ())
    )
    gains = far is None or far < near
    out = decision.lanes[0] == "far"
    assert decision.zone is (Zone.OUTSIDE if out else Zone.INSIDE)
    if level.sensitive or not gains or near < 8:
        assert not out
    elif near > 20 or lasting:
        assert out
    assert decision.overflow == (None if not out else "hold" if lasting else "enter")


@pytest.mark.parametrize("until", [{"under": 30}, {"at_most": 21}, {"over": 1}])
def test_limits_that_would_flap_are_refused(until: dict[str, float]) -> None:
    """Where both hold, an overflow would begin and end with the same job."""
    with pytest.raises(InvalidDocument, match="until must not hold where when does"):
        policy(overflow={**HYSTERESIS, "until": {"wait_s": until}})
    assert policy(overflow={**HYSTERESIS, "until": {"wait_s": {"at_most": 20}}})


def test_a_policy_may_refuse_instead_of_waiting() -> None:
    """The first lane that the job may take is what counts; what was not measured refuses nobody."""
    rules = policy(send=["far", "near"], refuse={"when": {"wait_s": {"over": 60}}})
    assert decide(rules, job(Level.PERSONAL, wait_s=61)).cause == "overloaded: the wait for near is about 61.0 s"
    assert decide(rules, job(Level.PERSONAL, wait_s=61)).lanes == ()
    assert decide(rules, job(Level.PERSONAL, wait_s=60)).lanes == ("near",)
    assert decide(rules, job(Level.PUBLIC, wait_s=61)).lanes == ("far", "near")
    assert decide(rules, job(Level.PERSONAL)).lanes == ("near",)


def test_a_split_follows_the_weights_and_stays_with_a_draw() -> None:
    """A thousand draws fall into the shares; the same draw always into the same one."""
    rules = policy(send=["far", "near"], split={"far": 90, "sea": 10})
    firsts = Counter(decide(rules, job(draw=number / 1000)).lanes[0] for number in range(1000))
    assert firsts == {"far": 900, "sea": 100}
    assert decide(rules, job(draw=0.95)).lanes == ("sea", "far", "near")


@given(
    st.dictionaries(st.sampled_from(sorted(LANES)), st.floats(0.001, 1000), min_size=1),
    st.floats(0, 1, exclude_max=True),
)
def test_every_draw_finds_a_lane(weights: dict[str, float], draw: float) -> None:
    """Rounding leaves no gap at the end, and a sensitive job stays inside in any share."""
    rules = policy(split=weights)
    assert decide(rules, job(draw=draw)).lanes[0] in weights
    assert not decide(rules, job(Level.UNKNOWN, draw=draw)).cleared


def test_overflow_and_split_do_not_go_together() -> None:
    """Each says which lane goes first."""
    with pytest.raises(InvalidDocument, match="give overflow or split, not both"):
        policy(overflow=HYSTERESIS, split={"far": 1})


@pytest.mark.parametrize(
    ("level", "shadow", "copied"),
    [
        (Level.PUBLIC, "sea", "sea"),
        (Level.PERSONAL, "sea", None),
        (Level.UNKNOWN, "far", None),
        (Level.PERSONAL, "barn", "barn"),
    ],
)
def test_a_shadow_never_goes_where_the_job_may_not(level: Level, shadow: str, copied: str | None) -> None:
    """The copy is the same text: the same guarantees hold for it."""
    decision = decide(policy(shadow=shadow), job(level))
    assert (decision.lanes, decision.shadow) == (("near",), copied)


def test_a_copy_that_does_not_fit_is_not_made() -> None:
    """A lane that is too small for the job is too small for its copy."""
    rules = policy(send="far", shadow="barn")
    assert decide(rules, job().model_copy(update={"tokens": 2000})).shadow is None
