"""The engine: a policy and signals in, a Decision out. Pure: no clock, no network, no environment.

Whatever a rule says, a guarantee may take lanes away; whatever goes wrong, the job stays inside and the cause is named.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from router.policy.conditions import wait_s, wait_seen
from router.policy.guarantees import Guarantee, forbidden
from router.policy.model import Policy, ReadyRule
from tidegate.decision import Check, Decision, RuleTrace
from tidegate.errors import Reason
from tidegate.lane import Lane, Zone
from tidegate.signals import Signals

MIN_OUTPUT_TOKENS = 64
"""The room for an answer that a lane must have beside the prompt; less where the job asks for less."""

SIGNALS_CHARS_PER_TOKEN = 4.0
"""At which `Signals.tokens` is estimated; each lane knows its own rate."""

FAIL_CLOSED_RULE = "fail-closed"
"""The rule on record where the engine itself failed."""


def decide(policy: Policy, signals: Signals) -> Decision:
    """Where the job may run, by which rule, and why. Never raises: a failure means inside."""
    try:
        return _decide(policy, signals)
    except Exception as exc:  # noqa: BLE001 -- whatever it was, nothing may leave because of it
        return sheltered(policy, signals, cause=f"the engine failed: {type(exc).__name__}")


def sheltered(policy: Policy, signals: Signals, *, cause: str) -> Decision:
    """The decision where nothing can be decided: the default's lanes inside."""
    return Decision(
        lanes=policy.shelter,
        zone=Zone.INSIDE,
        rule=FAIL_CLOSED_RULE,
        why="What cannot be judged stays inside.",
        policy=policy.version,
        cause=cause,
        signals=signals,
    )


def _decide(policy: Policy, signals: Signals) -> Decision:
    rule, trace = _first_match(policy, signals)
    wished = rule.send
    if rule.overflow is not None:
        wished, looked = _overflowed(rule, signals)
        trace.append(looked)
    choice = _choose(wished, policy, signals)
    cleared = tuple(lane for lane in choice.lanes if policy.lanes[lane].zone is not Zone.INSIDE)
    return Decision(
        lanes=choice.lanes,
        zone=Zone.OUTSIDE if cleared else Zone.INSIDE,
        cleared=cleared,
        rule=rule.name,
        why=rule.why,
        policy=policy.version,
        cause=choice.cause,
        signals=signals,
        trace=tuple(trace),
    )


def _first_match(policy: Policy, signals: Signals) -> tuple[ReadyRule, list[RuleTrace]]:
    trace = []
    for rule in (*policy.rules, policy.default):
        checks = tuple(condition.check(signals) for condition in rule.conditions)
        matched = all(check.held for check in checks)
        trace.append(RuleTrace.model_construct(rule=rule.name, matched=matched, checks=checks))
        if matched:
            return rule, trace
    raise AssertionError("the default has no conditions")


def _overflowed(rule: ReadyRule, signals: Signals) -> tuple[tuple[str, ...], RuleTrace]:
    """The rule's lanes, the overflow's lane first where the first lane is too busy; and what was seen."""
    overflow = rule.overflow
    if overflow is None:
        raise AssertionError("asked for rules with an overflow only")
    first = rule.send[0]
    saw, held = wait_seen(overflow.wait_s, wait_s(signals, first))
    check = Check.model_construct(signal="wait_s", wanted={"lane": first, **overflow.wanted}, saw=saw, held=held)
    looked = RuleTrace.model_construct(rule=f"{rule.name}/overflow", matched=held, checks=(check,))
    lanes = (overflow.to, *(lane for lane in rule.send if lane != overflow.to)) if held else rule.send
    return lanes, looked


@dataclass(frozen=True, slots=True)
class _Choice:
    lanes: tuple[str, ...]
    cause: str | None


def _choose(wished: tuple[str, ...], policy: Policy, signals: Signals) -> _Choice:
    """The wished lanes that are allowed and fit; the shelter where none is left; nothing where that fits neither."""
    taken = forbidden(wished, signals, known=policy.lanes)
    allowed = [lane for lane in wished if lane not in taken]
    misfits = _misfits(allowed, policy, signals)
    lanes = tuple(lane for lane in allowed if lane not in misfits)
    if not lanes:
        misfits |= _misfits((lane for lane in policy.shelter if lane not in misfits), policy, signals)
        lanes = tuple(lane for lane in policy.shelter if lane not in misfits)
    said = [f"guarantee {Guarantee.NOTHING_SENSITIVE_OUTSIDE} took {', '.join(taken)}"] if taken else []
    said += [f"{lane}: {misfit.message}" for lane, misfit in misfits.items()]
    cause = "; ".join(said) or None
    if not lanes:
        cause = f"{_reason(misfits.values()).value}: {cause or 'the policy has no lane for this job'}"
    return _Choice(lanes, cause)


@dataclass(frozen=True, slots=True)
class _Misfit:
    """Why a lane cannot take a job."""

    reason: Reason
    message: str


def _misfits(lanes: Iterable[str], policy: Policy, signals: Signals) -> dict[str, _Misfit]:
    found = {lane: _misfit(policy.lanes[lane], signals) for lane in lanes}
    return {lane: misfit for lane, misfit in found.items() if misfit is not None}


def _misfit(lane: Lane, signals: Signals) -> _Misfit | None:
    missing = [need.value for need in signals.needs if need not in lane.capabilities]
    if missing:
        return _Misfit(Reason.POLICY_DENIED, f"lacks {', '.join(missing)}")
    prompt = math.ceil(signals.tokens * SIGNALS_CHARS_PER_TOKEN / lane.chars_per_token)
    answer = min(signals.max_tokens, MIN_OUTPUT_TOKENS)
    if prompt + answer > lane.context_tokens:
        needed = f"about {prompt} tokens and {answer} for the answer"
        return _Misfit(Reason.CONTEXT_OVERFLOW, f"holds {lane.context_tokens} tokens, the job needs {needed}")
    return None


def _reason(misfits: Iterable[_Misfit]) -> Reason:
    """A larger lane would help where one was too small only; else the policy has no place for such a job."""
    reasons = {misfit.reason for misfit in misfits}
    return Reason.CONTEXT_OVERFLOW if Reason.CONTEXT_OVERFLOW in reasons else Reason.POLICY_DENIED
