"""What budgets mean for one job: which lanes it can no longer pay for, and which budgets it overdraws. Pure.

What is left is passed in as signals. What a run may really spend is decided once more when it begins, where the store
counts (tidegate/ledger/budget.lua): here a job is spared the way to a lane that would turn it away.
"""

import math
from collections.abc import Iterator

from router.policy.model import Policy
from tidegate.budget import Budget
from tidegate.lane import Lane, Zone
from tidegate.ledger.permits import SIGNALS_CHARS_PER_TOKEN
from tidegate.prices import NANO, Rate
from tidegate.savings import Elsewhere
from tidegate.signals import BudgetLeft, Capability, Signals


def prompt_tokens(lane: Lane, signals: Signals) -> int:
    """The estimate of the prompt, in the lane's own tokens."""
    return math.ceil(signals.tokens * SIGNALS_CHARS_PER_TOKEN / lane.chars_per_token)


def unaffordable(lane: Lane, policy: Policy, signals: Signals) -> str | None:
    """Why a lane outside cannot be paid for, where it cannot: a hard budget has less left than the job may cost."""
    if lane.zone is Zone.INSIDE:
        return None
    for budget, left in _of(policy, signals):
        if budget.hard and budget.covers(lane) and (told := _lacking(budget, left, lane, policy, signals)):
            return told
    return None


def overdrawn(policy: Policy, signals: Signals, lanes: tuple[str, ...]) -> tuple[str, ...]:
    """The soft budgets that are spent, of those that count one of these lanes outside."""
    outside = [policy.lanes[lane] for lane in lanes if lane in policy.outside]
    return tuple(
        budget.name
        for budget, left in _of(policy, signals)
        if not budget.hard and _spent(left) and any(budget.covers(lane) for lane in outside)
    )


def cheapest_outside(policy: Policy, signals: Signals) -> Elsewhere | None:
    """The lane outside that could take such a job for the least, whatever rules and guarantees say."""
    able = [policy.lanes[name] for name in policy.outside]
    able = [lane for lane in able if _holds(lane, signals) and lane.name in policy.rates]
    found = [(_usd(policy.rates[lane.name], lane, signals), lane.name) for lane in able]
    if not found:
        return None
    _, name = min(found)
    return Elsewhere.at(policy.lanes[name], policy.rates[name])


def _holds(lane: Lane, signals: Signals) -> bool:
    able = set(lane.capabilities) | {Capability.LONG_CONTEXT}
    return able.issuperset(signals.needs) and prompt_tokens(lane, signals) < lane.context_tokens


def _usd(rate: Rate, lane: Lane, signals: Signals) -> float:
    prompt = prompt_tokens(lane, signals)
    return rate.nano(prompt_tokens=prompt, completion_tokens=signals.max_tokens) / NANO


def _of(policy: Policy, signals: Signals) -> Iterator[tuple[Budget, BudgetLeft]]:
    """The budgets that count this tenant's jobs, with what was measured of them."""
    if not signals.budgets:
        return
    for budget in policy.budgets:
        left = signals.budgets.get(budget.name)
        if left is not None and budget.concerns(signals.tenant):
            yield budget, left


def _spent(left: BudgetLeft) -> bool:
    return (left.usd is not None and left.usd <= 0) or (left.tokens is not None and left.tokens <= 0)


def _lacking(budget: Budget, left: BudgetLeft, lane: Lane, policy: Policy, signals: Signals) -> str | None:
    rate = policy.rates.get(lane.name)
    usd = _usd(rate, lane, signals) if rate else 0.0
    if left.usd is not None and usd > left.usd:
        return f"budget {budget.name} has {max(left.usd, 0.0):.4f} USD left, the job may cost {usd:.4f}"
    tokens = prompt_tokens(lane, signals) + signals.max_tokens
    if left.tokens is not None and tokens > left.tokens:
        return f"budget {budget.name} has {max(left.tokens, 0)} tokens left, the job may take {tokens}"
    return None
