"""The failure table: each error ends where the table says, and no chain of failures goes on for ever."""

import inspect
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate import errors
from tidegate.errors import LaneOpen, RateLimited, Reason, RunError, RunTimedOut
from tidegate.lane import Retry
from workers.failures import MOST_HELD, PROBE_SPREAD_S, TABLE, Action, Outcome, beyond_budget, decide

RETRY = Retry(attempts=3, base_s=1.0, cap_s=8.0)
TWO = ("near", "far")

RUN_ERRORS = sorted(
    (kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, RunError)),
    key=lambda kind: kind.__name__,
)
LAST = {"tries": RETRY.attempts, "lane_index": 1}
"""The last try on the last lane."""


def outcome(error: BaseException, **changed: object) -> Outcome:
    """A decision on the first try of the first of two lanes, with plenty of time, but for what is changed."""
    given = {"tries": 1, "lane_index": 0, "lanes": TWO, "retry": RETRY, "random_unit": 0.5, "time_left_s": 600.0}
    return decide(error, **{**given, **changed})  # type: ignore[arg-type]


def test_every_run_error_has_a_row() -> None:
    """Whoever adds an error must say what follows it."""
    assert set(RUN_ERRORS) - {RunError} <= set(TABLE)


@pytest.mark.parametrize(
    ("error", "first", "reason"),
    [
        ("RateLimited", "retry", "max_attempts"),
        ("Overloaded", "retry", "max_attempts"),
        ("NetworkFailed", "retry", "max_attempts"),
        ("ProviderFailed", "retry", "max_attempts"),
        ("EngineCrashed", "retry", "max_attempts"),
        ("RunTimedOut", "retry", "timeout"),
        ("MalformedAnswer", "retry", "max_attempts"),
        ("SchemaInvalid", "retry", "schema_invalid"),
        ("ContextOverflow", "next_lane", "context_overflow"),
        ("AuthFailed", "next_lane", "provider_auth"),
        ("QuotaExhausted", "next_lane", "quota_exhausted"),
        ("ModelMissing", "next_lane", "model_missing"),
        ("NoMemory", "next_lane", "model_missing"),
        ("BadRequest", "dead", "provider_4xx"),
        ("ContentRefused", "dead", "content_refused"),
        ("NoClearance", "dead", "no_clearance"),
        ("PayloadMissing", "dead", "payload_missing"),
    ],
)
def test_the_table(error: str, first: str, reason: str) -> None:
    """What comes first, and the reason once nothing is left to try."""
    failed = getattr(errors, error)("failed")
    assert outcome(failed).action == first
    assert outcome(failed, **LAST) == Outcome(action=Action.DEAD, reason=Reason(reason))


def test_who_ends_two_engines_is_poison_whatever_else_was_tried() -> None:
    """One crash after other trouble is no poison; the second one is, on whatever try, and a worker's death counts."""
    crashed = errors.EngineCrashed("died")
    assert outcome(crashed, crashes=1, tries=2).action is Action.RETRY
    assert outcome(crashed, crashes=2, tries=1, lane_index=1) == Outcome(action=Action.DEAD, reason=Reason.POISON)
    assert outcome(crashed, crashes=2, tries=1).action is Action.NEXT_LANE
    assert outcome(RunTimedOut("late"), crashes=1, **LAST).reason is Reason.TIMEOUT


def test_the_delay_doubles_up_to_the_cap() -> None:
    """Chance picks from a window that grows from the base to the cap."""
    many = Retry(attempts=20, base_s=1.0, cap_s=8.0)
    delays = [
        outcome(errors.Overloaded(), tries=tries, retry=many, random_unit=1.0).delay_s for tries in (1, 2, 3, 4, 5, 19)
    ]
    assert delays == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert outcome(errors.Overloaded(), random_unit=0.0).delay_s == 0.0


def test_a_provider_that_names_a_time_is_not_asked_before() -> None:
    """Retry-After is a lower bound, and chance comes on top so that jobs do not return in one wave."""
    failed = RateLimited(retry_after_s=20.0)
    assert outcome(failed, random_unit=0.0).delay_s == 20.0
    assert outcome(failed, random_unit=1.0).delay_s == 21.0


@pytest.mark.parametrize("asked", [None, -5.0, math.nan, math.inf])
def test_a_senseless_time_is_no_time(asked: float | None) -> None:
    """What a provider asked for is a bound only if it is one."""
    assert outcome(RateLimited(retry_after_s=asked), random_unit=1.0).delay_s == 1.0


def test_a_wait_beyond_the_deadline_goes_on_at_once() -> None:
    """Waiting past the deadline helps nobody: the next lane may still make it, and else the time is up."""
    failed = RateLimited(retry_after_s=100.0)
    assert outcome(failed, time_left_s=50.0).action is Action.NEXT_LANE
    assert outcome(failed, time_left_s=50.0, lane_index=1) == Outcome(action=Action.DEAD, reason=Reason.TIMEOUT)


def test_without_time_no_lane_is_tried() -> None:
    """A job whose time is up is not handed on."""
    assert outcome(errors.AuthFailed(), time_left_s=0.0) == Outcome(action=Action.DEAD, reason=Reason.TIMEOUT)
    assert outcome(RunTimedOut(), time_left_s=-1.0) == Outcome(action=Action.DEAD, reason=Reason.TIMEOUT)


def test_a_broken_promise_is_tried_twice_only() -> None:
    """A model that broke the schema twice will break it again."""
    assert outcome(errors.SchemaInvalid(), tries=1).action is Action.RETRY
    assert outcome(errors.SchemaInvalid(), tries=2).action is Action.NEXT_LANE
    once = Retry(attempts=1)
    assert outcome(errors.SchemaInvalid(), tries=1, retry=once).action is Action.NEXT_LANE


@pytest.mark.parametrize("kind", [RunError, ValueError, KeyboardInterrupt, errors.Conflict])
def test_what_nobody_foresaw_is_retried(kind: type[BaseException]) -> None:
    """The last row of the table takes all that has none of its own."""
    assert outcome(kind("odd")).action is Action.RETRY
    assert outcome(kind("odd"), **LAST).reason is Reason.MAX_ATTEMPTS


def test_a_provider_s_limit_costs_no_try() -> None:
    """Where the gate knows when to come again the job goes back into its line, however many tries it has used."""
    error = RateLimited(retry_after_s=5.0)
    assert outcome(error, held=0, tries=9) == Outcome(action=Action.HOLD, reason=Reason.MAX_ATTEMPTS)
    assert outcome(error, held=0, time_left_s=4.0).action is Action.NEXT_LANE
    assert outcome(error, held=0, time_left_s=4.0, **LAST).action is Action.HOLD
    assert outcome(error, held=MOST_HELD).action is Action.NEXT_LANE
    waits = outcome(error, held=MOST_HELD, **LAST)
    assert waits.action is Action.PAUSE
    assert 5.0 <= waits.delay_s <= 5.0 + RETRY.cap_s


@given(
    held=st.integers(min_value=0, max_value=100),
    tries=st.integers(min_value=1, max_value=100),
    asked=st.none() | st.floats(min_value=0, max_value=3600),
    time_left_s=st.floats(min_value=0.01, max_value=1e6),
)
def test_no_job_dies_of_a_provider_s_limit(held: int, tries: int, asked: float | None, time_left_s: float) -> None:
    """Before its deadline it waits, or goes to its next lane."""
    around = {"held": held, "tries": tries, "time_left_s": time_left_s}
    for lane_index in range(2):
        assert outcome(RateLimited(retry_after_s=asked), **around, lane_index=lane_index).action is not Action.DEAD


def test_an_open_lane_is_waited_for_where_there_is_no_other() -> None:
    """Until the next probe, at no try's cost; where the deadline comes first it is dead at once."""
    error = LaneOpen(retry_after_s=8.0)
    assert outcome(error).action is Action.NEXT_LANE
    waits = outcome(error, **LAST)
    assert waits.action is Action.PAUSE
    assert 8.0 <= waits.delay_s <= 8.0 + PROBE_SPREAD_S
    assert outcome(error, time_left_s=5.0, **LAST) == Outcome(action=Action.DEAD, reason=Reason.PROVIDER_DOWN)


def test_a_dead_key_of_one_deployment_sends_the_job_to_another() -> None:
    """Where the lane has several; else to the next lane."""
    assert outcome(errors.AuthFailed(), held=0, others=True).action is Action.HOLD
    assert outcome(errors.AuthFailed(), held=0).action is Action.NEXT_LANE
    assert outcome(errors.AuthFailed(), held=MOST_HELD, others=True).action is Action.NEXT_LANE


def test_a_retry_beyond_the_budget_waits_longer_or_goes_elsewhere() -> None:
    """No job is lost for it: one that has no time for the longer wait retries as it would have."""
    around: dict[str, Any] = {"lanes": TWO, "retry": RETRY, "random_unit": 0.5, "time_left_s": 500.0}
    short = Outcome(action=Action.RETRY, reason=Reason.MAX_ATTEMPTS, delay_s=0.5)
    assert beyond_budget(short, lane_index=0, **around).action is Action.NEXT_LANE
    assert beyond_budget(short, lane_index=1, **around).delay_s == 0.5 + RETRY.cap_s * 1.5
    assert beyond_budget(short, lane_index=1, **{**around, "time_left_s": 1.0}) == short


def test_a_subclass_is_treated_like_its_base() -> None:
    """A finer error of an adapter needs no row of its own."""

    class FilteredInput(errors.ContentRefused):
        """A refusal of the input."""

    assert outcome(FilteredInput()).reason is Reason.CONTENT_REFUSED


@given(
    failed=st.lists(st.sampled_from([kind for kind in RUN_ERRORS if kind is not LaneOpen]), min_size=200, max_size=200),
    lanes=st.integers(min_value=1, max_value=5),
    attempts=st.integers(min_value=1, max_value=20),
    asked=st.none() | st.floats(min_value=0, max_value=3600),
    unit=st.floats(min_value=0, max_value=1, exclude_max=True),
    time_left_s=st.floats(min_value=-10, max_value=1e6),
)
def test_every_chain_of_failures_ends(  # noqa: PLR0917 - hypothesis draws them by name
    failed: list[type[RunError]], lanes: int, attempts: int, asked: float | None, unit: float, time_left_s: float
) -> None:
    """Whatever fails: no more runs than lanes times attempts, no delay beyond its bound, no lane past the last."""
    retry = Retry(attempts=attempts, base_s=0.5, cap_s=60.0)
    names = tuple(f"lane-{index}" for index in range(lanes))
    lane, tries = 0, 1
    for runs, kind in enumerate(failed, start=1):
        error = RateLimited(retry_after_s=asked) if kind is RateLimited else kind("failed")
        found = decide(
            error,
            tries=tries,
            lane_index=lane,
            lanes=names,
            retry=retry,
            random_unit=unit,
            time_left_s=time_left_s,
        )
        least_s = asked or 0.0 if kind is RateLimited else 0.0
        if found.action is Action.DEAD:
            assert runs <= lanes * attempts
            return
        if found.action is Action.RETRY:
            assert least_s <= found.delay_s <= least_s + retry.cap_s
            assert found.delay_s < time_left_s
            tries += 1
        else:
            assert found.delay_s == 0.0
            lane, tries = lane + 1, 1
            assert lane < lanes
    pytest.fail("still going")
