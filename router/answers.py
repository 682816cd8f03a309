"""Answers from outside that a policy wants to see first: opened, looked at, and let through or kept from everybody.

The lane outside has no detectors, so it brings its answer back to the router, sealed: the job is accepted once more and
carries it. Nobody's result is made of it before the router has looked. What cannot be opened or judged is forbidden;
redriving the dead letter asks the provider again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError

from router import audit
from router.placement import Placement
from router.policy.harmless import narrowed
from router.policy.model import Policy
from router.signals.sensitivity.levels import judge
from router.signals.sensitivity.lists import Rules
from tidegate.errors import AnswerForbidden, PayloadMissing, Reason, SealBroken
from tidegate.job import Job, Message
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.store import Ledger
from tidegate.result import JobResult
from tidegate.signals import Level, Sensitivity
from tidegate.vault import Vault, own_slot

MORE_CHARS = 12
"""Of `claude-x-20250929` beyond the lane's `claude-x`: a date looks like somebody's."""


class Judges(Protocol):
    """The inspector."""

    def sensitivity(self, job: Job, *, rules: Rules) -> Sensitivity:
        """How sensitive something is, by all that it says. What fails makes it unknown."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Looks at answers and ends their jobs. The ledger takes one router's word and refuses the others'."""

    ledger: Ledger
    vault: Vault
    placement: Placement
    inspector: Judges
    policy: Callable[[str], Policy]

    def look(self, record: Record) -> None:
        """End a job that brought an answer back. Raises Conflict, UnknownJob, Unavailable."""
        policy = self.policy(record.tenant)
        try:
            seen = self._seen(record, policy)
        except AnswerForbidden as exc:
            self.placement.refuse(record, Reason.ANSWER_FORBIDDEN, str(exc))
            return
        self.ledger.apply(record.id, states.approve(rev=record.rev, note={"level": seen.value}))
        audit.approved(record, seen)

    def _seen(self, record: Record, policy: Policy) -> Level:
        """The level of an answer that may be let through. Raises AnswerForbidden."""
        at_most = record.decided.answers_at_most if record.decided else None
        if at_most is None:
            raise AnswerForbidden("nothing on record says what the answer may carry")
        result = self._opened(record)
        judged = self.inspector.sensitivity(said(result, known=_models(policy, result)), rules=policy.sensitivity)
        level = _level(judged, policy)
        if level is Level.UNKNOWN:
            raise AnswerForbidden(f"the answer could not be judged: {judged.cause or 'unknown'}")
        if level.rank > at_most.rank:
            raise AnswerForbidden(
                f"the answer is {level}, by {', '.join(judged.types) or 'its whole'}; at most {at_most}"
            )
        return level

    def _opened(self, record: Record) -> JobResult:
        try:
            return JobResult.from_json(self.vault.get(own_slot(record.id, "result", record.answer or "")))
        except (PayloadMissing, SealBroken) as exc:
            Refusals(self.ledger.redis).met(exc, job_id=record.id)
            raise AnswerForbidden(f"the answer could not be opened: {exc}") from None
        except ValidationError:
            raise AnswerForbidden("the answer is none that this release can read") from None


def said(result: JobResult, *, known: Iterable[str] = ()) -> Job:
    """All that an answer says, as something to look at. Vectors say nothing that a detector could read.

    The model's name comes from outside, too. What the lane calls it, and a date beside that, is no news to anybody.
    """
    expected = any(model in result.model and len(result.model) - len(model) <= MORE_CHARS for model in known)
    name = None if expected else result.model
    first = Message(role="assistant", name=name, content=result.text, tool_calls=result.tool_calls or None)
    others = (Message(role="assistant", content=text) for text in dict.fromkeys(_tokens(result)) if text != result.text)
    return Job(messages=(first, *others))


def _models(policy: Policy, result: JobResult) -> Iterator[str]:
    """What the policy's own lane calls its models."""
    lane = policy.lanes.get(result.lane)
    return (one.model for one in (lane.every_deployment if lane else ()) if one.model)


def _tokens(result: JobResult) -> Iterator[str]:
    """What the tokens spell that come beside a text, those that might have stood there instead included."""
    told = result.logprobs or ()
    yield "".join(token.token for token in told)
    for rank in range(max((len(token.top_logprobs) for token in told), default=0)):
        yield "".join(token.top_logprobs[rank].token for token in told if rank < len(token.top_logprobs))


def _level(judged: Sensitivity, policy: Policy) -> Level:
    """Without what types alone brought that the operator declared harmless: they may leave, so they may come back."""
    table, harmless = policy.sensitivity.table, policy.allow_outside
    if not narrowed(judged, allow_outside=harmless, table=table):
        return judged.level
    return judge((finding for finding in judged.findings if finding.type not in harmless), table=table).level
