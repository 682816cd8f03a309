"""Flights: the answer of one call is given to the other jobs that wait for it, each sealed for itself.

Which jobs those are is said by the store, which somebody may have written to: each is held to what a run of its own
would be held to, and its own sealed payload must ask the same for the same tenant. One that fails goes back in line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pydantic import ValidationError

from tidegate.errors import Conflict, NoClearance, RunError, SealBroken, UnknownJob
from tidegate.flight import same
from tidegate.job import Job
from tidegate.keys import Verifier
from tidegate.lane import Lane
from tidegate.ledger import states
from tidegate.ledger.line import Taken
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.store import Ledger, Step, Stored
from tidegate.logs import logger
from tidegate.result import JobResult, Timings, Usage
from tidegate.vault import Vault, new_slot
from workers import guard

NUDGE_S = 10.0

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Flights:
    """Serves those who wait. Where that fails, or this process dies over it, the janitor puts them in line."""

    ledger: Ledger
    vault: Vault
    verifier: Callable[[], Verifier]
    result_keep_s: int

    def serve(self, leader: Taken, lane: Lane, result: JobResult, *, followers: Mapping[str, int], at: float) -> None:
        """Give each of them the result, as its own. Raises nothing: the leader has its answer already."""
        if not followers:
            return
        try:
            self._serve(leader, lane, result, followers, at)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the janitor puts those who wait in line again
            log.warning("flight.left", job=leader.record.id, followers=len(followers), error=type(exc).__name__)

    def _serve(self, leader: Taken, lane: Lane, result: JobResult, followers: Mapping[str, int], at: float) -> None:
        asked = Job.from_json(self.vault.seals.open(leader.slot or "", leader.envelope or b""))
        steps = []
        for record in self.ledger.get_many(followers):
            try:
                self._check(record, leader.record, asked, lane, now=at)
            except (RunError, SealBroken, ValidationError) as exc:
                Refusals(self.ledger.redis).met(exc, job_id=record.id)
                log.warning("flight.refused", job=record.id, leader=leader.record.id, error=type(exc).__name__)
                steps.append(_alone(record))
            else:
                steps.append(self._step(record, lane, result, fence=followers[record.id], at=at))
        for step, applied in zip(steps, self.ledger.apply_all(steps), strict=True):
            if isinstance(applied, Conflict | UnknownJob):  # it was cancelled, say, or its deadline passed
                log.info("job.superseded", job=step.job_id)
            elif step.texts:
                log.info("job.joined", job=step.job_id, leader=leader.record.id, lane=lane.name)

    def _check(self, record: Record, leader: Record, asked: Job, lane: Lane, *, now: float) -> None:
        """Whether it may have what this job asked for. Raises what a run of its own would raise."""
        slot = guard.admitted_slot(record, lane)
        envelope = self.vault.envelope(slot)
        clearance = guard.check_clearance(record, lane, envelope, verifier=self.verifier, now=now)
        own, other = record.decided, leader.decided
        if own is None or other is None or (own.policy, own.rule) != (other.policy, other.rule):
            raise NoClearance("it was decided on by another rule", refusal="foreign_flight")
        # Rules and jobs may be the same, and guarantees still speak of one of them alone.
        if guard.answer_is_looked_at(record, lane, verifier=self.verifier):
            raise RunError("a router has to look at its answer first")
        if guard.admitted_regions(record, clearance) != other.regions:
            raise RunError("it may be computed elsewhere")
        if not same(Job.from_json(self.vault.seals.open(slot, envelope)), asked):
            raise NoClearance("it asks something else, or for somebody else", refusal="foreign_flight")

    def _step(self, record: Record, lane: Lane, result: JobResult, *, fence: int, at: float) -> Step:
        queued_s = max(0.0, record.updated_at - record.accepted_at)  # until it was found to ask the same
        total_s = max(queued_s, at - record.accepted_at)
        own = result.model_copy(
            update={
                "job_id": record.id,
                "joined": result.job_id,
                "usage": Usage(),
                "cost_usd": 0.0,
                "priced": None,
                "attempts": max(1, record.attempts),
                "timings": Timings(queued_s=queued_s, run_s=total_s - queued_s, total_s=total_s),
            }
        )
        slot = new_slot(record.id, "result")
        sealed = self.vault.seals.seal(lane.zone, slot, own.to_json().encode())
        move = states.share(
            fence=fence,
            changes={"result": slot, "model": lane.model, "cost_usd": "0.0", "batch": result.batch or ""},
            note={"lane": lane.name, "joined": result.job_id, "finish_reason": result.finish_reason},
        )
        return Step(job_id=record.id, move=move, texts=[Stored(slot=slot, envelope=sealed, keep_s=self.result_keep_s)])


def _alone(record: Record) -> Step:
    """It has no business there: it runs by itself, and is not looked for again."""
    move = states.release(rev=record.rev, nudge_s=NUDGE_S)
    return Step(job_id=record.id, move=replace(move, changes={**move.changes, "flight": ""}))
