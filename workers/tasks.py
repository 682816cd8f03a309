"""A lane's jobs, one after the other: lease, `opening`, backend, `finishing`. What follows a failure: `outcomes`."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, cast

from celery import Celery

from tidegate.errors import Conflict, Unavailable, UnknownJob
from tidegate.keys import Verifier
from tidegate.lane import Lane
from tidegate.ledger import states
from tidegate.ledger.line import Idle, Shut, Taken, patiently
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.store import Ledger
from tidegate.logs import logger
from tidegate.names import RUN_TASK, queue_lane
from tidegate.result import Answer
from tidegate.slots import Spare
from tidegate.taskevents import TaskEvents, Told
from tidegate.vault import Vault
from workers import gates
from workers.alarms import Alarms
from workers.attempt import Attempt
from workers.backend import Backend
from workers.finishing import Finishing
from workers.flights import Flights
from workers.gates import Gates
from workers.lease import Leases
from workers.opening import Opening
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
    spare: Spare = field(default_factory=Spare)
    events: TaskEvents = field(default_factory=lambda: TaskEvents(RUN_TASK))

    @cached_property
    def opening(self) -> Opening:
        """What opens payloads."""
        return Opening(vault=self.vault, verifier=self.verifier)

    @cached_property
    def finishing(self) -> Finishing:
        """What puts answers on record."""
        return Finishing(
            ledger=self.ledger,
            vault=self.vault,
            outcomes=self.outcomes,
            verifier=self.verifier,
            result_keep_s=self.result_keep_s,
        )

    @cached_property
    def alarms(self) -> Alarms:
        """What wakes a lane when its gate has room again."""
        return Alarms(lambda lane, job_id: self.outcomes.wake(lane, job_id, priority=0))

    @cached_property
    def flights(self) -> Flights:
        """Who gives a run's answer to the jobs that wait for it."""
        return Flights(ledger=self.ledger, vault=self.vault, verifier=self.verifier, result_keep_s=self.result_keep_s)

    def run(self, job_id: str, *, lane: str | None = None) -> None:
        """Run the next jobs of a lane of ours; where nothing else tells which, the job that the wake-up names does.

        '' where no wake-up led here, but somebody of this process who found more to do (see `Spare`).
        """
        try:
            found = self.lanes.get(lane or self.ledger.get(job_id).lane or "")
            if found is None:
                return
            if self.leases.leaving.is_set():  # a wake-up that was on its way to us: it is for who stays
                if job_id:
                    self.outcomes.wake(found.name, job_id, priority=0)
            else:
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
        if taken is None and named:
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

        stay = partial(self.ledger.line.stay, lane.name)
        return cast("Taken | Shut | None", patiently(take, stay=stay, leaving=self.leases.leaving))

    def _ring(self, taken: Taken | Shut, lane: Lane) -> None:
        """For those that are left: in a free slot of ours, by a wake-up, or when the lane's gate has room."""
        if isinstance(taken, Taken) and taken.more:
            self.spare.use(lane.queue, partial(self.run, "", lane=lane.name))
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
        call = Attempt(
            time_limit_s=min(lane.timeout_s, record.deadline_at - claim.at),
            lane_limit_s=lane.timeout_s,
            hedges=lane.hedge_after_s is not None and record.latency == "interactive" and record.permit is not None,
        )
        with self.leases.hold(record.id, fence=claim.fence) as lease:
            try:
                answer = self._answer(taken, lane, call, stop=lease.stop)
                result, applied = self.finishing.finish(
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

    def _answer(self, taken: Taken, lane: Lane, call: Attempt, *, stop: threading.Event) -> Answer:
        record, permit = taken.record, taken.permit
        if permit is not None and (refusal := gates.refusal(permit, latency=record.latency)) is not None:
            raise refusal
        chosen = permit.deployment if permit else ""
        run = self.opening.admitted(
            record, lane, slot=taken.slot, envelope=taken.envelope, now=taken.claim.at, deployment=chosen
        )
        another = partial(self._another, taken, lane) if call.hedges else None
        run = replace(run, tell=call.heard.append, another=another)
        backend = self.backend(lane)
        with call:
            return backend.answer(run, stop=stop)

    def _another(self, taken: Taken, lane: Lane) -> str | None:
        """A permit for a second call: the deployment, where there is room and the store answers."""
        gate, fence = self.gates.of(lane), taken.claim.fence
        with contextlib.suppress(Unavailable):
            return self.ledger.line.hedge(
                lane.name, taken.record.id, fence=fence, gate=gate, lease_s=self.leases.lease_s
            )
        return None


def register(app: Celery, running: Running) -> None:
    """Make the task known to this process's app, and to no other."""

    @app.task(name=RUN_TASK, bind=True, shared=False, send_events=False)  # type: ignore[untyped-decorator]
    def run(self: Any, job_id: str) -> None:
        queue = (self.request.delivery_info or {}).get("routing_key") or ""
        running.run(job_id, lane=queue_lane(queue))
