"""Answers from outside that a policy wants to see first: opened, looked at, and let through or kept from everybody.

The lane outside has no detectors, so it brings its answer back to the router, sealed: the job is accepted once more and
carries it. Nobody's result is made of it before the router has looked: it is sealed as an `answer`, which nobody reads
as a result, and the router seals it anew. What cannot be opened or judged is forbidden; redriving the dead letter asks
the provider again.

The record is not believed, since many may write to the store. How guarded an answer may be is told by the clearance
that a router signed, and whose job it is by the sealed payload.
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
from tidegate.clearance import verified
from tidegate.errors import AnswerForbidden, NoClearance, PayloadMissing, Reason, SealBroken
from tidegate.job import Job, Message
from tidegate.keys import Verifier
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.store import Ledger, Stored
from tidegate.result import JobResult
from tidegate.signals import Level, Sensitivity
from tidegate.vault import Vault, kind_of, new_slot, own_slot

MORE_CHARS = 12
"""Of `claude-x-20250929` beyond the lane's `claude-x`: a date looks like somebody's."""

_KEEP_S = 3600
"""Of a result's text: its job's end sets another time in the same step."""


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
    verifier: Callable[[], Verifier]
    """Of clearances: what this router signs, and what was signed with the key before."""

    def look(self, record: Record) -> None:
        """End a job that brought an answer back. Raises Conflict, UnknownJob, Unavailable."""
        try:
            seen, answer = self._seen(record)
        except AnswerForbidden as exc:
            Refusals(self.ledger.redis).met(exc, job_id=record.id)
            self.placement.refuse(record, Reason.ANSWER_FORBIDDEN, str(exc))
            return
        slot = new_slot(record.id, "result")
        result = Stored(slot=slot, envelope=self.vault.seals.seal(Zone.OUTSIDE, slot, answer), keep_s=_KEEP_S)
        move = states.approve(rev=record.rev, slot=slot, note={"level": seen.value})
        self.ledger.apply(record.id, move, texts=[result])
        audit.approved(record, seen)

    def _seen(self, record: Record) -> tuple[Level, bytes]:
        """An answer that may be let through, and its level. Raises AnswerForbidden."""
        at_most = self._bound(record)
        policy = self.policy(self._tenant(record))
        answer = self._opened(record, "answer", record.answer)
        try:
            result = JobResult.from_json(answer)
        except ValidationError:
            raise AnswerForbidden("the answer is none that this release can read") from None
        judged = self.inspector.sensitivity(said(result, known=_models(policy, result)), rules=policy.sensitivity)
        level = _level(judged, policy)
        if level is Level.UNKNOWN:
            raise AnswerForbidden(f"the answer could not be judged: {judged.cause or 'unknown'}")
        if level.rank > at_most.rank:
            raise AnswerForbidden(
                f"the answer is {level}, by {', '.join(judged.types) or 'its whole'}; at most {at_most}"
            )
        return level, answer

    def _bound(self, record: Record) -> Level:
        """The most guarded level that it may have, as signed when the job was cleared. Raises AnswerForbidden."""
        try:
            clearance = verified(record.clearance, self.verifier())
        except NoClearance as exc:
            raise AnswerForbidden(f"nothing signed says what it may carry: {exc}", refusal=exc.refusal) from None
        if clearance.job_id != record.id:
            raise AnswerForbidden("what was signed is for another job", refusal="clearance_foreign")
        if self.ledger.now() >= clearance.expires_at:
            raise AnswerForbidden("what was signed has expired", refusal="clearance_expired")
        if clearance.answers_at_most is None or clearance.answers_at_most is not _decided(record):
            raise AnswerForbidden(
                "the decision on record is not what was signed about the answer", refusal="clearance_answer"
            )
        return clearance.answers_at_most

    def _tenant(self, record: Record) -> str:
        """Whose job it is: by its policy the answer is judged. Raises AnswerForbidden."""
        try:
            return Job.from_json(self._opened(record, "payload", record.payload)).tenant
        except ValidationError:
            raise AnswerForbidden("the payload is none that this release can read") from None

    def _opened(self, record: Record, kind: str, slot: str | None) -> bytes:
        """One of the job's own texts. Raises AnswerForbidden."""
        try:
            return self.vault.get(_own(record, kind, slot or ""))
        except (PayloadMissing, SealBroken) as exc:
            raise AnswerForbidden(f"the {kind} could not be opened: {exc}", refusal=exc.refusal) from None


def said(result: JobResult, *, known: Iterable[str] = ()) -> Job:
    """All that an answer says, as something to look at. Vectors say nothing that a detector could read.

    The model's name comes from outside, too. What the lane calls it, and a date beside that, is no news to anybody.
    """
    expected = any(model in result.model and len(result.model) - len(model) <= MORE_CHARS for model in known)
    name = None if expected else result.model
    first = Message(role="assistant", name=name, content=result.text, tool_calls=result.tool_calls or None)
    others = (Message(role="assistant", content=text) for text in dict.fromkeys(_tokens(result)) if text != result.text)
    return Job(messages=(first, *others))


def _own(record: Record, kind: str, slot: str) -> str:
    """The slot, where it is the job's own. A worker of an earlier release seals its answer as a result."""
    earlier = kind == "answer" and kind_of(slot) == "result"
    return own_slot(record.id, "result" if earlier else kind, slot)


def _decided(record: Record) -> Level | None:
    """What the record says, which anybody may have written."""
    try:
        return record.decided.answers_at_most if record.decided else None
    except ValidationError:
        return None


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
