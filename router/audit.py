"""What the router says about its decisions: the event, the rule, the signals' values; never text."""

from collections import Counter
from typing import Any

from tidegate.decision import Decision
from tidegate.errors import Reason, Unavailable
from tidegate.ledger.record import Record
from tidegate.logs import logger
from tidegate.signals import Level

log = logger(__name__)


def decided(record: Record, decision: Decision) -> None:
    """A policy decided on a job."""
    signals = decision.signals
    log.info(
        "job.decided",
        job=record.id,
        tenant=record.tenant,
        policy=decision.policy,
        rule=decision.rule,
        lanes=",".join(decision.lanes),
        zone=decision.zone.value,
        sensitivity=signals.sensitivity.level.value,
        types=",".join(signals.sensitivity.types),
        complexity=signals.complexity.band.value,
        tokens=signals.tokens,
        cause=decision.cause,
        shadow=decision.shadow,
        redacted=",".join(f"{kind}:{count}" for kind, count in decision.replaced.items()) or None,
    )


def facts(decision: Decision) -> dict[str, Any]:
    """What a decision rests on, for the job's history and the audit log: levels, types and counts, never text."""
    sensitivity, complexity = decision.signals.sensitivity, decision.signals.complexity
    said = {
        "rule": decision.rule,
        "policy": decision.policy,
        "lanes": decision.lanes,
        "cleared": decision.cleared,
        "cause": decision.cause,
        "level": sensitivity.level.value,
        "types": dict(Counter(sorted(finding.type for finding in sensitivity.findings))),
        "band": complexity.band.value,
        "tokens": decision.signals.tokens,
        "redacted": decision.replaced,
        "narrowed": decision.narrowed,
        "shadow": decision.shadow,
        "regions": decision.regions,
        "answers_at_most": decision.answers_at_most,
    }
    return {name: value for name, value in said.items() if value}


def overflow_entered(decision: Decision) -> None:
    """The first job of a rule went out by its overflow."""
    log.info("policy.overflow", policy=decision.policy, rule=decision.rule, move="enter")


def overflow_left(policy: str, rule: str) -> None:
    """For a while no job of this rule had to go out."""
    log.info("policy.overflow", policy=policy, rule=rule, move="leave")


def unremembered(decision: Decision, error: Unavailable) -> None:
    """That a rule is in overflow could not be kept; the next job that goes out will say it again."""
    log.warning("policy.overflow_unkept", rule=decision.rule, move=decision.overflow, error=type(error).__name__)


def refused(record: Record, reason: Reason, cause: str) -> None:
    """A job cannot be placed."""
    log.warning("job.refused", job=record.id, tenant=record.tenant, reason=reason.value, cause=cause)


def approved(record: Record, level: Level) -> None:
    """An answer from outside may be read."""
    log.info("answer.approved", job=record.id, tenant=record.tenant, level=level.value)


def raced(job_id: str) -> None:
    """Somebody else was first; theirs counts."""
    log.info("job.raced", job=job_id)


def delayed(job_id: str, error: Unavailable) -> None:
    """A part did not answer; the job waits for its next wake-up."""
    log.warning("job.delayed", job=job_id, error=type(error).__name__)
