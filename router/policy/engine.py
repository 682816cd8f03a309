"""The engine: a policy and signals in, a Decision out. Pure: no clock, no network, no environment.

Whatever a rule says, a guarantee may take lanes away; whatever goes wrong, the job stays inside and the cause is named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from router.policy.bans import answers_at_most, bans, promised, regions, said
from router.policy.harmless import narrowed
from router.policy.matching import wait_s, wait_seen
from router.policy.model import Policy, ReadyRule
from router.policy.purse import overdrawn, prompt_tokens, unaffordable
from router.policy.turns import Turn, turn
from tidegate.decision import Decision, RuleTrace
from tidegate.errors import Reason
from tidegate.lane import Lane, Zone
from tidegate.signals import Capability, Signals

MIN_OUTPUT_TOKENS = 64
"""The room for an answer that a lane must have beside the prompt; less where the job asks for less."""

FAIL_CLOSED_RULE = "fail-closed"
"""The rule on record where the engine itself failed."""


def decide(policy: Policy, signals: Signals, *, traced: bool = True, unredacted: str | None = None) -> Decision:
    """Where the job may run, by which rule, and why. Never raises: a failure means inside.

    The trace says what every rule saw. It is no part of the deciding: where nobody reads it, `traced=False` saves it.
    Where a job was to be redacted and could not be, `unredacted` says why: it is decided again, and stays inside.
    """
    try:
        return _decide(policy, signals, traced=traced, unredacted=unredacted)
    except Exception as exc:  # noqa: BLE001 -- whatever it was, nothing may leave because of it
        return sheltered(policy, signals, cause=f"the engine failed: {type(exc).__name__}")


def sheltered(policy: Policy, signals: Signals, *, cause: str) -> Decision:
    """The decision where nothing can be decided: the default's lanes inside, as far as no guarantee bars them."""
    barred = promised(policy, signals)
    lanes = tuple(lane for lane in policy.shelter if lane not in barred)
    return Decision(
        lanes=lanes,
        zone=Zone.INSIDE,
        rule=FAIL_CLOSED_RULE,
        why="What cannot be judged stays inside.",
        policy=policy.version,
        cause=cause if lanes else f"{Reason.POLICY_DENIED.value}: {cause}",
        regions=_in_order(regions(policy, signals)),
        signals=signals,
    )


def _decide(policy: Policy, signals: Signals, *, traced: bool, unredacted: str | None) -> Decision:
    found = policy.index.first(signals)
    rule = policy.every[found.place]
    banned = bans(policy, signals, redacting=rule.redact)
    said_first: list[str] = []
    if found.failed:
        # A rule that could not be judged might have kept the job inside: nothing after it may send the job out.
        names = ", ".join(policy.every[place].name for place in found.failed)
        said_first.append(f"an expression failed in {names}: the job stays inside")
    if unredacted is not None:
        said_first.append(f"redaction: {unredacted}")
    if said_first:
        banned = {**banned, **{lane: "" for lane in policy.outside if lane not in banned}}
    turned = turn(rule, signals, traced=traced)
    wished = _frugal(turned.lanes, policy, signals, said_first)
    choice = _refused(rule, _choose(wished, policy, signals, banned, said_first), signals)
    cleared = tuple(lane for lane in choice.lanes if lane in policy.outside)
    shadow = _shadow(rule, policy, signals, banned) if choice.lanes else None
    leaves = bool({*cleared, shadow} & policy.outside)
    redacted = rule.redact and signals.sensitivity.level.sensitive and leaves
    # Built from values of ours: validating them again would take as long as deciding.
    return Decision.of(
        {
            "v": 1,
            "lanes": choice.lanes,
            "zone": Zone.OUTSIDE if cleared else Zone.INSIDE,
            "cleared": cleared,
            "rule": rule.name,
            "why": rule.why,
            "policy": policy.version,
            "cause": choice.cause,
            "redacted": redacted,
            "replaced": {},
            "narrowed": _narrowed(policy, signals) if cleared and not redacted else (),
            "overflow": turned.move if choice.lanes[:1] == turned.lanes[:1] else None,
            "shadow": shadow,
            "regions": _in_order(regions(policy, signals)),
            "answers_at_most": answers_at_most(policy, signals) if leaves else None,
            "signals": signals,
            "trace": _trace(policy.every[: found.place + 1], signals, turned) if traced else (),
        }
    )


def _in_order(found: frozenset[str] | None) -> tuple[str, ...] | None:
    return None if found is None else tuple(sorted(found))


def _narrowed(policy: Policy, signals: Signals) -> tuple[str, ...]:
    return narrowed(signals.sensitivity, allow_outside=policy.allow_outside, table=policy.sensitivity.table)


def _trace(rules: tuple[ReadyRule, ...], signals: Signals, turned: Turn) -> tuple[RuleTrace, ...]:
    """Every rule that was passed and the one that matched, each condition with what it saw."""
    last = len(rules) - 1
    passed = (
        RuleTrace.of(
            {
                "rule": rule.name,
                "matched": place == last,
                "checks": tuple(condition.check(signals) for condition in rule.conditions),
            }
        )
        for place, rule in enumerate(rules)
    )
    return (*passed, *turned.looked)


def _frugal(wished: tuple[str, ...], policy: Policy, signals: Signals, said_first: list[str]) -> tuple[str, ...]:
    """The lanes inside first, where a soft budget is spent."""
    spent = overdrawn(policy, signals, wished)
    if not spent:
        return wished
    inside = tuple(lane for lane in wished if lane not in policy.outside)
    said_first.append(f"budget {', '.join(spent)} is spent{': lanes inside go first' if inside else ''}")
    return (*inside, *(lane for lane in wished if lane in policy.outside))


@dataclass(frozen=True, slots=True)
class _Choice:
    lanes: tuple[str, ...]
    cause: str | None


def _choose(
    wished: tuple[str, ...], policy: Policy, signals: Signals, banned: Mapping[str, str], said_first: list[str]
) -> _Choice:
    """The wished lanes that are allowed and fit; the shelter where none is left; nothing where that fits neither."""
    taken = [lane for lane in wished if lane in banned]
    misfits = _misfits((lane for lane in wished if lane not in banned), policy, signals)
    lanes = tuple(lane for lane in wished if lane not in banned and lane not in misfits)
    if not lanes:
        taken += [lane for lane in policy.shelter if lane in banned and lane not in taken]
        tried = [lane for lane in policy.shelter if lane not in banned]
        misfits |= _misfits((lane for lane in tried if lane not in misfits), policy, signals)
        lanes = tuple(lane for lane in tried if lane not in misfits)
    told = [*said_first, *said((lane for lane in taken if banned[lane]), banned)]
    told += [f"{lane}: {misfit.message}" for lane, misfit in misfits.items()]
    cause = "; ".join(told) or None
    if not lanes:
        cause = f"{_reason(misfits.values()).value}: {cause or 'the policy has no lane for this job'}"
    return _Choice(lanes, cause)


def _refused(rule: ReadyRule, choice: _Choice, signals: Signals) -> _Choice:
    """No lane at all where the policy would rather turn the job away than let it wait this long."""
    if rule.refuse is None or not choice.lanes:
        return choice
    first = choice.lanes[0]
    wait = wait_s(signals, first)
    if wait is None or not rule.refuse.hold(wait):
        return choice
    waited = wait_seen(wait)
    told = f"the wait for {first} is about {waited} s" if isinstance(waited, float | int) else f"{first}: {waited}"
    return _Choice((), f"{Reason.OVERLOADED.value}: {told}")


def _shadow(rule: ReadyRule, policy: Policy, signals: Signals, banned: Mapping[str, str]) -> str | None:
    """The lane of the copy, where the original might go there, too."""
    lane = rule.shadow
    if lane is None or lane in banned or _misfit(policy.lanes[lane], policy, signals) is not None:
        return None
    return lane


@dataclass(frozen=True, slots=True)
class _Misfit:
    """Why a lane cannot take a job."""

    reason: Reason
    message: str


def _misfits(lanes: Iterable[str], policy: Policy, signals: Signals) -> dict[str, _Misfit]:
    found = {lane: _misfit(policy.lanes[lane], policy, signals) for lane in lanes}
    return {lane: misfit for lane, misfit in found.items() if misfit is not None}


def _misfit(lane: Lane, policy: Policy, signals: Signals) -> _Misfit | None:
    missing = [need.value for need in signals.needs if need not in lane.capabilities and need is not _BY_SIZE]
    if missing:
        return _Misfit(Reason.POLICY_DENIED, f"lacks {', '.join(missing)}")
    prompt = prompt_tokens(lane, signals)
    answer = min(signals.max_tokens, MIN_OUTPUT_TOKENS)
    if prompt + answer > lane.context_tokens:
        needed = f"about {prompt} tokens and {answer} for the answer"
        return _Misfit(Reason.CONTEXT_OVERFLOW, f"holds {lane.context_tokens} tokens, the job needs {needed}")
    lacking = unaffordable(lane, policy, signals)
    return _Misfit(Reason.BUDGET_EXHAUSTED, lacking) if lacking else None


_BY_SIZE = Capability.LONG_CONTEXT
"""Whether a lane can take a long prompt is told by its `context_tokens`, for this very prompt."""


def _reason(misfits: Iterable[_Misfit]) -> Reason:
    """What would help: money, or a larger lane, where that alone was missing; else the policy has no such place."""
    reasons = {misfit.reason for misfit in misfits}
    return next((one for one in _CURABLE if one in reasons), Reason.POLICY_DENIED)


_CURABLE = (Reason.BUDGET_EXHAUSTED, Reason.CONTEXT_OVERFLOW)
