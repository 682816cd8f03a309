"""Connections to the store: enough for everybody who waits, and few for many threads that only ask."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tidegate import connections
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.ledger import states, watch
from tidegate.ledger.states import State
from tidegate.settings import Settings

BOUND_S = 30.0


def test_hundreds_may_wait_at_once(client: Client) -> None:
    """Each thread that waits for a result listens on a connection: redis-py's own bound is 100."""
    count = 130
    job_id = client.submit({"text": "x"})
    listening = threading.Semaphore(0)

    def wait() -> State:
        *_, last = _counted(watch.states(client.ledger, job_id, timeout_s=BOUND_S), listening)
        return last

    with ThreadPoolExecutor(count) as threads:
        waiting = [threads.submit(wait) for _ in range(count)]
        for _ in waiting:
            assert listening.acquire(timeout=BOUND_S)
        client.ledger.apply(job_id, states.cancel())
        assert {one.result(BOUND_S) for one in waiting} == {State.CANCELLED}


def test_hundreds_may_wait_on_one_loop(client: Client, settings: Settings) -> None:
    """The same for asyncio."""
    count = 130
    job_id = client.submit({"text": "x"})

    async def wait(redis: StoreClient) -> State:
        seen = [one async for one in watch.states_async(redis, client.ledger, job_id, timeout_s=BOUND_S)]
        return seen[-1]

    async def all_of_them() -> set[State]:
        redis = connections.connect_async(connections.addresses(settings).store, timeout_s=5.0)
        try:
            waiting = [asyncio.create_task(wait(redis)) for _ in range(count)]
            while (await redis.pubsub_numsub(f"tg:state:{job_id}"))[0][1] < count:
                assert not any(one.done() for one in waiting)
            await asyncio.to_thread(client.ledger.apply, job_id, states.cancel())
            return set(await asyncio.gather(*waiting))
        finally:
            await redis.aclose()

    assert asyncio.run(all_of_them()) == {State.CANCELLED}


def test_many_threads_share_a_few(settings: Settings, redis: StoreClient) -> None:
    """A worker with hundreds of slots asks the store by a handful of connections; nobody is refused one."""
    where = connections.addresses(settings)
    before = len(redis.client_list())
    with contextlib.closing(connections.connect(where.store, timeout_s=5.0, most=8)) as shared:
        with ThreadPoolExecutor(200) as threads:
            assert all(threads.map(lambda _: shared.ping(), range(4000)))
        assert len(redis.client_list()) - before <= 8


def _counted(seen: Iterator[State], listening: threading.Semaphore) -> Iterator[State]:
    for state in seen:
        listening.release()
        yield state
