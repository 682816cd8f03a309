"""Circumstances: what a job's signals take from beyond its text. Conversation, overflow, budgets, time and draw.

The engine is pure, so all of it is read here, before it decides; and what it says that should be remembered is, after.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from router import audit
from router.budgets import Budgets
from router.policy.model import Policy
from router.signals.conversation import Conversations
from router.signals.moment import draw, minute_of_week
from router.signals.overflow import Overflows, Standing
from tidegate.decision import Decision
from tidegate.errors import Unavailable
from tidegate.job import Job
from tidegate.signals import Signals


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What is around a job."""

    conversations: Conversations
    overflows: Overflows
    budgets: Budgets
    draw_key: bytes
    clock: Callable[[], float] = time.time

    def around(self, job: Job, signals: Signals, *, job_id: str, policy: Policy) -> Signals:
        """The signals with all that a rule may ask for. Raises StoreUnavailable: without it nothing is decided."""
        known = self.conversations.stuck(job, signals)
        left = self.budgets.left(policy, job.tenant)
        standing = self.overflows.now(policy.name) if _has_states(policy) else Standing()
        if standing.over:
            for rule in self.overflows.clear(policy.name, standing.over):
                audit.overflow_left(policy.version, rule)
        return known.model_copy(
            update={
                "minute": minute_of_week(self.clock()),
                "draw": draw(job, job_id=job_id, policy=policy.name, key=self.draw_key),
                "overflowing": standing.overflowing,
                "budget_left_usd": dict(left.usd),
                "budgets": dict(left.budgets),
            }
        )

    def remember(self, decision: Decision, *, policy: Policy) -> None:
        """What the decision says of its rule. A store that is away costs one job's word; the next one says it again."""
        if decision.overflow is None:
            return
        note = self.overflows.hold if decision.overflow == "hold" else self.overflows.enter
        try:
            if note(policy.name, decision.rule):
                audit.overflow_entered(decision)
        except Unavailable as exc:
            audit.unremembered(decision, exc)


def _has_states(policy: Policy) -> bool:
    return any(rule.overflow is not None and rule.overflow.until is not None for rule in policy.rules)
