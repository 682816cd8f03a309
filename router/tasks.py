"""The router's two tasks: take a job in by message, and route one that is on record.

Routing is stateless and may happen twice: the ledger takes the first placement and refuses the second.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import Celery
from celery.exceptions import Reject
from pydantic import ValidationError

from router import audit
from router.asked import asked_first
from router.circumstances import Circumstances
from router.inspection import Inspector
from router.placement import Placement
from router.policy.loader import Policy
from router.prompts import Prompts, resolve
from router.recorded import Decisions
from router.redaction.decided import Decide, Redacts, decided
from router.redaction.outcome import Redaction
from router.shadow import Shadows
from tidegate.client import Client, plain_id
from tidegate.decision import Decision
from tidegate.errors import (
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
from tidegate.ledger.census import Census
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.states import State
from tidegate.names import ROUTE_TASK, SUBMIT_TASK
from tidegate.value import problems_on_record
from tidegate.vault import own_slot

PATIENCE_S = 1.0
"""Between two tries to take a job in: a store that restarts needs about as long."""


MAX_CAUSE_CHARS = 1000
"""A list of ten thousand wrong items is one mistake: the record and the log say how it begins."""


@dataclass(frozen=True, kw_only=True)
class Routing:
    """One job through open, inspect, decide, place."""

    client: Client
    inspector: Inspector
    prompts: Prompts
    census: Census
    policy: Callable[[str], Policy]
    """The policy in force for a tenant. May raise Unavailable: then the job waits."""
    circumstances: Circumstances
    decide: Decide
    redactor: Redacts
    placement: Placement
    shadows: Shadows
    decisions: Decisions

    def route(self, job_id: str) -> None:
        """Place a job that is accepted. Anything else about it is somebody else's by now."""
        try:
            record = self.client.record(job_id)
            if record.state is State.ACCEPTED and record.shadow_of:
                # Its router died before it was placed, or somebody redrove it: it is not worth a decision of its own.
                self.client.ledger.apply(job_id, states.cancel())
            elif record.state is State.ACCEPTED:
                self._route_or_refuse(record)
        except (Conflict, UnknownJob):
            audit.raced(job_id)
        except Unavailable as exc:
            audit.delayed(job_id, exc)  # the janitor wakes us again

    def submit(self, job_id: str, job: Any) -> None:
        """Take in a job that travelled in a message. What is malformed becomes a dead letter, so its sender can see."""
        try:
            self._take_in(job_id, job)
        except IdempotencyConflict:
            audit.raced(job_id)
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

    def _route_or_refuse(self, record: Record) -> None:
        try:
            self._route(record)
        except (Conflict, UnknownJob, Unavailable):
            raise
        except Exception as exc:  # noqa: BLE001 - a bug must end in a dead letter that says so, not in silence
            self._refuse(record, Reason.ROUTING_FAILED, f"the router failed with {type(exc).__name__}")

    def _route(self, record: Record) -> None:
        try:
            given = Job.from_json(self.client.vault.get(own_slot(record.id, "payload", record.payload or "")))
            job = resolve(given, self.prompts)
        except ValidationError as exc:
            return self._refuse(record, Reason.MALFORMED, "; ".join(problems_on_record(exc, model=Job)))
        except InvalidJob as exc:
            return self._refuse(record, Reason.MALFORMED, str(exc))
        except (PayloadMissing, SealBroken) as exc:
            Refusals(self.client.ledger.redis).met(exc, job_id=record.id)
            return self._refuse(record, Reason.PAYLOAD_MISSING, str(exc))
        policy = self.policy(job.tenant)
        signals = self.inspector.inspect(job, load=self.census.loads(policy.lanes), rules=policy.sensitivity)
        around = self.circumstances.around(job, signals, job_id=record.id, policy=policy)
        decision, redaction = decided(job, around, policy, decide=self.decide, redactor=self.redactor)
        audit.decided(record, decision)
        asked = asked_first(decision, record.asked_lane)
        self.placement.place(record, job, asked, rewritten=job is not given, redaction=redaction)
        self._afterwards(record, job, decision, policy, redaction)
        return None

    def _afterwards(
        self, record: Record, job: Job, decision: Decision, policy: Policy, redaction: Redaction | None
    ) -> None:
        """What follows a decision that counts. None of it can undo the placement."""
        self.decisions.add(record.id, decision)
        self.circumstances.remember(decision, policy=policy)
        if decision.lanes:
            self.shadows.follow(record, job, decision, policy=policy, redaction=redaction)

    def _refuse(self, record: Record, reason: Reason, cause: str) -> None:
        self.placement.refuse(record, reason, cause[:MAX_CAUSE_CHARS])


def register(app: Celery, routing: Routing) -> None:
    """Make the tasks known to this process's app, and to no other."""

    @app.task(name=ROUTE_TASK, shared=False)  # type: ignore[untyped-decorator]
    def route(job_id: str) -> None:
        routing.route(job_id)

    # The text exists nowhere else until this task has run: its message is kept until then.
    @app.task(name=SUBMIT_TASK, bind=True, shared=False, acks_late=True, ignore_result=False)  # type: ignore[untyped-decorator]
    def submit(self: Any, job: Any) -> dict[str, str]:
        job_id = plain_id(str(self.request.id))
        routing.submit(job_id, job)
        return {"job_id": job_id}
