"""InMemoryClient: a client for a backend's own tests. No broker, no store, no keys, no network.

>>> from tidegate import Job
>>> from tidegate.testing import InMemoryClient
>>> client = InMemoryClient(answer=lambda job: f"positive: {job.text}")
>>> job_id = client.submit(Job(text="Lovely!", idempotency_key="review-17"))
>>> client.result(job_id).text
'positive: Lovely!'

Jobs are checked and idempotency keys honoured exactly as by `tidegate.Client`. What becomes of a job is up to the test:
a text, an `Answer`, or an `Outcome` such as `dead(Reason.CONTENT_REFUSED)` or `unfinished()`.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.doorbell import queue_priority
from tidegate.errors import Conflict, IdempotencyConflict, JobFailed, Reason, ResultTimeout, UnknownJob
from tidegate.job import Job
from tidegate.lane import Zone
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.redaction import Placeholders, restored_result
from tidegate.result import Answer, JobResult, Timings
from tidegate.settings import Settings
from tidegate.submission import checked_id, id_for, parse_job, parse_jobs, wire_form

LANE = "in-memory"
"""The lane that records and results of these clients name."""

_ID_SECRET = b"in-memory"

_MAX_JOB_BYTES: int = Settings.model_fields["max_job_bytes"].default


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What becomes of a job; made by the functions below."""

    state: State
    answer: Answer | None = None
    reason: Reason | None = None
    cause: str | None = None
    placeholders: Placeholders | None = None
    """What the answer's placeholders stand for, where the job ran outside on a redacted copy."""


def success(answer: str | Answer) -> Outcome:
    """The job succeeds with this text, or with this answer in full."""
    return Outcome(
        state=State.SUCCEEDED,
        answer=answer if isinstance(answer, Answer) else Answer(text=answer, model=LANE),
    )


def redacted(answer: str | Answer, values: Mapping[str, str]) -> Outcome:
    """The job succeeds outside on a redacted copy; `{"PERSON_1": "Anna"}` is what the answer gets back."""
    return replace(success(answer), placeholders=Placeholders(values=dict(values)))


def dead(reason: Reason, cause: str = "a test says so") -> Outcome:
    """The job becomes a dead letter."""
    return Outcome(state=State.DEAD, reason=reason, cause=cause)


def expired() -> Outcome:
    """The deadline passes before the job ends."""
    return Outcome(state=State.EXPIRED, reason=Reason.EXPIRED, cause="the deadline passed before the job ended")


def unfinished() -> Outcome:
    """The job stays where it is until it is cancelled or the test calls `finish`."""
    return Outcome(state=State.ACCEPTED)


Reply = str | Answer | Outcome
Answers = Reply | Mapping[str, Reply] | Callable[[Job], Reply]
"""The same for every job, or by the text of the job's last turn, or as a function says."""


class InMemoryClient:
    """The surface of `tidegate.Client`; thread-safe. A job's end is decided while it is submitted."""

    def __init__(self, *, answer: Answers = "ok", max_job_bytes: int = _MAX_JOB_BYTES) -> None:
        self.jobs: dict[str, Job] = {}
        """Every job that was accepted, by id, in order: for the test to look at."""
        self._answer = answer
        self._max_job_bytes = max_job_bytes
        self._records: dict[str, Record] = {}
        self._results: dict[str, JobResult] = {}
        self._changed = threading.Condition(threading.RLock())

    def submit(self, job: Job | Mapping[str, Any] | str, *, job_id: str | None = None) -> str:
        """See Client.submit."""
        job = parse_job(job)
        wire_form(job, max_bytes=self._max_job_bytes)
        job_id = checked_id(job_id) if job_id is not None else id_for(job, secret=_ID_SECRET)
        with self._changed:
            present = self.jobs.get(job_id)
            if present is None:
                self._accept(job_id, job, _outcome(self._answer, job))
            elif present != job:
                raise IdempotencyConflict(f"job {job_id} is on record with other content under this idempotency key")
        return job_id

    def submit_many(self, jobs: Iterable[Job | Mapping[str, Any] | str]) -> list[str]:
        """See Client.submit_many."""
        return [self.submit(job) for job in parse_jobs(jobs, max_bytes=self._max_job_bytes)]

    def result(self, job_id: str, *, timeout_s: float = 60.0) -> JobResult:
        """See Client.result."""
        for _ in self.stream_states(job_id, timeout_s=timeout_s):
            pass
        record = self.record(job_id)
        if record.state is not State.SUCCEEDED:
            raise JobFailed(job_id, state=record.state, reason=record.reason, cause=record.cause)
        return self._results[job_id]

    def stream_states(self, job_id: str, *, timeout_s: float = 60.0) -> Iterator[State]:
        """See Client.stream_states."""
        until, state = time.monotonic() + timeout_s, self.record(job_id).state
        yield state
        while not state.ended:
            before = state
            with self._changed:
                self._changed.wait_for(lambda: self._records[job_id].state is not before, until - time.monotonic())  # noqa: B023 - called in this turn only
                state = self._records[job_id].state
            if state is before:
                raise ResultTimeout(f"job {job_id} is {state} after {timeout_s:g} s")
            yield state

    def cancel(self, job_id: str) -> None:
        """See Client.cancel."""
        self._end(job_id, Outcome(state=State.CANCELLED))

    def record(self, job_id: str) -> Record:
        """See Client.record."""
        with self._changed:
            if job_id not in self._records:
                raise UnknownJob(f"no job {job_id} is on record")
            return self._records[job_id]

    def finish(self, job_id: str, reply: Reply) -> None:
        """End a job that was left unfinished. Raises Conflict where it has ended, UnknownJob."""
        self._end(job_id, _as_outcome(reply))

    def _accept(self, job_id: str, job: Job, outcome: Outcome) -> None:
        now = time.time()
        self.jobs[job_id] = job
        self._records[job_id] = Record(
            id=job_id,
            state=State.ACCEPTED,
            rev=1,
            tenant=job.tenant,
            latency=job.hints.latency,
            priority=queue_priority(latency=job.hints.latency, priority=job.hints.priority),
            accepted_at=now,
            updated_at=now,
            deadline_at=now + job.hints.deadline_s,
            deadline_s=job.hints.deadline_s,
        )
        if outcome.state.ended:
            self._end(job_id, outcome)

    def _end(self, job_id: str, outcome: Outcome) -> None:
        with self._changed:
            record, now = self.record(job_id), time.time()
            if record.state.ended or not outcome.state.ended:
                raise Conflict(f"{outcome.state} refused: job {job_id} is {record.state} at revision {record.rev}")
            changes: dict[str, Any] = {
                "state": outcome.state,
                "rev": record.rev + 1,
                "updated_at": now,
                "ended_at": now,
            }
            if outcome.answer is not None:
                result = self._results[job_id] = _result(record, outcome, outcome.answer, now=now)
                changes |= {"lane": LANE, "zone": result.zone.value, "attempts": 1, "model": result.model}
            if outcome.reason is not None:
                changes |= {"reason": outcome.reason.value, "cause": outcome.cause}
            self._records[job_id] = record.model_copy(update=changes)
            self._changed.notify_all()


class AsyncInMemoryClient:
    """The surface of `tidegate.AsyncClient`. Shares its jobs with the InMemoryClient that it is given, if any."""

    def __init__(self, client: InMemoryClient | None = None, *, answer: Answers = "ok") -> None:
        self.client = client or InMemoryClient(answer=answer)

    async def submit(self, job: Job | Mapping[str, Any] | str, *, job_id: str | None = None) -> str:
        """See Client.submit."""
        return self.client.submit(job, job_id=job_id)

    async def submit_many(self, jobs: Iterable[Job | Mapping[str, Any] | str]) -> list[str]:
        """See Client.submit_many."""
        return self.client.submit_many(jobs)

    async def result(self, job_id: str, *, timeout_s: float = 60.0) -> JobResult:
        """See Client.result."""
        return await asyncio.to_thread(self.client.result, job_id, timeout_s=timeout_s)

    async def stream_states(self, job_id: str, *, timeout_s: float = 60.0) -> AsyncIterator[State]:
        """See Client.stream_states."""
        states = self.client.stream_states(job_id, timeout_s=timeout_s)
        while (state := await asyncio.to_thread(next, states, None)) is not None:
            yield state

    async def cancel(self, job_id: str) -> None:
        """See Client.cancel."""
        self.client.cancel(job_id)

    async def record(self, job_id: str) -> Record:
        """See Client.record."""
        return self.client.record(job_id)

    async def aclose(self) -> None:
        """Nothing is open."""


def _outcome(answer: Answers, job: Job) -> Outcome:
    """What the test says about this job. What its function raises goes to the test, and the job is not accepted."""
    if isinstance(answer, Mapping):
        turns = job.turns()
        text = turns[-1].text if turns else ""
        if text not in answer:
            raise LookupError("the test gave no answer for the text of this job's last turn")
        return _as_outcome(answer[text])
    return _as_outcome(answer(job) if callable(answer) else answer)


def _as_outcome(reply: Reply) -> Outcome:
    return reply if isinstance(reply, Outcome) else success(reply)


def _result(record: Record, outcome: Outcome, answer: Answer, *, now: float) -> JobResult:
    took_s = max(0.0, now - record.accepted_at)
    result = JobResult(
        job_id=record.id,
        text=answer.text,
        finish_reason=answer.finish_reason,
        usage=answer.usage,
        cost_usd=0.0,
        lane=LANE,
        zone=Zone.OUTSIDE if outcome.placeholders else Zone.INSIDE,
        model=answer.model,
        attempts=1,
        timings=Timings(queued_s=0.0, run_s=took_s, total_s=took_s),
        embeddings=answer.embeddings,
        confidence=answer.confidence,
        tool_calls=answer.tool_calls,
        logprobs=answer.logprobs,
    )
    return restored_result(result, outcome.placeholders) if outcome.placeholders else result
