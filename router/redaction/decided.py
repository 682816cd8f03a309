"""What follows for a job: a decision, and the copy for the outside where nothing but a redacted one may leave."""

from typing import Protocol

from router.policy.model import Policy
from router.redaction.outcome import NotRedacted, Redaction
from router.signals.sensitivity.lists import Rules
from tidegate.decision import Decision
from tidegate.job import Job
from tidegate.signals import Signals


class Decide(Protocol):
    """The engine."""

    def __call__(self, policy: Policy, signals: Signals, *, unredacted: str | None = None) -> Decision:
        """Where a job may run; `unredacted` says why it could not be redacted, where it should have been."""


class Redacts(Protocol):
    """The redactor."""

    def redact(self, job: Job, *, rules: Rules) -> Redaction:
        """A copy that may leave. Raises NotRedacted, and nothing else."""


def decided(
    job: Job, signals: Signals, policy: Policy, *, decide: Decide, redactor: Redacts
) -> tuple[Decision, Redaction | None]:
    """Decide; where a redacted copy is called for and none can be made, decide again without."""
    decision = decide(policy, signals)
    if not decision.redacted:
        return decision, None
    try:
        redaction = redactor.redact(job, rules=policy.sensitivity)
    except NotRedacted as exc:
        # As if the rule could not redact: the clear text goes nowhere that it might not go before.
        return decide(policy, signals, unredacted=str(exc)), None
    return decision.model_copy(update={"replaced": redaction.counts}), redaction
