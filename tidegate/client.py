"""Client: how a backend service submits jobs and reads results.

client = Client()
job_id = client.submit(Job(text="What is the sentiment of this review? …"))
print(client.result(job_id, timeout_s=60).text)
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import re
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from tidegate import connections, keychecks, storecheck
from tidegate.doorbell import Doorbell, queue_priority
from tidegate.errors import (
    BrokerUnavailable,
    IdempotencyConflict,
    InvalidJob,
    JobFailed,
    PayloadMissing,
    SealBroken,
    StorageFull,
    StoreUnavailable,
    SubmitRefused,
    UnknownJob,
)
from tidegate.job import Job
from tidegate.lane import Zone
from tidegate.ledger import states, watch
from tidegate.ledger.admission import Limits
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.states import State
from tidegate.ledger.store import Accepted, Keep, Ledger
from tidegate.livekeys import rings
from tidegate.redaction import Placeholders, restored_result
from tidegate.result import JobResult
from tidegate.settings import Settings, load
from tidegate.value import Value, problems
from tidegate.vault import Seals, Vault, new_slot, own_slot

_KEEP_BEYOND_DEADLINE_S = 3600
"""A payload outlives its deadline a little: the janitor, not the vault, ends a job."""


_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""No colon: `<id>:history` would be another job's history."""


class Client:
    """Thread-safe. A job that `submit` returned an id for is on record and will end."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or load()
        where = connections.addresses(self._settings)
        self._where = where
        redis = connections.connect(where.store, timeout_s=self._settings.store_timeout_s)
        self.ledger = Ledger(
            redis,
            keep=Keep(result_s=self._settings.result_keep_s, dead_s=self._settings.dead_keep_s),
            limits=Limits.of(self._settings),
        )
        self._rings = rings(self._settings, *Zone)
        self._keys_checked: tuple[str, int] | None = None
        self._fingerprint_key = self._rings[Zone.INSIDE].naming
        self.vault = Vault(redis, Seals(self._rings))
        from tidegate.messaging import celery_app  # noqa: PLC0415 - Celery takes a third of a second to import

        self.doorbell = Doorbell(celery_app(self._settings, where))

    def submit(self, job: Job | Mapping[str, Any] | str, *, job_id: str | None = None) -> str:
        """Put a job on record and wake the router. Returns the job's id.

        The same idempotency key (or id) again returns the first job's id. Raises InvalidJob,
        IdempotencyConflict, SubmitRefused, StoreUnavailable, StorageFull; after any of them nothing is half done.
        """
        return self._submit(job, job_id=job_id)

    def _submit(self, job: Job | Mapping[str, Any] | str, *, job_id: str | None, admitted: bool = False) -> str:
        job = parse_job(job)
        body = wire_form(job, max_bytes=self._settings.max_job_bytes)
        job_id = checked_id(job_id) if job_id is not None else id_for(job, secret=self._fingerprint_key)
        if self._accept(job_id, body, job, admitted=admitted):
            # The job is safe: where the wake-up fails, the janitor sends it.
            with contextlib.suppress(BrokerUnavailable):
                self.doorbell.ring_router(job_id, priority=_priority(job))
        return job_id

    def submit_many(self, jobs: Iterable[Job | Mapping[str, Any] | str]) -> list[str]:
        """Submit each job; all are checked before the first is sent. Returns the ids in order.

        A SubmitRefused in the middle names those that are `accepted`: only the rest is to be sent again.
        """
        ids: list[str] = []
        try:
            for job in parse_jobs(jobs, max_bytes=self._settings.max_job_bytes):
                ids.append(self.submit(job))  # noqa: PERF401 - what went in must be known where the next is refused
        except SubmitRefused as exc:
            raise SubmitRefused(
                str(exc), limit=exc.limit, retry_after_s=exc.retry_after_s, accepted=tuple(ids)
            ) from None
        return ids

    def result(self, job_id: str, *, timeout_s: float = 60.0) -> JobResult:
        """Wait for the end. Raises JobFailed where there is no result, ResultTimeout, UnknownJob."""
        for _ in self.stream_states(job_id, timeout_s=timeout_s):
            pass
        return self._opened(self.ledger.get(job_id))

    def stream_states(self, job_id: str, *, timeout_s: float = 60.0) -> Iterator[State]:
        """Each state that the job is seen in, until its end."""
        return watch.states(self.ledger, job_id, timeout_s=timeout_s)

    def cancel(self, job_id: str) -> None:
        """Give the job up. Raises Conflict where it has ended already, UnknownJob."""
        self.ledger.apply(job_id, states.cancel(by="producer"))

    def record(self, job_id: str) -> Record:
        """What the ledger knows: state, lane, decision, reason; never text."""
        return self.ledger.get(job_id)

    def take_in(self, job: Job | Mapping[str, Any] | str, *, job_id: str) -> None:
        """Put on record what came by message. It lies in the broker already, so there is no refusing it for room."""
        self._submit(job, job_id=job_id, admitted=True)

    def take_in_malformed(self, job_id: str, body: bytes) -> None:
        """Put on record what came by message and is no job: the router makes it a dead letter that says why."""
        if self._accept(job_id, body[: self._settings.max_job_bytes], Job(text="malformed"), admitted=True):
            with contextlib.suppress(BrokerUnavailable):
                self.doorbell.ring_router(job_id, priority=queue_priority(latency="interactive", priority=5))

    def close(self) -> None:
        """Close the connections."""
        self.ledger.redis.close()
        self.doorbell.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self, job_id: str, body: bytes, job: Job, *, admitted: bool) -> bool:
        # At first, when the key changes, and now and then: it may have been retired.
        checked = (self._rings[Zone.INSIDE].sealing[0], int(time.monotonic() / keychecks.AGAIN_S))
        if self._keys_checked != checked:
            storecheck.check(self.ledger.redis)
            keychecks.check(self.ledger.redis, self._rings.values())
            self._keys_checked = checked
        slot = new_slot(job_id, "payload")
        fingerprint = hmac.new(self._fingerprint_key, body, hashlib.sha256).hexdigest()[:32]
        accepted = self._on_record(
            job_id,
            slot=slot,
            envelope=self.vault.seals.seal(Zone.INSIDE, slot, body),
            keep_s=int(job.hints.deadline_s) + _KEEP_BEYOND_DEADLINE_S,
            deadline_s=job.hints.deadline_s,
            look_in_s=self._settings.nudge_s,
            fields={
                "tenant": job.tenant,
                "latency": job.hints.latency,
                "priority": str(_priority(job)),
                "fingerprint": fingerprint,
            },
            admitted=admitted,
        )
        if not accepted.created and accepted.fingerprint != fingerprint:
            raise IdempotencyConflict(f"job {job_id} is on record with other content under this idempotency key")
        return accepted.created

    def _on_record(self, job_id: str, **details: Any) -> Accepted:
        try:
            return self.ledger.accept(job_id, **details)
        except StoreUnavailable:
            # With every write flushed, a server whose disk is full stops instead of answering so.
            folder = self._settings.data
            if self._where.embedded and shutil.disk_usage(folder).free < self._settings.max_job_bytes:
                raise StorageFull(f"{folder}: the disk is full, so the store stopped; free some space there") from None
            raise

    def _opened(self, record: Record) -> JobResult:
        if record.shadow_of is not None:
            raise UnknownJob(f"job {record.id} is a copy for comparison: nobody gets its result")
        if record.state is not State.SUCCEEDED:
            raise JobFailed(record.id, state=record.state, reason=record.reason, cause=record.cause)
        if record.result is None:
            raise PayloadMissing(f"the result of job {record.id} is no longer kept")
        try:
            answer = self.vault.get(own_slot(record.id, "result", record.result))
            return with_values(JobResult.from_json(answer), record, self.vault)
        except SealBroken as exc:
            Refusals(self.ledger.redis).met(exc, job_id=record.id)
            raise


class AsyncClient:
    """The same for asyncio. Short calls run in threads; waiting is done on the event loop."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or load()
        self._client = Client(self._settings)
        store = connections.addresses(self._settings).store
        self._redis = connections.connect_async(store, timeout_s=self._settings.store_timeout_s)

    async def submit(self, job: Job | Mapping[str, Any] | str, *, job_id: str | None = None) -> str:
        """See Client.submit."""
        return await asyncio.to_thread(self._client.submit, job, job_id=job_id)

    async def submit_many(self, jobs: Iterable[Job | Mapping[str, Any] | str]) -> list[str]:
        """See Client.submit_many."""
        return await asyncio.to_thread(self._client.submit_many, list(jobs))

    async def result(self, job_id: str, *, timeout_s: float = 60.0) -> JobResult:
        """See Client.result."""
        async for _ in self.stream_states(job_id, timeout_s=timeout_s):
            pass
        record = await asyncio.to_thread(self._client.record, job_id)
        return await asyncio.to_thread(self._client._opened, record)  # noqa: SLF001 - the same file's other half

    def stream_states(self, job_id: str, *, timeout_s: float = 60.0) -> AsyncIterator[State]:
        """See Client.stream_states."""
        return watch.states_async(self._redis, self._client.ledger, job_id, timeout_s=timeout_s)

    async def cancel(self, job_id: str) -> None:
        """See Client.cancel."""
        await asyncio.to_thread(self._client.cancel, job_id)

    async def record(self, job_id: str) -> Record:
        """See Client.record."""
        return await asyncio.to_thread(self._client.record, job_id)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await asyncio.to_thread(self._client.close)


def with_values(result: JobResult, record: Record, vault: Vault) -> JobResult:
    """A result with the values in place of what a redacted copy had for them. Raises PayloadMissing, SealBroken."""
    if record.placeholders is None or result.zone is not Zone.OUTSIDE:
        return result  # a lane inside has seen the job as it is
    try:
        placeholders = Placeholders.from_json(vault.get(own_slot(record.id, "placeholders", record.placeholders)))
    except PayloadMissing:
        raise PayloadMissing(f"the values of job {record.id} are no longer kept, and its result without them") from None
    return restored_result(result, placeholders)


def parse_job(job: Job | Mapping[str, Any] | str) -> Job:
    """A Job from a Job, a mapping or its JSON. Raises InvalidJob that names each field."""
    if isinstance(job, Job):
        return job
    try:
        # A mapping is read as its JSON: so "5" is no number here either, and an enum may be written as a string.
        return Job.from_json(job if isinstance(job, str) else json.dumps(dict(job), default=_as_json))
    except ValidationError as exc:
        raise InvalidJob(problems(exc)) from None
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidJob((f"(the whole): cannot be written as JSON ({type(exc).__name__})",)) from None


def parse_jobs(jobs: Iterable[Job | Mapping[str, Any] | str], *, max_bytes: int) -> list[Job]:
    """Each as a Job. Raises InvalidJob with what is wrong with any of them."""
    checked, wrong = [], []
    for index, job in enumerate(jobs):
        try:
            checked.append(parse_job(job))
            wire_form(checked[-1], max_bytes=max_bytes)
        except InvalidJob as exc:
            wrong += [f"[{index}].{problem}" for problem in exc.problems]
    if wrong:
        raise InvalidJob(tuple(wrong))
    return checked


def wire_form(job: Job, *, max_bytes: int) -> bytes:
    """What is sealed. Raises InvalidJob where it is too much."""
    body = job.to_json().encode()
    if len(body) > max_bytes:
        raise InvalidJob((f"(the whole): {len(body)} bytes; at most {max_bytes}",))
    return body


def id_for(job: Job, *, secret: bytes) -> str:
    """A fresh id, or the one that an idempotency key always gives within its tenant.

    Ids stand in logs and go to providers, and an idempotency key may be guessable (an e-mail address): without the
    secret nobody can try one.
    """
    if job.idempotency_key is None:
        return uuid.uuid4().hex
    named = f"{job.tenant}\0{job.idempotency_key}".encode(errors="surrogatepass")
    return hmac.new(secret, named, hashlib.sha256).hexdigest()[:32]


def checked_id(given: str) -> str:
    """An id that the caller chose. Raises InvalidJob where it could not stand in a key or a log line."""
    if plain_id(given) != given:
        raise InvalidJob(("job_id: 1 to 64 letters, digits, '-', '_' and '.' are an id",))
    return given


def plain_id(given: str) -> str:
    """An id as it was given, or its hash where it could not stand in a key or a log line as it is."""
    return (
        given if _PLAIN_ID.fullmatch(given) else hashlib.sha256(given.encode(errors="surrogatepass")).hexdigest()[:32]
    )


def _as_json(value: Any) -> Any:
    """A message or a part of one may stand in a mapping as the value that it is."""
    if isinstance(value, Value):
        return value.model_dump(mode="json", exclude_none=True)
    raise TypeError(type(value).__name__)


def _priority(job: Job) -> int:
    return queue_priority(latency=job.hints.latency, priority=job.hints.priority)
