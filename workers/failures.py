"""What follows when a run failed: the failure table, as a pure function from an error to an outcome.

Nothing here knows a clock, a store or a provider: chance and the time left are passed in. The worker that asked
carries the outcome out in the ledger. `docs/providers.md` shows the table in words.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tidegate.errors import (
    AnswerForbidden,
    AuthFailed,
    BadRequest,
    BudgetExhausted,
    ContentRefused,
    ContextOverflow,
    EngineCrashed,
    LaneOpen,
    MalformedAnswer,
    ModelMissing,
    NetworkFailed,
    NoClearance,
    NoMemory,
    Overloaded,
    PayloadMissing,
    ProviderFailed,
    QuotaExhausted,
    RateLimited,
    Reason,
    RunTimedOut,
    SchemaInvalid,
)
from tidegate.lane import Retry


class Action(StrEnum):
    """What to do with the job now."""

    RETRY = "retry"
    HOLD = "hold"
    """Back into the line at its old place: the lane's gate knows when to come again. No try is counted."""
    PAUSE = "pause"
    """The same lane later, and no try is counted."""
    NEXT_LANE = "next_lane"
    DEAD = "dead"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The verdict on one failed run. Only a retry and a pause have a delay."""

    action: Action
    reason: Reason
    """Why the job is dead; for the other actions, why it would be if nothing were left to try."""
    delay_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: the action to begin with, the reason if it ends here, a bound on the tries."""

    first: Action
    reason: Reason
    most_tries: int | None = None
    """Fewer tries than the lane allows, where another try seldom says anything else."""
    most_crashes: int | None = None
    """Of a run that ended with what ran it: so many of a job, whatever else it has tried."""
    of_deployment: bool = False
    """The trouble of one deployment's key or account: where the lane has others, one of them takes the job."""
    pauses: bool = False
    """Where no other lane is left, the job waits as long as the error says."""


MOST_HELD = 20
"""So often a job goes back into the line of a lane whose provider refuses it: each time the gate was told better, so a
job that is still refused is not the gate's to help. From then on it waits on its own, or goes elsewhere."""

MOST_PROBES = 10
"""So often a job may try, at no cost, whether a lane's provider is back. One whose own trouble looks like an outage
must not try for ever, nor keep the breaker from closing for the others."""

PROBE_SPREAD_S = 1.0
"""Who waits for an open lane does not come back with all the others."""
LOOK_S = 3600.0
"""Who waits for longer looks now and then all the same: somebody may have given more, or mended what was broken."""
BUDGET_SPREAD_S = 60.0
"""Nor who waits for a budget; the longer they waited, the more there may be."""

TABLE: Mapping[type[BaseException], Row] = {
    # Passing trouble: the same lane again later, then the next lane.
    RateLimited: Row(first=Action.RETRY, reason=Reason.MAX_ATTEMPTS),
    Overloaded: Row(first=Action.RETRY, reason=Reason.MAX_ATTEMPTS),
    NetworkFailed: Row(first=Action.RETRY, reason=Reason.MAX_ATTEMPTS),
    ProviderFailed: Row(first=Action.RETRY, reason=Reason.MAX_ATTEMPTS),
    RunTimedOut: Row(first=Action.RETRY, reason=Reason.TIMEOUT),
    MalformedAnswer: Row(first=Action.RETRY, reason=Reason.MAX_ATTEMPTS),
    SchemaInvalid: Row(first=Action.RETRY, reason=Reason.SCHEMA_INVALID, most_tries=2),
    # Once may be chance; a job that kills the engine twice would go on killing it.
    EngineCrashed: Row(first=Action.RETRY, reason=Reason.POISON, most_crashes=2),
    # The lane's trouble, which waiting does not cure: the next lane at once.
    ContextOverflow: Row(first=Action.NEXT_LANE, reason=Reason.CONTEXT_OVERFLOW),
    AuthFailed: Row(first=Action.NEXT_LANE, reason=Reason.PROVIDER_AUTH, of_deployment=True),
    BudgetExhausted: Row(first=Action.NEXT_LANE, reason=Reason.BUDGET_EXHAUSTED, pauses=True),
    LaneOpen: Row(first=Action.NEXT_LANE, reason=Reason.PROVIDER_DOWN, pauses=True),
    QuotaExhausted: Row(first=Action.NEXT_LANE, reason=Reason.QUOTA_EXHAUSTED, of_deployment=True),
    ModelMissing: Row(first=Action.NEXT_LANE, reason=Reason.MODEL_MISSING, of_deployment=True),
    NoMemory: Row(first=Action.NEXT_LANE, reason=Reason.MODEL_MISSING),
    # The job's trouble: no lane would do better. Refused content is never shopped around.
    BadRequest: Row(first=Action.DEAD, reason=Reason.PROVIDER_4XX),
    AnswerForbidden: Row(first=Action.DEAD, reason=Reason.ANSWER_FORBIDDEN),
    ContentRefused: Row(first=Action.DEAD, reason=Reason.CONTENT_REFUSED),
    NoClearance: Row(first=Action.DEAD, reason=Reason.NO_CLEARANCE),
    PayloadMissing: Row(first=Action.DEAD, reason=Reason.PAYLOAD_MISSING),
    # The last row: anything that nobody foresaw.
    BaseException: Row(first=Action.RETRY, reason=Reason.MAX_ATTEMPTS),
}
"""An error's class -> its row; a subclass that has none takes the row of its nearest base."""


def decide(
    error: BaseException,
    *,
    tries: int,
    lane_index: int,
    lanes: Sequence[str],
    retry: Retry,
    random_unit: float,
    time_left_s: float,
    crashes: int = 0,
    held: int | None = None,
    others: bool = False,
    probes: int | None = None,
) -> Outcome:
    """Say what follows a failed run.

    `tries` counts the runs on this lane, and `crashes` those anywhere that ended with an engine or a worker and count
    against it; both with the failed one included. `random_unit` is chance, in [0, 1). `held`: how often the job was
    given back to its line; None where the lane has no gate that would know when to come again. `others`: whether it
    has several deployments. `probes`: how often the job tried before what was left alone after failures, where this run
    did and it failed again.
    """
    row = _row(error)
    last = lane_index + 1 >= len(lanes)
    if held is not None and isinstance(error, RateLimited):
        jitter_s = random_unit * retry.cap_s
        return _limited(_asked_s(error), held=held, last=last, jitter_s=jitter_s, time_left_s=time_left_s)
    if probes is not None and probes < MOST_PROBES:
        return Outcome(action=Action.HOLD, reason=row.reason)  # the gate says how long, or sends it to its next lane
    if held is not None and others and row.of_deployment and held < MOST_HELD:
        return Outcome(action=Action.HOLD, reason=row.reason)  # the breaker keeps it from going back there
    if row.pauses and last and not _in_vain(error):
        return _pause(row.reason, _asked_s(error) + random_unit * _spread_s(error), time_left_s)
    delay_s = _delay_s(error, tries=tries, retry=retry, random_unit=random_unit)
    ends = _ends(row, tries=tries, crashes=crashes, retry=retry) or (Reason.TIMEOUT if delay_s >= time_left_s else None)
    if ends is None:
        return Outcome(action=Action.RETRY, reason=row.reason, delay_s=delay_s)
    return _dead(ends) if row.first is Action.DEAD else _onward(ends, last=last, time_left_s=time_left_s)


def beyond_budget(
    outcome: Outcome, *, lane_index: int, lanes: Sequence[str], retry: Retry, random_unit: float, time_left_s: float
) -> Outcome:
    """A retry for which the lane's retry budget has no room: the next lane, or a longer wait. No job is lost for it."""
    if lane_index + 1 < len(lanes):
        return Outcome(action=Action.NEXT_LANE, reason=outcome.reason)
    delay_s = outcome.delay_s + retry.cap_s * (1 + random_unit)
    return outcome if delay_s >= time_left_s else replace(outcome, delay_s=delay_s)


def _ends(row: Row, *, tries: int, crashes: int, retry: Retry) -> Reason | None:
    """Why the lane tries it no more; None where it does."""
    if row.first is not Action.RETRY or (row.most_crashes is not None and crashes >= row.most_crashes):
        return row.reason
    if row.most_crashes is not None and tries >= retry.attempts:  # one crash only, after other trouble
        return Reason.MAX_ATTEMPTS
    return row.reason if tries >= min(retry.attempts, row.most_tries or retry.attempts) else None


def _limited(asked_s: float, *, held: int, last: bool, jitter_s: float, time_left_s: float) -> Outcome:
    """A provider's limit is nobody's failure: the job waits for its turn as long as it lives, or goes elsewhere."""
    if not last and (held >= MOST_HELD or asked_s >= time_left_s > 0):
        return Outcome(action=Action.NEXT_LANE, reason=Reason.MAX_ATTEMPTS)
    if held < MOST_HELD:
        return Outcome(action=Action.HOLD, reason=Reason.MAX_ATTEMPTS)
    delay_s = min(asked_s + jitter_s, max(time_left_s, 0.0))
    return Outcome(action=Action.PAUSE, reason=Reason.MAX_ATTEMPTS, delay_s=delay_s)


def _pause(reason: Reason, delay_s: float, time_left_s: float) -> Outcome:
    """Nothing can be done before; what ends sooner is told so now, and may be redriven."""
    if delay_s >= time_left_s:
        return _dead(reason)
    return Outcome(action=Action.PAUSE, reason=reason, delay_s=min(delay_s, LOOK_S))


def _row(error: BaseException) -> Row:
    return next(TABLE[base] for base in type(error).__mro__ if base in TABLE)


def _onward(reason: Reason, *, last: bool, time_left_s: float) -> Outcome:
    """The next lane if there is one and time for it, else the end."""
    if last:
        return _dead(reason)
    if time_left_s <= 0:
        return _dead(Reason.TIMEOUT)
    return Outcome(action=Action.NEXT_LANE, reason=reason)


def _dead(reason: Reason) -> Outcome:
    return Outcome(action=Action.DEAD, reason=reason)


def _delay_s(error: BaseException, *, tries: int, retry: Retry, random_unit: float) -> float:
    """Exponential backoff with full jitter, on top of what the provider asked for.

    On top, not the greater of the two: a hundred jobs that were all told "in 5 s" must not come back together.
    """
    exponent = min(max(tries, 1) - 1, 64)  # past 64 doublings every cap is reached; floats must not overflow
    return _asked_s(error) + random_unit * min(retry.cap_s, retry.base_s * 2.0**exponent)


def _in_vain(error: BaseException) -> bool:
    """Whether to wait helps nobody."""
    return isinstance(error, BudgetExhausted) and error.retry_after_s is None


def _spread_s(error: BaseException) -> float:
    """Those that wait for one thing must not come back together: the longer they waited, the more there may be."""
    return min(BUDGET_SPREAD_S, 4 * _asked_s(error)) if isinstance(error, BudgetExhausted) else PROBE_SPREAD_S


def _asked_s(error: BaseException) -> float:
    asked_s = error.retry_after_s if isinstance(error, RateLimited | LaneOpen | BudgetExhausted) else None
    return asked_s if asked_s is not None and math.isfinite(asked_s) and asked_s > 0 else 0.0
