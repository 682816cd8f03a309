"""One suite for every client: on a real store with a worker that does as it is told, and in memory; sync and async."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from doubles import SECRET, RecordingDoorbell

from tidegate import AsyncClient, Client, Hints, Job, JobResult, Message, State
from tidegate.connections import StoreClient
from tidegate.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidJob,
    JobFailed,
    PayloadMissing,
    Reason,
    ResultTimeout,
    StoreUnavailable,
    UnknownJob,
)
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
"""More than any wait in this file that ends well."""

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


@pytest.fixture(params=["store", "store async", "memory", "memory async"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Each client in turn."""
    with contextlib.ExitStack() as stack:
        yield SIDES[request.param](request, stack)


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


@pytest.mark.parametrize(
    "job",
    [
        Job(text="good"),
        {"text": "good"},
        '{"text":"good"}',
        {"messages": [{"role": "user", "content": "good"}]},
        {"messages": (Message(role="user", content="good"),)},
        {"text": "good", "hints": {"min_sensitivity": "personal", "deadline_s": 60}, "params": {"stop": ["x"]}},
    ],
    ids=["job", "mapping", "json", "messages", "message values", "everything"],
)
def test_a_job_comes_back_as_its_result(side: Side, job: Any) -> None:
    """A job may be given as a value, a mapping or JSON; its result carries what the model said and what it took."""
    job_id = side.submit(job)
    result = side.result(job_id)
    assert (result.job_id, result.text, result.model) == (job_id, "positive", "m-1")
    assert result.usage == ANSWER.usage
    assert result.attempts == 1
    assert result.lane
    assert result.timings.total_s >= 0
    assert side.record(job_id).state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("job", "field"),
    [
        ({"text": SECRET, "params": {"max_tokens": "5"}}, "params.max_tokens"),
        ({"text": SECRET, "params": {"temperature": "0.5"}}, "params.temperature"),
        ({"text": SECRET.encode()}, "(the whole)"),
        ({"messages": [{"role": SECRET, "content": "x"}]}, "messages[0].role"),
        ({"text": SECRET, "tenant": SECRET}, "tenant"),
        ({"text": SECRET, "surprise": 1}, "surprise"),
        ({"text": SECRET, "hints": {"deadline_s": float("nan")}}, "hints.deadline_s"),
        ({"text": SECRET, "messages": []}, "(the whole)"),
        ({"text": SECRET * MAX_BYTES}, "(the whole)"),
        ({"text": SECRET, "callback_url": SECRET}, "callback_url"),
        (SECRET, "(the whole)"),
        (json.dumps([SECRET]), "(the whole)"),
        ({}, "(the whole)"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
def test_a_malformed_job_is_told_by_its_field(side: Side, job: Any, field: str) -> None:
    """What breaks the contract is refused with the field's name and never with its value."""
    with pytest.raises(InvalidJob) as caught:
        side.submit(job, job_id="the-id")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [field]
    assert SECRET not in str(caught.value)
    with pytest.raises(UnknownJob):
        side.record("the-id")


def test_many_are_submitted_all_or_none(side: Side) -> None:
    """One malformed or oversized job among many: none is sent, and each is named by its place."""
    with pytest.raises(InvalidJob) as caught:
        side.submit_many([{"text": "good", "idempotency_key": "k"}, {"text": ""}, {"text": "x" * MAX_BYTES}])
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["[1].text", "[2].(the whole)"]
    ids = side.submit_many([{"text": "good", "idempotency_key": "k"}, Job(text="refused")])
    assert side.result(ids[0]).text == "positive"
    assert side.record(ids[1]).state is State.DEAD


def test_the_same_key_is_the_same_job(side: Side) -> None:
    """An idempotency key gives the first job's id again, also after its end, and once only within a tenant."""
    job = Job(text="good", idempotency_key="k", tenant="acme")
    first = side.submit(job)
    assert side.submit(job) == first
    side.result(first)
    assert side.submit(json.loads(job.to_json())) == first
    assert side.submit(Job(text="good", idempotency_key="k", tenant="other")) != first
    assert side.submit(Job(text="good", tenant="acme")) != side.submit(Job(text="good", tenant="acme"))


@pytest.mark.parametrize("change", [{"text": SECRET}, {"hints": Hints(priority=1)}], ids=["text", "hints"])
def test_the_same_key_with_another_job_is_a_conflict(side: Side, change: dict[str, Any]) -> None:
    """Other content under a key that is taken is refused without quoting it; the first job stays what it was."""
    job = Job(text="open", idempotency_key="k")
    first = side.submit(job)
    with pytest.raises(IdempotencyConflict) as caught:
        side.submit(job.model_copy(update=change))
    assert "Quillfeather" not in str(caught.value)
    side.finish(first, "done")
    assert side.result(first).text == "done"


def test_a_caller_may_choose_the_id(side: Side) -> None:
    """A given id is kept and makes the submit idempotent; one that cannot stand in a key is refused."""
    assert side.submit({"text": "good"}, job_id="order-17") == "order-17"
    assert side.submit({"text": "good"}, job_id="order-17") == "order-17"
    with pytest.raises(IdempotencyConflict):
        side.submit({"text": "other"}, job_id="order-17")
    for bad in ("", "a b", "order-17:history", "x" * 65, "ü"):
        with pytest.raises(InvalidJob, match="job_id"):
            side.submit({"text": "good"}, job_id=bad)


def test_a_dead_letter_says_why(side: Side) -> None:
    """There is no result of a dead letter; the error names state, reason and cause."""
    with pytest.raises(JobFailed) as caught:
        side.result(side.submit({"text": "refused"}))
    failed = caught.value
    assert (failed.state, failed.reason, failed.cause) == ("dead", "content_refused", "ContentRefused on local")


def test_an_expired_job_has_no_result(side: Side) -> None:
    """A job whose deadline passed is told as expired."""
    with pytest.raises(JobFailed, match="expired"):
        side.result(side.submit({"text": "late"}))


def test_a_cancelled_job_stays_cancelled(side: Side) -> None:
    """Cancelling ends a job; nobody can end it once more, and there is no result."""
    job_id = side.submit({"text": "open"})
    side.cancel(job_id)
    with pytest.raises(Conflict):
        side.cancel(job_id)
    with pytest.raises(Conflict):
        side.finish(job_id, "too late")
    with pytest.raises(JobFailed, match="cancelled"):
        side.result(job_id)


@pytest.mark.parametrize("text", ["good", "refused", "late"])
def test_an_end_is_final(side: Side, text: str) -> None:
    """A job that has ended cannot be cancelled, and its end stays the same."""
    job_id = side.submit({"text": text})
    before = side.record(job_id)
    with pytest.raises(Conflict):
        side.cancel(job_id)
    assert side.record(job_id) == before
    assert before.state.ended
    assert before.ended_at is not None


def test_waiting_is_bounded(side: Side) -> None:
    """A job that does not end is waited for as long as was asked, and then told by its state."""
    job_id = side.submit({"text": "open"})
    began = time.monotonic()
    with pytest.raises(ResultTimeout, match="accepted"):
        side.result(job_id, timeout_s=0.2)
    assert 0.2 <= time.monotonic() - began < BOUND_S
    with pytest.raises(ResultTimeout):
        side.result(job_id, timeout_s=0.0)


def test_states_come_until_the_end(side: Side) -> None:
    """A watcher sees the state at once, then each change, and is let go at the end."""
    job_id = side.submit({"text": "open"})
    seen: list[State] = []

    def then(state: State) -> None:
        seen.append(state)
        if state is State.ACCEPTED:
            side.finish(job_id, "done")

    side.watch(job_id, then)
    assert seen[0] is State.ACCEPTED
    assert seen[-1] is State.SUCCEEDED
    assert len(set(seen)) == len(seen)
    assert sum(state.ended for state in seen) == 1
    assert side.result(job_id, timeout_s=0).text == "done"


def test_an_unknown_job_is_an_error(side: Side) -> None:
    """Nobody waits for a job that is not on record."""
    calls: list[Callable[[], object]] = [
        lambda: side.record("nobody"),
        lambda: side.result("nobody"),
        lambda: side.cancel("nobody"),
        lambda: side.watch("nobody", lambda _: None),
    ]
    for call in calls:
        with pytest.raises(UnknownJob):
            call()


def test_a_record_tells_everything_but_the_text(side: Side) -> None:
    """Tenant, urgency, times and the end's reason are on record; the text is not."""
    job = Job(text=SECRET, tenant="acme", hints=Hints(latency="batch", priority=2, deadline_s=60))
    record = side.record(side.submit(job))
    assert (record.tenant, record.latency, record.priority) == ("acme", "batch", 6)
    assert record.deadline_at == pytest.approx(record.accepted_at + 60, abs=0.001)
    assert record.deadline_s == 60
    assert (record.state, record.reason) == (State.DEAD, "malformed")
    assert SECRET not in record.to_json()
    assert "Quillfeather" not in repr(record)


def test_a_broker_that_is_away_loses_no_job(client: Client) -> None:
    """Where the wake-up cannot be sent, the job is on record all the same, due for the janitor."""
    client.doorbell = RecordingDoorbell(broken=True)
    job_id = client.submit({"text": "good"})
    record = client.record(job_id)
    assert record.state is State.ACCEPTED
    assert record.look_at == pytest.approx(record.accepted_at + client._settings.nudge_s, abs=0.001)


def test_the_router_is_woken_once(client: Client, doorbell: RecordingDoorbell) -> None:
    """A new job rings once with its priority; a repeated submit does not ring again."""
    job = Job(text="good", idempotency_key="k", hints=Hints(priority=0))
    job_id = client.submit(job)
    client.submit(job)
    assert doorbell.rings == [("router", job_id)]
    assert doorbell.priorities == [0]


def test_a_result_past_its_time_is_missing(client: Client) -> None:
    """A result that is no longer kept is told as missing, not as a failure of the job."""
    worker = Obedient(client.ledger, client.vault)
    client.doorbell = worker
    job_id = client.submit({"text": "good"})
    client.vault.drop(client.record(job_id).result or "")
    with pytest.raises(PayloadMissing):
        client.result(job_id)


READERS: dict[bytes, Callable[[StoreClient, bytes], object]] = {
    b"string": lambda redis, key: redis.get(key),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"set": lambda redis, key: redis.smembers(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1),
    b"stream": lambda redis, key: redis.xrange(key),
}


def test_only_ciphertext_reaches_the_store(client: Client, redis: StoreClient) -> None:
    """Nothing that a submit leaves in the store contains the job's text or its idempotency key."""
    client.submit(Job(text=SECRET, idempotency_key="key of Quillfeather", conversation_id="talk of Quillfeather"))
    for key in redis.keys("*"):
        raw = READERS[redis.type(key)](redis, key)
        assert b"Quillfeather" not in key + repr(raw).encode()


def test_a_store_that_goes_away_is_told_to_async_waiters(settings: Settings, redis: StoreClient) -> None:
    """An asyncio client raises the same error as the other where the store does not answer."""
    del redis

    async def waiting() -> None:
        client = AsyncClient(settings)
        job_id = await client.submit({"text": "open"})
        client._redis.connection_pool.connection_kwargs["port"] = 1
        try:
            with pytest.raises(StoreUnavailable):
                await client.result(job_id, timeout_s=BOUND_S)
        finally:
            await client.aclose()

    asyncio.run(waiting())


def test_what_is_no_job_is_taken_in_for_its_sender_to_see(client: Client, doorbell: RecordingDoorbell) -> None:
    """A malformed message gets a record, and at most the allowed size of it is kept, sealed."""
    client._settings = client._settings.model_copy(update={"max_job_bytes": 1000})
    client.take_in_malformed("m-1", b"x" * 5000)
    record = client.record("m-1")
    assert record.state is State.ACCEPTED
    assert client.vault.get(record.payload or "") == b"x" * 1000
    assert doorbell.rings == [("router", "m-1")]
