"""A lane's jobs, one after the other: lease, guard, open, answer, seal, finish. What follows a failure: `outcomes`."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, TypedDict, cast

from celery import Celery
from pydantic import ValidationError

from tidegate.deployment import Deployment
from tidegate.errors import Conflict, NoClearance, PayloadMissing, SealBroken, Unavailable, UnknownJob
from tidegate.job import Job
from tidegate.keys import Verifier
from tidegate.lane import Lane, Zone
from tidegate.ledger import states
from tidegate.ledger.line import Idle, Shut, Taken, patiently
from tidegate.ledger.permits import Settled
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.store import Applied, Ledger, Stored
from tidegate.logs import logger
from tidegate.names import RUN_TASK, queue_lane
from tidegate.prices import cost as run_cost
from tidegate.result import Answer, JobResult, Timings
from tidegate.savings import saved_usd
from tidegate.signals import Level
from tidegate.taskevents import TaskEvents, Told
from tidegate.vault import Vault, new_slot
from workers import gates, guard, settling
from workers.alarms import Alarms
from workers.backend import Backend, Heard, Run
from workers.flights import Flights
from workers.gates import Gates
from workers.lease import Leases
from workers.outcomes import Failure, Outcomes

TURN_S = 5.0
"""A thread goes on with its lane's next job for this long, then Celery has a look at its own affairs."""

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
    gates: Gates = field(default_factory=Gates)
    events: TaskEvents = field(default_factory=lambda: TaskEvents(RUN_TASK))

    @cached_property
    def alarms(self) -> Alarms:
        """What wakes a lane when its gate has room again."""
        return Alarms(lambda lane, job_id: self.outcomes.wake(lane, job_id, priority=0))

    @cached_property
    def flights(self) -> Flights:
        """Who gives a run's answer to the jobs that wait for it."""
        return Flights(ledger=self.ledger, vault=self.vault, verifier=self.verifier, result_keep_s=self.result_keep_s)

    def run(self, job_id: str, *, lane: str | None = None) -> None:
        """Run the next jobs of a lane of ours; where nothing else tells which, the job that the wake-up names does."""
        try:
            found = self.lanes.get(lane or self.ledger.get(job_id).lane or "")
            if found is not None:
                self._work_off(found, named=job_id)
        except UnknownJob:
            Refusals(self.ledger.redis).note("unknown_job", job_id=job_id)
        except Conflict:
            log.info("job.superseded", job=job_id)
        except Unavailable as exc:  # the lease lapses, or never began; the janitor brings the job back
            log.warning("job.delayed", job=job_id, error=type(exc).__name__)

    def _work_off(self, lane: Lane, *, named: str) -> None:
        """One job after the other while there are any: cheaper than a message for each. Raises UnknownJob."""
        until = time.monotonic() + TURN_S
        taken = self._next(lane, named=named)
        if taken is None:
            self.ledger.get(named)  # nobody waits: was it a wake-up for a job that is not on record?
        while taken is not None:
            self._ring(taken, lane)
            if isinstance(taken, Shut):
                return
            self._run(taken, lane)
            present = self.lanes.get(lane.name)  # the policy may have been changed meanwhile
            if present is None or self.leases.leaving.is_set() or time.monotonic() > until:
                if self.gates.of(
                    lane
                ):  # who came while the gate was shut has gone again: nobody else may be on his way
                    self.outcomes.wake(lane.name, taken.record.id, priority=taken.record.priority)
                return
            lane = present
            taken = self._next(lane)

    def _next(self, lane: Lane, *, named: str = "") -> Taken | Shut | None:
        """The lane's next job, or that of a moment later. `named`: by the wake-up that led here."""
        claim = states.claim(worker=self.name, lease_s=self.leases.lease_s)

        def take(woken: bool, patient: bool) -> Taken | Shut | Idle:  # noqa: FBT001 - as `patiently` asks
            return self.ledger.line.take(
                lane.name,
                zone=lane.zone,
                claim=claim,
                gate=self.gates.of(lane),
                join=(lane.joins, lane.timeout_s + self.leases.lease_s),
                named=named,
                woken=woken or bool(named),
                patient=patient,
            )

        return cast("Taken | Shut | None", patiently(take, leaving=self.leases.leaving))

    def _ring(self, taken: Taken | Shut, lane: Lane) -> None:
        """For those that are left: now, or when the lane's gate has room."""
        if isinstance(taken, Taken) and taken.ring and not taken.ring_in_s:
            self.outcomes.wake(lane.name, taken.ring, priority=taken.record.priority)
        elif taken.ring and taken.ring_in_s is not None:
            self.alarms.set(lane.name, taken.ring, in_s=taken.ring_in_s)

    def _run(self, taken: Taken, lane: Lane) -> None:
        record, claim = taken.record, taken.claim
        try:
            with self.events.run(record.id, number=claim.fence) as told:
                self._claimed(taken, lane, told)
        except (Conflict, UnknownJob):
            log.info("job.superseded", job=record.id, fence=claim.fence)

    def _claimed(self, taken: Taken, lane: Lane, told: Told) -> None:
        record, claim, began = taken.record, taken.claim, time.monotonic()
        call = Call(
            time_limit_s=min(lane.timeout_s, record.deadline_at - claim.at),
            lane_limit_s=lane.timeout_s,
            hedges=lane.hedge_after_s is not None and record.latency == "interactive" and record.permit is not None,
        )
        with self.leases.hold(record.id, fence=claim.fence) as lease:
            try:
                answer = self._answer(taken, lane, call, stop=lease.stop)
                result, applied = self.finish(
                    record,
                    lane,
                    answer,
                    claim=claim,
                    run_s=time.monotonic() - began,
                    settled=lambda usd: call.answered(answer, lane, record, usd=usd and usd / call.paid),
                    price_share=float(call.paid),
                    called=call.answered_by,
                )
                self.flights.serve(taken, lane, result, followers=applied.followers, at=applied.at)
            except (Conflict, UnknownJob):
                raise
            except Exception as exc:  # noqa: BLE001 - whatever a run raises ends in the failure table, a store's blip too
                told.failed(exc)
                Refusals(self.ledger.redis).met(exc, job_id=record.id)
                if self.leases.given_up.is_set() and not lease.lost:
                    self.outcomes.hand_back(record, fence=claim.fence)
                elif not lease.lost:
                    self.outcomes.follow(
                        Failure(
                            record=record,
                            lane=lane,
                            fence=claim.fence,
                            error=exc,
                            gated=bool(self.gates.of(lane)),
                            settled=call.failed(exc) if record.permit else None,
                        )
                    )

    def _answer(self, taken: Taken, lane: Lane, call: "Call", *, stop: threading.Event) -> Answer:
        record, permit = taken.record, taken.permit
        if permit is not None and (refusal := gates.refusal(permit, latency=record.latency)) is not None:
            raise refusal
        chosen = permit.deployment if permit else ""
        run = self.admitted(
            record, lane, slot=taken.slot, envelope=taken.envelope, now=taken.claim.at, deployment=chosen
        )
        another = partial(self._another, taken, lane) if call.hedges else None
        run = replace(run, tell=call.heard.append, another=another)
        backend = self.backend(lane)
        with call:
            return backend.answer(run, stop=stop)

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
            tenant=record.tenant,
            guarded=_guarded(record),
            suspect=record.tries > 0 or record.crashes > 0,
        )

    def _another(self, taken: Taken, lane: Lane) -> str | None:
        """A permit for a second call: the deployment, where there is room and the store answers."""
        gate, fence = self.gates.of(lane), taken.claim.fence
        with contextlib.suppress(Unavailable):
            return self.ledger.line.hedge(
                lane.name, taken.record.id, fence=fence, gate=gate, lease_s=self.leases.lease_s
            )
        return None

    def _opened(self, slot: str, envelope: bytes, lane: Lane) -> Job:
        try:
            return Job.from_json(self.vault.seals.open(slot, envelope))
        except SealBroken as exc:
            kind = NoClearance if lane.zone is Zone.OUTSIDE else PayloadMissing
            raise kind(str(exc), refusal=exc.refusal or "no_key") from None
        except ValidationError:
            raise PayloadMissing("the payload is no job that this release can read") from None

    def finish(
        self,
        record: Record,
        lane: Lane,
        answer: Answer,
        *,
        claim: Applied,
        run_s: float,
        settled: Callable[[float | None], Settled],
        batch: str | None = None,
        price_share: float = 1.0,
        called: str | None = None,
    ) -> tuple[JobResult, Applied]:
        """Put the answer on record. Raises Conflict for who lost the job.

        `settled`: what the call came to, by its cost. `batch`: the provider's that the answer came from. `called`: the
        deployment, where it is another one than the permit's.
        """
        queued_s = claim.at - record.accepted_at
        deployment = _called(lane, called or (record.permitted.deployment if record.permitted else None))
        cost = run_cost(lane, answer.usage, model=answer.model, deployment=deployment)
        result = JobResult(
            job_id=record.id,
            text=answer.text,
            finish_reason=answer.finish_reason,
            usage=answer.usage,
            cost_usd=cost.usd * price_share if cost else None,
            priced=cost.priced if cost else None,
            batch=batch,
            lane=lane.name,
            zone=lane.zone,
            model=answer.model,
            attempts=record.attempts,
            timings=Timings(queued_s=queued_s, run_s=run_s, total_s=queued_s + run_s),
            embeddings=answer.embeddings,
            confidence=answer.confidence,
            tool_calls=answer.tool_calls,
            logprobs=answer.logprobs,
            repaired=answer.repaired,
        )
        slot = new_slot(record.id, "result")
        sealed = self.vault.seals.seal(lane.zone, slot, result.to_json().encode())
        left_s = max(0, int(record.deadline_at - claim.at))  # an answer may wait that long for a router
        stored = Stored(slot=slot, envelope=sealed, keep_s=self.result_keep_s + left_s)
        told = _Told(
            fence=claim.fence,
            changes={
                "model": lane.model,
                "cost_usd": _number(result.cost_usd),
                "priced": result.priced.to_json() if result.priced else "",
            },
            note={"lane": lane.name, "usage": answer.usage.model_dump(), "finish_reason": answer.finish_reason},
            settled=settled(result.cost_usd),
        )
        looked_at = guard.answer_is_looked_at(record, lane, verifier=self.verifier)
        if looked_at:
            move = states.answer(slot=slot, nudge_s=self.outcomes.nudge_s, **told)
        else:
            move = states.succeed(slot=slot, **told)
        # Refused where the lease had lapsed: another run counts, and a zombie's result is not even stored.
        applied = self.ledger.apply(record.id, move, texts=[stored])
        event = "job.answered" if looked_at else "job.succeeded"
        log.info(event, job=record.id, lane=lane.name, attempt=record.attempts, run_s=run_s)
        if looked_at and applied.ring:
            self.outcomes.wake_router(record.id, priority=record.priority)
        return result, applied


class _Told(TypedDict):
    """What a run's end says, whoever has the next word."""

    fence: int
    changes: dict[str, str]
    note: dict[str, Any]
    settled: Settled | None


@dataclass
class Call:
    """One call of a backend: how long it took, and what was heard meanwhile."""

    time_limit_s: float
    lane_limit_s: float
    hedges: bool = False
    """Whether there may be a second one."""
    heard: list[Heard] = field(default_factory=list)
    took_s: float | None = None
    """None: it was never made."""

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.took_s = time.monotonic() - self._began

    @property
    def paid(self) -> int:
        """How many calls: the one that was cut off may have cost as much."""
        return 2 if settling.hedge(self.heard) in ("first", "second") else 1

    @property
    def answered_by(self) -> str | None:
        """The deployment, where there were two."""
        return next((one.answered_by for one in self.heard if one.answered_by is not None), None)

    def answered(self, answer: Answer, lane: Lane, record: Record, *, usd: float | None) -> Settled:
        """What it came to; of two calls, what the one came to that answered."""
        inside = lane.zone is Zone.INSIDE
        settled = settling.answered(
            answer.usage,
            usd=usd,
            took_s=settling.took_s(self.heard, self.took_s),
            heard=self.heard,
            model=lane.model if record.permit is None else None,
            saved_usd=saved_usd(record.elsewhere, answer.usage, lane=lane) if inside else None,
        )
        return self._hedged(settled)

    def failed(self, error: Exception) -> Settled:
        """What it came to."""
        settled = settling.failed(
            error,
            took_s=self.took_s,
            time_limit_s=self.time_limit_s,
            lane_limit_s=self.lane_limit_s,
            heard=self.heard,
        )
        return self._hedged(settled)

    def _hedged(self, settled: Settled) -> Settled:
        return replace(settled, hedge=settling.hedge(self.heard)) if self.hedges else settled


def register(app: Celery, running: Running) -> None:
    """Make the task known to this process's app, and to no other."""

    @app.task(name=RUN_TASK, bind=True, shared=False, send_events=False)  # type: ignore[untyped-decorator]
    def run(self: Any, job_id: str) -> None:
        queue = (self.request.delivery_info or {}).get("routing_key") or ""
        running.run(job_id, lane=queue_lane(queue))


def _guarded(record: Record) -> bool:
    """Whether anything but proof says that a job may be personal: what nobody judged counts as such."""
    return record.decided is None or record.decided.signals.sensitivity.level is not Level.PUBLIC


def _called(lane: Lane, name: str | None) -> Deployment | None:
    return next((one for one in lane.every_deployment if one.name == name), None)


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
