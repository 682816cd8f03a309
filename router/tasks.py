"""The router's two tasks: take a job in by message, and route those that are on record.

Routing is stateless and may happen twice: the ledger takes the first placement and refuses the second.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from celery import Celery
from celery.exceptions import Reject
from pydantic import ValidationError

from router import audit
from router.answers import Answers
from router.asked import asked_first
from router.circumstances import Circumstances
from router.inspection import Inspector
from router.loads import Loads, Placed
from router.placement import Placement, Plan
from router.policy.loader import Policy
from router.policy.purse import cheapest_outside
from router.prompts import Prompts, resolve
from router.recorded import Decisions
from router.redaction.decided import Decide, Redacts, decided
from router.redaction.outcome import Redaction
from router.shadow import Shadows
from tidegate.client import Client
from tidegate.decision import Decision
from tidegate.errors import (
    BrokerUnavailable,
    Conflict,
    IdempotencyConflict,
    InvalidJob,
    PayloadMissing,
    Reason,
    SealBroken,
    Unavailable,
    UnknownJob,
)
from tidegate.job import Job
from tidegate.ledger import states
from tidegate.ledger.line import Collected, Idle, patiently
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.names import ROUTE_TASK, SUBMIT_TASK
from tidegate.submission import plain_id
from tidegate.taskevents import TaskEvents
from tidegate.value import problems_on_record
from tidegate.vault import own_slot

PATIENCE_S = 1.0
"""Between two tries to take a job in: a store that restarts needs about as long."""


BATCH, BATCH_BYTES = 16, 64_000
"""Jobs that one thread takes from the intake at a time; a long text ends a batch, so that few wait for it."""

PATCH_S = 0.05
"""A job that is decided on waits no longer than this for the others of its batch."""

TURN_S = 5.0
"""A thread goes on with the intake's next jobs for this long, then Celery has a look at its own affairs."""

MAX_CAUSE_CHARS = 1000
"""A list of ten thousand wrong items is one mistake: the record and the log say how it begins."""


@dataclass(frozen=True, kw_only=True)
class Routing:
    """One job through open, inspect, decide, place."""

    client: Client
    inspector: Inspector
    prompts: Prompts
    loads: Loads
    policy: Callable[[str], Policy]
    """The policy in force for a tenant. May raise Unavailable: then the job waits."""
    circumstances: Circumstances
    decide: Decide
    redactor: Redacts
    placement: Placement
    answers: Answers
    shadows: Shadows
    decisions: Decisions
    leaving: threading.Event = field(default_factory=threading.Event)
    """This process is about to stop: nothing is waited for."""
    events: TaskEvents = field(default_factory=lambda: TaskEvents(ROUTE_TASK))
    look_in_s: float
    """The time in which a job that was collected should be placed; past it the janitor puts it in line again."""

    def route(self, job_id: str) -> None:
        """Place the jobs that are next in the intake, one batch after the other while there are any."""
        until = time.monotonic() + TURN_S
        try:
            found = self._collect(named=job_id, woken=True)
            while found:
                self._route_all(found)
                found = self._collect() if time.monotonic() < until and not self.leaving.is_set() else ()
        except Unavailable as exc:
            audit.delayed(job_id, exc)  # the janitor wakes us again

    def submit(self, job_id: str, job: Any) -> None:
        """Take in a job that travelled in a message. What is malformed becomes a dead letter, so its sender can see."""
        try:
            self._take_in(job_id, job)
        except IdempotencyConflict:
            Refusals(self.client.ledger.redis).note("conflicting_submit", job_id=job_id)  # another job has this id
        except Unavailable as exc:
            # The text is in the message alone: it goes back to the broker until the store can take it.
            audit.delayed(job_id, exc)
            time.sleep(PATIENCE_S)
            raise Reject(type(exc).__name__, requeue=True) from None

    def _take_in(self, job_id: str, job: Any) -> None:
        try:
            self.client.take_in(job if isinstance(job, str) else json.dumps(job), job_id=job_id)
        except InvalidJob:
            self.client.take_in_malformed(job_id, json.dumps(job).encode())

    def _collect(self, *, named: str = "", woken: bool = False) -> Sequence[tuple[Record, bytes | None]]:
        line = self.client.ledger.line

        def collect(again: bool, patient: bool) -> Collected | Idle:  # noqa: FBT001 - as `patiently` asks
            return line.collect(
                most=BATCH,
                most_bytes=BATCH_BYTES,
                look_in_s=self.look_in_s,
                named=named,
                woken=woken or again,
                patient=patient,
            )

        found = patiently(collect, stay=partial(line.stay, None), leaving=self.leaving)
        if found is None:
            return ()
        if found.ring:
            with contextlib.suppress(BrokerUnavailable):  # the janitor sends it again
                self.client.doorbell.ring_router(found.ring, priority=0)
        return found.jobs

    def _route_all(self, jobs: Sequence[tuple[Record, bytes | None]]) -> None:
        """Decide on each; place those that are ready together, so that none waits long for a slow one."""
        ready: list[Routed] = []
        since = time.monotonic()
        for record, envelope in jobs:
            routed = self._guarded(record, envelope)
            if routed is not None:
                ready.append(routed)
            if time.monotonic() - since > PATCH_S:
                self._place(ready)
                ready, since = [], time.monotonic()
        self._place(ready)

    def _guarded(self, record: Record, envelope: bytes | None) -> "Routed | None":
        """What goes wrong with one job is that job's alone."""
        try:
            with self.events.run(record.id, number=record.rev):
                return self._routed(record, envelope)
        except (Conflict, UnknownJob):
            audit.raced(record.id)
        except Unavailable as exc:
            audit.delayed(record.id, exc)  # the janitor puts it in line again
        except Exception as exc:  # noqa: BLE001 - a bug must end in a dead letter that says so, not in silence
            self._refuse_late(record, f"the router failed with {type(exc).__name__}")
        return None

    def _refuse_late(self, record: Record, cause: str) -> None:
        try:
            self._refuse(record, Reason.ROUTING_FAILED, cause)
        except (Conflict, UnknownJob):
            audit.raced(record.id)
        except Unavailable as exc:
            audit.delayed(record.id, exc)

    def _routed(self, record: Record, envelope: bytes | None) -> "Routed | None":
        """Open, inspect, decide; None where that ended the job."""
        if record.answer:
            self.answers.look(record)
            return None
        if record.shadow_of:
            # Its router died before it was placed, or somebody redrove it: it is not worth a decision of its own.
            self.client.ledger.apply(record.id, states.cancel())
            return None
        try:
            given = Job.from_json(self._opened(record, envelope))
            job = resolve(given, self.prompts)
        except ValidationError as exc:
            self._refuse(record, Reason.MALFORMED, "; ".join(problems_on_record(exc, model=Job)))
        except InvalidJob as exc:
            self._refuse(record, Reason.MALFORMED, str(exc))
        except (PayloadMissing, SealBroken) as exc:
            Refusals(self.client.ledger.redis).met(exc, job_id=record.id)
            self._refuse(record, Reason.PAYLOAD_MISSING, str(exc))
        else:
            return self._decided(record, given, job)
        return None

    def _decided(self, record: Record, given: Job, job: Job) -> "Routed | None":
        policy = self.policy(job.tenant)
        load = self.loads.of(policy.lanes, tenant=job.tenant, latency=job.hints.latency)
        signals = self.inspector.inspect(job, load=load, rules=policy.sensitivity)
        around = self.circumstances.around(job, signals, job_id=record.id, policy=policy)
        decision, redaction = decided(job, around, policy, decide=self.decide, redactor=self.redactor)
        audit.decided(record, decision)
        routed = Routed(record=record, job=job, decision=decision, policy=policy, redaction=redaction)
        if not decision.lanes:
            self.placement.place(record, job, decision, rewritten=job is not given)
            self._afterwards([routed])
            return None
        asked = asked_first(decision, record.asked_lane)
        plan = self.placement.plan(
            record,
            job,
            asked,
            rewritten=job is not given,
            redaction=redaction,
            elsewhere=cheapest_outside(policy, around),
        )
        self.loads.decided(placed_as(plan))
        return replace(routed, plan=plan)

    def _opened(self, record: Record, envelope: bytes | None) -> bytes:
        if envelope is None or record.payload is None:
            raise PayloadMissing("the vault has nothing in this slot: it expired, or was never there")
        return self.client.vault.seals.open(own_slot(record.id, "payload", record.payload), envelope)

    def _place(self, ready: Sequence["Routed"]) -> None:
        if not ready:
            return
        plans = [routed.plan for routed in ready if routed.plan]
        try:
            refused = self.placement.carry_out(plans)
        except Unavailable as exc:
            for routed in ready:
                audit.delayed(routed.record.id, exc)
            return
        except Exception as exc:  # noqa: BLE001 - as above; those that were placed before it are refused by the ledger
            for routed in ready:
                self._refuse_late(routed.record, f"the router failed with {type(exc).__name__}")
            return
        finally:
            self.loads.settled(map(placed_as, plans))
        for routed, why in zip(ready, refused, strict=True):
            if why is not None:
                audit.raced(routed.record.id)
        self._afterwards([routed for routed, why in zip(ready, refused, strict=True) if why is None])

    def _afterwards(self, placed: Sequence["Routed"]) -> None:
        """What follows decisions that count. None of it can undo a placement."""
        self.decisions.add_all([(routed.record.id, routed.decision) for routed in placed])
        for routed in placed:
            self.circumstances.remember(routed.decision, policy=routed.policy)
            if routed.decision.lanes:
                self.shadows.follow(
                    routed.record, routed.job, routed.decision, policy=routed.policy, redaction=routed.redaction
                )

    def _refuse(self, record: Record, reason: Reason, cause: str) -> None:
        self.placement.refuse(record, reason, cause[:MAX_CAUSE_CHARS])


@dataclass(frozen=True, kw_only=True)
class Routed:
    """A job that was decided on."""

    record: Record
    job: Job = field(repr=False)
    decision: Decision
    policy: Policy = field(repr=False)
    redaction: Redaction | None = field(repr=False)
    plan: Plan | None = field(default=None, repr=False)


def placed_as(plan: Plan) -> Placed:
    """What the lane's line will know it by."""
    return Placed(plan.lane, plan.record.tenant, plan.record.latency)


def register(app: Celery, routing: Routing) -> None:
    """Make the tasks known to this process's app, and to no other."""

    @app.task(name=ROUTE_TASK, shared=False, send_events=False)  # type: ignore[untyped-decorator]
    def route(job_id: str) -> None:
        routing.route(job_id)

    # The text exists nowhere else until this task has run: its message is kept until then.
    @app.task(name=SUBMIT_TASK, bind=True, shared=False, acks_late=True, ignore_result=False)  # type: ignore[untyped-decorator]
    def submit(self: Any, job: Any) -> dict[str, str]:
        job_id = plain_id(str(self.request.id))
        routing.submit(job_id, job)
        return {"job_id": job_id}
