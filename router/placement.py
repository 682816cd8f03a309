"""Placement: a decision becomes a sealed payload, a signed clearance, a record and a wake-up, in this order."""

import contextlib

from router import audit
from router.redaction.outcome import Redaction
from tidegate import clearance as clearances
from tidegate.decision import Clearance, Decision
from tidegate.doorbell import Doorbell
from tidegate.errors import BrokerUnavailable, Conflict, Reason, UnknownJob
from tidegate.job import Job
from tidegate.keys import Signs
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger
from tidegate.vault import Vault, new_slot

_KEEP_BEYOND_DEADLINE_S = 3600
_REASONS = {reason.value: reason for reason in Reason}


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
        if not decision.lanes:
            reason, cause = _reason_of(decision)
            return self.refuse(record, reason, cause, decision=decision)
        changes = {"decision": decision.to_json()}
        if rewritten:
            changes["payload"] = self._seal_inside(record, job)
        if decision.cleared:
            changes |= self._clear(record, job, decision, redaction)
        lane = decision.lanes[0]
        zone = Zone.OUTSIDE if lane in decision.cleared else Zone.INSIDE
        move = states.place(
            lane=lane,
            zone=zone,
            rev=record.rev,
            changes=changes,
            nudge_s=self._nudge_s,
            note={"rule": decision.rule, "policy": decision.policy, "zone": zone.value, **audit.facts(decision)},
        )
        try:
            self._ledger.apply(record.id, move)
        except Conflict:
            self._clear_away(record.id, {changes.get(name) for name in ("outside", "payload", "placeholders")})
            raise
        if rewritten and record.payload:
            self._vault.drop(record.payload)
        with contextlib.suppress(BrokerUnavailable):  # the janitor sends it again
            self._doorbell.ring_lane(lane, record.id, priority=record.priority)
        return None

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

    def _clear_away(self, job_id: str, slots: set[str | None]) -> None:
        """Remove what was sealed in vain. A lost answer looks like a lost race: what the record points to stays."""
        with contextlib.suppress(UnknownJob):
            present = self._ledger.get(job_id)
            slots -= {present.payload, present.outside, present.placeholders}
        for slot in slots:
            if slot:
                self._vault.drop(slot)

    def _seal_inside(self, record: Record, job: Job) -> str:
        slot = new_slot(record.id, "payload")
        self._vault.put(slot, job.to_json().encode(), zone=Zone.INSIDE, keep_s=self._keep_s(record))
        return slot

    def _clear(self, record: Record, job: Job, decision: Decision, redaction: Redaction | None) -> dict[str, str]:
        """Seal a copy for the outside and sign that it may leave."""
        copy = _copy(job, decision, redaction)
        changes = self._keep(record, redaction) if redaction else {}
        slot = new_slot(record.id, "outside")
        body = copy.to_json().encode()
        digest = self._vault.put(slot, body, zone=Zone.OUTSIDE, keep_s=self._keep_s(record))
        clearance = Clearance(
            job_id=record.id,
            slot=slot,
            digest=digest,
            lanes=decision.cleared,
            policy=decision.policy,
            expires_at=record.deadline_at,
        )
        return {**changes, "outside": slot, "clearance": clearances.sign(clearance, self._signer)}

    def _keep(self, record: Record, redaction: Redaction) -> dict[str, str]:
        """Seal for the inside what the copy's placeholders stand for: no lane outside has the key."""
        slot = new_slot(record.id, "placeholders")
        body = redaction.placeholders.to_json().encode()
        self._vault.put(slot, body, zone=Zone.INSIDE, keep_s=self._keep_s(record))
        return {"placeholders": slot}

    def _keep_s(self, record: Record) -> int:
        return max(60, int(record.deadline_at - record.accepted_at) + _KEEP_BEYOND_DEADLINE_S)


def _copy(job: Job, decision: Decision, redaction: Redaction | None) -> Job:
    """What leaves. The second lock: a bug in the deciding must not seal a sensitive job for the outside as it is."""
    if redaction is not None:
        return redaction.job
    if decision.redacted or (decision.signals.sensitivity.level.sensitive and not decision.narrowed):
        raise ValueError("a sensitive job was cleared without a redacted copy")
    return job.for_outside()


def _reason_of(decision: Decision) -> tuple[Reason, str]:
    """A decision without lanes says why in its cause: `context_overflow: …`."""
    code, _, rest = (decision.cause or "").partition(":")
    return _REASONS.get(code, Reason.POLICY_DENIED), rest.strip() or "the policy has no lane for this job"
