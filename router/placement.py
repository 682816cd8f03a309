"""Placement: a decision becomes a sealed payload, a signed clearance, a record and a wake-up, in this order."""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from router import audit
from router.redaction.outcome import Redaction
from router.signals import tokens
from tidegate import clearance as clearances
from tidegate.decision import Clearance, Decision
from tidegate.doorbell import Doorbell
from tidegate.errors import BrokerUnavailable, Conflict, Reason, UnknownJob
from tidegate.flight import name_of
from tidegate.job import Job
from tidegate.keys import Signs
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.ledger.store import Applied, Ledger, Step, Stored
from tidegate.savings import Elsewhere
from tidegate.vault import Vault, digest, new_slot

_KEEP_BEYOND_DEADLINE_S = 3600
_REASONS = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A placement that is ready to be made: its move, and the sealed texts that are stored with it or not at all."""

    record: Record
    lane: str
    step: Step
    outdated: str | None = None
    """The slot of a payload that this placement replaces."""


class Placement:
    """Acts on decisions. The only place where a payload is sealed for the outside."""

    def __init__(self, ledger: Ledger, vault: Vault, doorbell: Doorbell, signer: Signs, *, nudge_s: float) -> None:
        self._ledger = ledger
        self._vault = vault
        self._doorbell = doorbell
        self._signer = signer
        self._nudge_s = nudge_s

    def place(
        self, record: Record, job: Job, decision: Decision, *, rewritten: bool, redaction: Redaction | None = None
    ) -> None:
        """Put the job on its first lane. Raises Conflict where another router was faster."""
        if decision.lanes:
            plan = self.plan(record, job, decision, rewritten=rewritten, redaction=redaction)
            for refused in filter(None, self.carry_out([plan])):
                raise refused
        else:
            reason, cause = _reason_of(decision)
            self.refuse(record, reason, cause, decision=decision)

    def plan(
        self,
        record: Record,
        job: Job,
        decision: Decision,
        *,
        rewritten: bool,
        redaction: Redaction | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> Plan:
        """Seal and sign what the first lane needs. Nothing is stored yet. `elsewhere`: what it would cost outside."""
        lane = decision.lanes[0]
        zone = Zone.OUTSIDE if lane in decision.cleared else Zone.INSIDE
        texts: list[Stored] = []
        changes = {
            "decision": decision.to_json(),
            "regions": _regions(decision),
            "tokens": str(_prompt_tokens(job, decision)),
            "max_tokens": str(decision.signals.max_tokens),
            "rule": decision.rule,
            "elsewhere": elsewhere.to_json() if elsewhere else "",
        }
        if rewritten:
            changes["payload"] = self._sealed(record, "payload", job.to_json(), Zone.INSIDE, texts)
        flight = name_of(job, decision, key=self._vault.seals.keyrings[Zone.INSIDE].naming)
        if flight is not None and record.shadow_of is None:
            changes["flight"] = flight
        if decision.cleared:
            changes |= self._cleared(record, job, decision, redaction, texts)
        move = states.place(
            lane=lane,
            zone=zone,
            rev=record.rev,
            changes=changes,
            nudge_s=self._nudge_s,
            note={"rule": decision.rule, "policy": decision.policy, "zone": zone.value, **audit.facts(decision)},
        )
        step = Step(job_id=record.id, move=move, texts=texts)
        return Plan(record=record, lane=lane, step=step, outdated=record.payload if rewritten else None)

    def carry_out(self, plans: Sequence[Plan]) -> list[Conflict | UnknownJob | None]:
        """Make plans true in one round trip, each by itself, and wake the lanes. Tells for each why it was refused."""
        found = self._ledger.apply_all([plan.step for plan in plans])
        for plan, applied in zip(plans, found, strict=True):
            if isinstance(applied, Applied):
                self._after(plan, ring=applied.ring)
        return [None if isinstance(applied, Applied) else applied for applied in found]

    def _after(self, plan: Plan, *, ring: bool) -> None:
        if plan.outdated:
            self._vault.drop(plan.outdated)
        if ring:
            with contextlib.suppress(BrokerUnavailable):  # the janitor sends it again
                self._doorbell.ring_lane(plan.lane, plan.record.id, priority=plan.record.priority)

    def refuse(self, record: Record, reason: Reason, cause: str, *, decision: Decision | None = None) -> None:
        """Make it a dead letter before it was placed."""
        changes = {"decision": decision.to_json()} if decision else {}
        self._ledger.apply(
            record.id,
            states.die(
                reason=reason,
                cause=cause,
                sources=frozenset({State.ACCEPTED}),
                rev=record.rev,
                changes=changes,
                note=audit.facts(decision) if decision else {},
            ),
        )
        audit.refused(record, reason, cause)

    def _cleared(
        self, record: Record, job: Job, decision: Decision, redaction: Redaction | None, texts: list[Stored]
    ) -> dict[str, str]:
        """Seal a copy for the outside and sign that it may leave."""
        changes = {}
        if redaction:
            # Sealed for the inside is what the copy's placeholders stand for: no lane outside has the key.
            kept = redaction.placeholders.to_json()
            changes["placeholders"] = self._sealed(record, "placeholders", kept, Zone.INSIDE, texts)
        copy = _copy(job, decision, redaction).to_json()
        slot = self._sealed(record, "outside", copy, Zone.OUTSIDE, texts)
        clearance = Clearance(
            job_id=record.id,
            slot=slot,
            digest=digest(texts[-1].envelope),
            lanes=decision.cleared,
            policy=decision.policy,
            regions=decision.regions,
            answers_at_most=decision.answers_at_most,
            expires_at=record.deadline_at,
        )
        return {**changes, "outside": slot, "clearance": clearances.sign(clearance, self._signer)}

    def _sealed(self, record: Record, kind: str, text: str, zone: Zone, texts: list[Stored]) -> str:
        """Seal a text into a new slot, to be stored with the move. Returns the slot."""
        slot = new_slot(record.id, kind)
        envelope = self._vault.seals.seal(zone, slot, text.encode())
        texts.append(Stored(slot=slot, envelope=envelope, keep_s=_keep_s(record)))
        return slot


def _keep_s(record: Record) -> int:
    return max(60, int(record.deadline_at - record.accepted_at) + _KEEP_BEYOND_DEADLINE_S)


def _regions(decision: Decision) -> str:
    """As the scripts that choose a deployment read it: a list in JSON; '' where it may be computed anywhere."""
    return "" if decision.regions is None else json.dumps(decision.regions)


def _copy(job: Job, decision: Decision, redaction: Redaction | None) -> Job:
    """What leaves. The second lock: a bug in the deciding must not seal a sensitive job for the outside as it is."""
    if redaction is not None:
        return redaction.job
    if decision.redacted or (decision.signals.sensitivity.level.sensitive and not decision.narrowed):
        raise ValueError("a sensitive job was cleared without a redacted copy")
    return job.for_outside()


def _prompt_tokens(job: Job, decision: Decision) -> int:
    """What is paid for: of texts that are embedded, all; the signal tells of the longest, for a lane's context."""
    return tokens.together(job.input) if job.input else decision.signals.tokens


def _reason_of(decision: Decision) -> tuple[Reason, str]:
    """A decision without lanes says why in its cause: `context_overflow: …`."""
    code, _, rest = (decision.cause or "").partition(":")
    return _REASONS.get(code, Reason.POLICY_DENIED), rest.strip() or "the policy has no lane for this job"
