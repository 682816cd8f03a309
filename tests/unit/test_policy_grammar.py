"""The conditions one by one: what each holds for, and that what was not measured holds nothing, negated or not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.policy.conditions import When
from router.policy.grammar import Bounds
from router.policy.hours import WEEK_MINUTES, Hours, minute_of_week
from router.policy.matching import conditions
from router.policy.truth import together
from tidegate.signals import Band, Capability, Complexity, Finding, LaneLoad, Level, Sensitivity, Signals


def signals(**more: Any) -> Signals:
    """Signals of a harmless job, unless said otherwise."""
    given = {"sensitivity": Sensitivity(level=Level.PUBLIC), "tokens": 10, "max_tokens": 256, **more}
    return Signals(complexity=Complexity(band=Band.SIMPLE), **given)


def truth(when: dict[str, Any], seen: Signals) -> bool | None:
    """What a `when` says of a job."""
    return together(condition.test for condition in conditions(When.from_json(json.dumps(when))))(seen)


UP, DOWN = {"near": LaneLoad(slots=1, wait_s=5.0)}, {"near": LaneLoad()}
BUDGET = {"lane:far": 3.0, "tenant:acme": 50.0}


@pytest.mark.parametrize(
    ("when", "holds", "fails"),
    [
        ({"task": "triage"}, {"task": "triage"}, {"task": "review"}),
        ({"task": ["triage", "review"]}, {"task": "review"}, {}),
        ({"needs": "long_context"}, {"needs": (Capability.LONG_CONTEXT,)}, {"needs": (Capability.JSON,)}),
        ({"time": {"from": "18:00", "to": "06:00"}}, {"minute": 0}, {"minute": 12 * 60}),
        ({"time": {"days": ["sat", "sun"]}}, {"minute": minute_of_week("sun", "23:59")}, {"minute": 0}),
        (
            {"time": {"from": "22:00", "to": "02:00", "days": "sun"}},
            {"minute": minute_of_week("mon", "01:59")},
            {"minute": minute_of_week("sun", "01:59")},
        ),
        ({"health": {"lane": "near", "is": "up"}}, {"load": UP}, {"load": DOWN}),
        ({"health": {"lane": "near", "is": "down"}}, {"load": DOWN}, {"load": UP}),
        ({"wait_s": {"lane": "near", "over": 4}}, {"load": UP}, {"load": {"near": LaneLoad(slots=1, wait_s=4.0)}}),
        (
            {"budget_left_usd": {"lane": "far", "under": 5}},
            {"budget_left_usd": BUDGET},
            {"budget_left_usd": {"lane:far": 5.0}},
        ),
        (
            {"budget_left_usd": {"tenant": "acme", "over": 5}},
            {"budget_left_usd": BUDGET},
            {"budget_left_usd": {"tenant:acme": 5.0}},
        ),
        ({"expr": 'tokens > 5 && task == ""'}, {}, {"tokens": 5}),
    ],
)
def test_each_condition(when: dict[str, Any], holds: dict[str, Any], fails: dict[str, Any]) -> None:
    """It holds, it fails, and `not` turns both round."""
    for measured, expected in ((holds, True), (fails, False)):
        seen = signals(**measured)
        assert truth(when, seen) is expected
        assert truth({"not": when}, seen) is not expected


@pytest.mark.parametrize(
    "when",
    [
        {"time": {"days": "mon"}},
        {"health": {"lane": "near", "is": "down"}},
        {"wait_s": {"lane": "near", "over": 4}},
        {"budget_left_usd": {"lane": "far", "under": 5}},
    ],
)
def test_what_was_not_measured_holds_nothing(when: dict[str, Any]) -> None:
    """Neither it nor its contrary is known, in groups as well; what is known beside it still decides."""
    known, unknown = {"tenant": "default"}, {"tenant": "acme"}
    assert truth(when, signals()) is None
    assert truth({"not": when}, signals()) is None
    assert truth({"any": [when, unknown]}, signals()) is None
    assert truth({"any": [when, known]}, signals()) is True
    assert truth({"all": [when, known]}, signals()) is None
    assert truth({"all": [when, unknown]}, signals()) is False
    assert truth({"not": {"all": [when, unknown]}}, signals()) is True
    (check,) = (condition.check(signals()) for condition in conditions(When.from_json(json.dumps(when))))
    assert (check.saw, check.held) == ("not measured", False)


def test_types_alone_make_a_job_sensitive() -> None:
    """Only where they explain the level, and neither another type nor the producer speaks for it."""
    address = Finding(type="IP_ADDRESS", score=0.9, detector="t")
    mail = Finding(type="EMAIL_ADDRESS", score=0.9, detector="t")
    when = {"entities": {"alone": ["IP_ADDRESS"]}}
    cases = [
        (Sensitivity(level=Level.PERSONAL, findings=(address,)), True),
        (Sensitivity(level=Level.PERSONAL, findings=(address, mail)), False),
        (Sensitivity(level=Level.RESTRICTED, findings=(address,)), False),
        (Sensitivity(level=Level.UNKNOWN, findings=(address,), cause="x"), False),
        (Sensitivity(level=Level.PERSONAL, findings=(address,), least=Level.PERSONAL), False),
        (Sensitivity(level=Level.PUBLIC), False),
    ]
    for sensitivity, expected in cases:
        assert truth(when, signals(sensitivity=sensitivity)) is expected


_CLOCKS = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))
_DAYS = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])


@given(_CLOCKS, _CLOCKS, st.lists(_DAYS, min_size=1, unique=True))
def test_windows_of_a_week_lie_in_it_and_last_as_written(start: str, end: str, days: list[str]) -> None:
    """However it wraps, a window has the length that was written, once for each day."""
    if start == end:
        return
    hours = Hours.from_json(json.dumps({"from": start, "to": end, "days": days}))
    length = (minute_of_week("mon", end) - minute_of_week("mon", start)) % (24 * 60)
    windows = hours.windows()
    assert all(0 <= begin < stop <= WEEK_MINUTES for begin, stop in windows)
    assert sum(stop - begin for begin, stop in windows) == length * len(days)


_LIMITS = st.fixed_dictionaries(
    {}, optional={name: st.integers(0, 6) for name in ("over", "at_least", "under", "at_most")}
)


def _bounds(written: dict[str, int]) -> Bounds[int] | None:
    try:
        return Bounds[int].model_validate(written)
    except ValueError:
        return None


@given(_LIMITS, _LIMITS)
def test_limits_agree_with_each_other_in_all_their_forms(one: dict[str, int], other: dict[str, int]) -> None:
    """`hold` is the definition: `test`, `cuts` and `meets` say the same, number by number."""
    mine, its = _bounds(one), _bounds(other)
    if mine is None:
        return
    halves = [half / 2 for half in range(-2, 30)]
    assert [mine.test()(number) for number in halves] == [mine.hold(number) for number in halves]
    whole = [mine.hold(number) for number in range(-1, 15)]
    changes = {number for number in range(15) if whole[number] != whole[number + 1]}
    assert changes <= set(mine.cuts())
    if its is not None:
        assert mine.meets(its) is any(mine.hold(number) and its.hold(number) for number in halves)
