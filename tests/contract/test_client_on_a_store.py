"""What only the client of production has: a store and a broker that may be away, and nothing readable in the store."""

import asyncio
from collections.abc import Callable

import pytest
from clients import BOUND_S, Obedient
from doubles import SECRET, RecordingDoorbell

from tidegate import AsyncClient, Client, Hints, Job, State
from tidegate.connections import StoreClient
from tidegate.errors import PayloadMissing, StoreUnavailable
from tidegate.settings import Settings


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
