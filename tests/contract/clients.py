"""Every client as one: on a real store with a worker that does as it is told, and in memory; sync and async."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from doubles import SECRET, RecordingDoorbell

from tidegate import AsyncClient, Client, Job, JobResult, State
from tidegate.errors import Reason
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.line import Idle
from tidegate.ledger.record import Record
from tidegate.ledger.store import Ledger
from tidegate.result import Answer, Timings, Usage
from tidegate.settings import Settings
from tidegate.testing import AsyncInMemoryClient, InMemoryClient, Outcome, Reply, dead, expired, success, unfinished
from tidegate.vault import Vault, new_slot

MAX_BYTES = 4_000
BOUND_S = 30.0
"""More than any wait of these tests that ends well."""
ANSWER = Answer(text="positive", model="m-1", usage=Usage(prompt_tokens=3, completion_tokens=1))
REPLIES: dict[str, Reply] = {
    "good": ANSWER,
    "refused": dead(Reason.CONTENT_REFUSED, "ContentRefused on local"),
    "late": expired(),
    "open": unfinished(),
    SECRET: dead(Reason.MALFORMED, "MalformedAnswer on local"),
}


def told(job: Job) -> Reply:
    """What becomes of a job, by its text."""
    return REPLIES.get(job.turns()[-1].text, "other")


class Side(Protocol):
    """A client as the suite uses it, all calls synchronous."""

    def submit(self, job: Any, *, job_id: str | None = None) -> str:
        """See Client."""

    def submit_many(self, jobs: Any) -> list[str]:
        """See Client."""

    def result(self, job_id: str, *, timeout_s: float = BOUND_S) -> JobResult:
        """See Client."""

    def cancel(self, job_id: str) -> None:
        """See Client."""

    def record(self, job_id: str) -> Record:
        """See Client."""

    def watch(self, job_id: str, then: Callable[[State], None], *, timeout_s: float = BOUND_S) -> None:
        """Call back for each state."""

    def finish(self, job_id: str, reply: Reply) -> None:
        """Bring an unfinished job to an end."""


class Obedient(RecordingDoorbell):
    """A router and a worker in one: what is rung for is done at once, through the real ledger and vault."""

    def __init__(self, ledger: Ledger, vault: Vault) -> None:
        super().__init__()
        self.ledger = ledger
        self.vault = vault

    def ring_router(self, job_id: str, *, priority: int) -> None:
        """Do what the suite says about each job in the intake, as a router does that was woken for one."""
        super().ring_router(job_id, priority=priority)
        found = self.ledger.line.collect(most=100, most_bytes=10**6, look_in_s=9.0, woken=True)
        for record, _ in () if isinstance(found, Idle) else found.jobs:
            assert record.payload is not None
            self.finish(record.id, told(Job.from_json(self.vault.get(record.payload))))

    def finish(self, job_id: str, reply: Reply) -> None:
        """Bring a job to an end, as a worker does."""
        outcome = reply if isinstance(reply, Outcome) else success(reply)
        if outcome.state is State.ACCEPTED:
            return
        if outcome.state is State.EXPIRED:
            self.ledger.apply(job_id, states.expire(rev=self.ledger.get(job_id).rev))
            return
        self.ledger.apply(job_id, states.place(lane="local", zone="inside", changes={}, nudge_s=9, note={}))
        fence = self.ledger.apply(job_id, states.claim(worker="w", lease_s=9)).fence
        if outcome.answer is None:
            assert outcome.reason is not None
            died = states.die(
                reason=outcome.reason, cause=outcome.cause or "", sources=frozenset({State.RUNNING}), fence=fence
            )
            self.ledger.apply(job_id, died)
            return
        slot = new_slot(job_id, "result")
        result = JobResult(
            job_id=job_id,
            lane="local",
            zone=Zone.INSIDE,
            attempts=1,
            timings=Timings(queued_s=0.0, run_s=0.0, total_s=0.0),
            **outcome.answer.model_dump(exclude={"usage"}),
            usage=outcome.answer.usage,
        )
        self.vault.put(slot, result.to_json().encode(), zone=Zone.INSIDE, keep_s=100)
        self.ledger.apply(job_id, states.succeed(fence=fence, changes={"result": slot}, note={}))


class Sync:
    """A synchronous client, seen as a side."""

    def __init__(self, client: Any, finish: Callable[[str, Reply], None]) -> None:
        self.finish = finish
        self.submit, self.submit_many = client.submit, client.submit_many
        self.cancel, self.record = client.cancel, client.record
        self._client = client

    def result(self, job_id: str, *, timeout_s: float = BOUND_S) -> JobResult:
        """Wait, but not for ever."""
        found: JobResult = self._client.result(job_id, timeout_s=timeout_s)
        return found

    def watch(self, job_id: str, then: Callable[[State], None], *, timeout_s: float = BOUND_S) -> None:
        """Call back for each state."""
        for state in self._client.stream_states(job_id, timeout_s=timeout_s):
            then(state)


class Async:
    """An asynchronous client, seen as a side: each call is run to its end on one event loop."""

    def __init__(self, client: Any, finish: Callable[[str, Reply], None], runner: asyncio.Runner) -> None:
        self.finish = finish
        self._client = client
        self._run = runner.run

    def submit(self, job: Any, *, job_id: str | None = None) -> str:
        """Submit and wait for the id."""
        return str(self._run(self._client.submit(job, job_id=job_id)))

    def submit_many(self, jobs: Any) -> list[str]:
        """Submit and wait for the ids."""
        return list(self._run(self._client.submit_many(jobs)))

    def result(self, job_id: str, *, timeout_s: float = BOUND_S) -> JobResult:
        """Wait, but not for ever."""
        found: JobResult = self._run(self._client.result(job_id, timeout_s=timeout_s))
        return found

    def cancel(self, job_id: str) -> None:
        """Cancel and wait until it is done."""
        self._run(self._client.cancel(job_id))

    def record(self, job_id: str) -> Record:
        """The record."""
        found: Record = self._run(self._client.record(job_id))
        return found

    def watch(self, job_id: str, then: Callable[[State], None], *, timeout_s: float = BOUND_S) -> None:
        """Call back for each state."""

        async def watching() -> None:
            async for state in self._client.stream_states(job_id, timeout_s=timeout_s):
                then(state)

        self._run(watching())


def in_store(request: pytest.FixtureRequest, _stack: contextlib.ExitStack) -> Side:
    """The client of production."""
    client: Client = request.getfixturevalue("client")
    worker = Obedient(client.ledger, client.vault)
    client.doorbell = worker
    client._settings = client._settings.model_copy(update={"max_job_bytes": MAX_BYTES})
    return Sync(client, worker.finish)


def in_store_async(request: pytest.FixtureRequest, stack: contextlib.ExitStack) -> Side:
    """The same for asyncio."""
    request.getfixturevalue("redis")
    settings: Settings = request.getfixturevalue("settings")
    runner = stack.enter_context(asyncio.Runner())
    client = AsyncClient(settings.model_copy(update={"max_job_bytes": MAX_BYTES}))
    stack.callback(lambda: runner.run(client.aclose()))
    worker = Obedient(client._client.ledger, client._client.vault)
    client._client.doorbell = worker
    return Async(client, worker.finish, runner)


def in_memory(_request: pytest.FixtureRequest, _stack: contextlib.ExitStack) -> Side:
    """The client for backends' tests."""
    client = InMemoryClient(answer=told, max_job_bytes=MAX_BYTES)
    return Sync(client, client.finish)


def in_memory_async(_request: pytest.FixtureRequest, stack: contextlib.ExitStack) -> Side:
    """The same for asyncio."""
    client = InMemoryClient(answer=told, max_job_bytes=MAX_BYTES)
    return Async(AsyncInMemoryClient(client), client.finish, stack.enter_context(asyncio.Runner()))


SIDES: dict[str, Callable[[pytest.FixtureRequest, contextlib.ExitStack], Side]] = {
    "store": in_store,
    "store async": in_store_async,
    "memory": in_memory,
    "memory async": in_memory_async,
}
