"""One run of a job on a lane: lease, guard, open, answer, seal, finish. What follows a failure is in `outcomes`."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from celery import Celery
from pydantic import ValidationError

from tidegate.errors import Conflict, NoClearance, PayloadMissing, SealBroken, Unavailable, UnknownJob
from tidegate.job import Job
from tidegate.keys import Verifier
from tidegate.lane import Lane, Zone
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.states import State
from tidegate.ledger.store import Applied, Ledger
from tidegate.logs import logger
from tidegate.names import RUN_TASK
from tidegate.prices import cost_usd
from tidegate.result import Answer, JobResult, Timings
from tidegate.signals import Level
from tidegate.vault import Vault, new_slot
from workers import guard
from workers.backend import Backend, Run
from workers.lease import Leases
from workers.outcomes import Failure, Outcomes

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Running:
    """What a worker process needs to run jobs of its lanes."""

    name: str
    ledger: Ledger
    vault: Vault
    outcomes: Outcomes
    leases: Leases
    verifier: Callable[[], Verifier]
    lanes: Mapping[str, Lane]
    backend: Callable[[Lane], Backend]
    result_keep_s: int

    def run(self, job_id: str) -> None:
        """Run a job that is placed on a lane of ours. Anything else about it is somebody else's by now."""
        try:
            record = self.ledger.get(job_id)
            lane = self.lanes.get(record.lane or "")
            if lane is None or record.state is not State.PLACED:
                return
            move = states.claim(worker=self.name, lease_s=self.leases.lease_s, rev=record.rev)
            claim = self.ledger.apply(job_id, move)
            self._claimed(self.ledger.get(job_id), lane, claim)
        except (Conflict, UnknownJob):
            log.info("job.superseded", job=job_id)
        except Unavailable as exc:  # the lease lapses, or never began; the janitor brings the job back
            log.warning("job.delayed", job=job_id, error=type(exc).__name__)

    def _claimed(self, record: Record, lane: Lane, claim: Applied) -> None:
        with self.leases.hold(record.id, fence=claim.fence) as lease:
            try:
                self._finish(record, lane, claim, self._answer(record, lane, claim, stop=lease.stop))
            except (Conflict, UnknownJob):
                raise
            except Exception as exc:  # noqa: BLE001 - whatever a run raises ends in the failure table, a store's blip too
                Refusals(self.ledger.redis).met(exc, job_id=record.id)
                if self.leases.given_up.is_set() and not lease.lost:
                    self.outcomes.hand_back(record, fence=claim.fence)
                elif not lease.lost:
                    self.outcomes.follow(Failure(record=record, lane=lane, fence=claim.fence, error=exc))

    def _answer(self, record: Record, lane: Lane, claim: Applied, *, stop: threading.Event) -> Answer:
        slot = guard.admitted_slot(record, lane)
        envelope = self.vault.envelope(slot)
        guard.check_clearance(record, lane, envelope, verifier=self.verifier, now=claim.at)
        job = self._opened(slot, envelope, lane)
        run = Run(
            job_id=record.id,
            attempt=record.attempts,
            messages=job.turns(),
            input=job.input or (),
            params=job.params,
            timeout_s=min(lane.timeout_s, record.deadline_at - claim.at),
            priority=record.priority,
            tenant=record.tenant,
            guarded=_guarded(record),
            suspect=record.tries > 0 or record.crashes > 0,
        )
        return self.backend(lane).answer(run, stop=stop)

    def _opened(self, slot: str, envelope: bytes, lane: Lane) -> Job:
        try:
            return Job.from_json(self.vault.seals.open(slot, envelope))
        except SealBroken as exc:
            kind = NoClearance if lane.zone is Zone.OUTSIDE else PayloadMissing
            raise kind(str(exc), refusal=exc.refusal or "no_key") from None
        except ValidationError:
            raise PayloadMissing("the payload is no job that this release can read") from None

    def _finish(self, record: Record, lane: Lane, claim: Applied, answer: Answer) -> None:
        now = self.ledger.now()
        result = JobResult(
            job_id=record.id,
            text=answer.text,
            finish_reason=answer.finish_reason,
            usage=answer.usage,
            cost_usd=cost_usd(lane, answer.usage, model=answer.model),
            lane=lane.name,
            zone=lane.zone,
            model=answer.model,
            attempts=record.attempts,
            timings=Timings(
                queued_s=claim.at - record.accepted_at, run_s=now - claim.at, total_s=now - record.accepted_at
            ),
            embeddings=answer.embeddings,
            confidence=answer.confidence,
            tool_calls=answer.tool_calls,
            logprobs=answer.logprobs,
        )
        slot = new_slot(record.id, "result")
        self.vault.put(slot, result.to_json().encode(), zone=lane.zone, keep_s=self.result_keep_s)
        move = states.succeed(
            fence=claim.fence,
            changes={"result": slot, "model": lane.model, "cost_usd": _number(result.cost_usd)},
            note={"lane": lane.name, "usage": answer.usage.model_dump(), "finish_reason": answer.finish_reason},
        )
        try:
            self.ledger.apply(record.id, move)
        except Conflict:
            self.vault.drop(slot)  # a zombie's result: the lease had lapsed, and another run counts
            raise
        log.info("job.succeeded", job=record.id, lane=lane.name, attempt=record.attempts, run_s=result.timings.run_s)


def register(app: Celery, running: Running) -> None:
    """Make the task known to this process's app, and to no other."""

    @app.task(name=RUN_TASK, shared=False)  # type: ignore[untyped-decorator]
    def run(job_id: str) -> None:
        running.run(job_id)


def _guarded(record: Record) -> bool:
    """Whether anything but proof says that a job may be personal: what nobody judged counts as such."""
    return record.decided is None or record.decided.signals.sensitivity.level is not Level.PUBLIC


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
