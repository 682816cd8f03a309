"""Client: how a backend service submits jobs and reads results.

client = Client()
job_id = client.submit(Job(text="What is the sentiment of this review? …"))
print(client.result(job_id, timeout_s=60).text)
"""

import asyncio
import contextlib
import hashlib
import hmac
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from tidegate import connections, keychecks, storecheck
from tidegate.doorbell import Doorbell, queue_priority
from tidegate.errors import (
    BrokerUnavailable,
    IdempotencyConflict,
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
from tidegate.ledger.replicas import await_replicas
from tidegate.ledger.states import State
from tidegate.ledger.store import Accepted, Keep, Ledger, NewJob
from tidegate.livekeys import rings
from tidegate.redaction import Placeholders, restored_result
from tidegate.result import JobResult
from tidegate.settings import Settings, load
from tidegate.submission import Wish, checked_id, id_for, in_parts, parse_job, parse_jobs, wire_form
from tidegate.vault import Seals, Vault, new_slot, own_slot

_KEEP_BEYOND_DEADLINE_S = 3600
"""A payload outlives its deadline a little: the janitor, not the vault, ends a job."""


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
        self._take_in([Wish(job_id, body, job)], admitted=admitted)
        return job_id

    def submit_many(self, jobs: Iterable[Job | Mapping[str, Any] | str]) -> list[str]:
        """Submit each job; all are checked before the first is sent. Returns the ids in order.

        A SubmitRefused in the middle names those that are `accepted`: only the rest is to be sent again.
        """
        most = self._settings.max_job_bytes
        wishes = [
            Wish(id_for(job, secret=self._fingerprint_key), wire_form(job, max_bytes=most), job)
            for job in parse_jobs(jobs, max_bytes=most)
        ]
        ids: list[str] = []
        for some in in_parts(wishes):
            try:
                self._take_in(some)
            except SubmitRefused as exc:
                before = (*ids, *exc.accepted)
                raise SubmitRefused(
                    str(exc), limit=exc.limit, retry_after_s=exc.retry_after_s, accepted=before
                ) from None
            ids += [wish.job_id for wish in some]
        return ids

    def result(self, job_id: str, *, timeout_s: float = 60.0) -> JobResult:
        """Wait for the end. Raises JobFailed where there is no result, ResultTimeout, UnknownJob."""
        return self._opened(watch.end(self.ledger, job_id, timeout_s=timeout_s))

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
        self._take_in([Wish(job_id, body[: self._settings.max_job_bytes], Job(text="malformed"))], admitted=True)

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

    def _take_in(self, wishes: Sequence[Wish], *, admitted: bool = False) -> None:
        """Put jobs on record in one round trip, and wake the router where that is needed."""
        # At first, when the key changes, and now and then: it may have been retired.
        checked = (self._rings[Zone.INSIDE].sealing[0], int(time.monotonic() / keychecks.AGAIN_S))
        if self._keys_checked != checked:
            storecheck.check(self.ledger.redis)
            keychecks.check(self.ledger.redis, self._rings.values())
            self._keys_checked = checked
        new = [self._on_record(wish, admitted=admitted) for wish in wishes]
        found = self._accepted(new)
        await_replicas(
            self.ledger.redis,
            [job.job_id for job, one in zip(new, found, strict=True) if isinstance(one, Accepted)],
            replicas=self._settings.store_replicas,
            timeout_s=self._settings.store_timeout_s,
        )
        for wish, one in zip(wishes, found, strict=True):
            if isinstance(one, Accepted) and one.ring:
                # The job is safe: where the wake-up fails, the janitor sends it.
                with contextlib.suppress(BrokerUnavailable):
                    self.doorbell.ring_router(wish.job_id, priority=_priority(wish.job))
        _tell_refused(new, found)

    def _on_record(self, wish: Wish, *, admitted: bool) -> NewJob:
        slot = new_slot(wish.job_id, "payload")
        hints = wish.job.hints
        return NewJob(
            job_id=wish.job_id,
            slot=slot,
            envelope=self.vault.seals.seal(Zone.INSIDE, slot, wish.body),
            keep_s=int(hints.deadline_s) + _KEEP_BEYOND_DEADLINE_S,
            deadline_s=hints.deadline_s,
            look_in_s=self._settings.nudge_s,
            fields={
                "tenant": wish.job.tenant,
                "latency": hints.latency,
                "priority": str(_priority(wish.job)),
                "fingerprint": hmac.new(self._fingerprint_key, wish.body, hashlib.sha256).hexdigest()[:32],
            },
            admitted=admitted,
        )

    def _accepted(self, jobs: Sequence[NewJob]) -> list[Accepted | SubmitRefused]:
        try:
            return self.ledger.accept_all(jobs)
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
        async for seen in watch.records_async(self._redis, self._client.ledger, job_id, timeout_s=timeout_s):
            record = seen
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


def _tell_refused(jobs: Sequence[NewJob], found: Sequence[Accepted | SubmitRefused]) -> None:
    """Raises IdempotencyConflict or SubmitRefused for the first job that was not taken as it is."""
    for index, (job, one) in enumerate(zip(jobs, found, strict=True)):
        if isinstance(one, SubmitRefused):
            before = tuple(earlier.job_id for earlier in jobs[:index])
            raise SubmitRefused(str(one), limit=one.limit, retry_after_s=one.retry_after_s, accepted=before)
        if not one.created and one.fingerprint != job.fields["fingerprint"]:
            raise IdempotencyConflict(f"job {job.job_id} is on record with other content under this idempotency key")


def _priority(job: Job) -> int:
    return queue_priority(latency=job.hints.latency, priority=job.hints.priority)
