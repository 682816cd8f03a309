"""Opening: what a job's payload asks for, once the guard has let it pass."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import ValidationError

from tidegate.errors import NoClearance, PayloadMissing, SealBroken
from tidegate.job import Job
from tidegate.keys import Verifier
from tidegate.lane import Lane, Zone
from tidegate.ledger.record import Record
from tidegate.signals import Level
from tidegate.vault import Vault
from workers import guard
from workers.backend import Run


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Opens payloads with this process's keys."""

    vault: Vault
    verifier: Callable[[], Verifier]

    def admitted(
        self,
        record: Record,
        lane: Lane,
        *,
        slot: str | None,
        envelope: bytes | None,
        now: float,
        deployment: str = "",
    ) -> Run:
        """The run of a job that the guard lets pass. Raises NoClearance, PayloadMissing."""
        own = guard.admitted_slot(record, lane)
        # It came with the claim; should the guard want another slot, that is what is looked at.
        given = envelope if envelope and slot == own else self.vault.envelope(own)
        clearance = guard.check_clearance(record, lane, given, verifier=self.verifier, now=now)
        regions = guard.admitted_regions(record, clearance)
        called = guard.admitted_deployment(lane, regions=regions, chosen=deployment)
        return replace(self.run_of(record, lane, envelope=given, now=now), deployment=called, regions=regions)

    def run_of(self, record: Record, lane: Lane, *, envelope: bytes, now: float) -> Run:
        """What the payload asks for. Raises NoClearance, PayloadMissing where it cannot be opened."""
        job = self._opened(guard.admitted_slot(record, lane), envelope, lane)
        return Run(
            job_id=record.id,
            attempt=record.attempts,
            messages=job.turns(),
            input=job.input or (),
            params=job.params,
            timeout_s=min(lane.timeout_s, record.deadline_at - now),
            priority=record.priority,
            tenant=job.tenant,  # as sealed: what a job leaves in an engine is lent to its tenant's others alone
            guarded=_guarded(record),
            suspect=record.tries > 0 or record.crashes > 0,
        )

    def _opened(self, slot: str, envelope: bytes, lane: Lane) -> Job:
        try:
            return Job.from_json(self.vault.seals.open(slot, envelope))
        except SealBroken as exc:
            kind = NoClearance if lane.zone is Zone.OUTSIDE else PayloadMissing
            raise kind(str(exc), refusal=exc.refusal or "no_key") from None
        except ValidationError:
            raise PayloadMissing("the payload is no job that this release can read") from None


def _guarded(record: Record) -> bool:
    """Whether anything but proof says that a job may be personal: what nobody judged counts as such."""
    return record.decided is None or record.decided.signals.sensitivity.level is not Level.PUBLIC
