"""Waiting for a job to change: the store's notifications wake us up, a look at the record tells the truth.

A notification can be missed (the connection broke, the job was faster than the subscription), so every wait looks at
the record at the start and every second.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from tidegate.connections import StoreClient
from tidegate.errors import ResultTimeout
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger, store_errors
from tidegate.names import STORE_PREFIX

_RECHECK_S = 1.0


def states(ledger: Ledger, job_id: str, *, timeout_s: float, prefix: str = STORE_PREFIX) -> Iterator[State]:
    """Each state that the job is seen in, until its end. Raises ResultTimeout, UnknownJob."""
    until, seen = time.monotonic() + timeout_s, None
    with store_errors(), ledger.redis.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(f"{prefix}:state:{job_id}")
        while True:
            state = ledger.get(job_id).state
            if state is not seen:
                yield state
            if state.ended:
                return
            seen, left = state, until - time.monotonic()
            if left <= 0:
                raise ResultTimeout(f"job {job_id} is {state} after {timeout_s:g} s")
            channel.get_message(timeout=min(left, _RECHECK_S))


async def states_async(
    client: StoreClient, ledger: Ledger, job_id: str, *, timeout_s: float, prefix: str = STORE_PREFIX
) -> AsyncIterator[State]:
    """The same for asyncio: the wait is on the event loop, the short look at the record in a thread."""
    until, seen = time.monotonic() + timeout_s, None
    with store_errors():
        async with client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(f"{prefix}:state:{job_id}")
            while True:
                state = (await asyncio.to_thread(ledger.get, job_id)).state
                if state is not seen:
                    yield state
                if state.ended:
                    return
                seen, left = state, until - time.monotonic()
                if left <= 0:
                    raise ResultTimeout(f"job {job_id} is {state} after {timeout_s:g} s")
                await channel.get_message(timeout=min(left, _RECHECK_S))
