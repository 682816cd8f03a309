"""Waiting for a job to change: the store's notifications wake us up, a look at the record tells the truth.

A notification can be missed (the connection broke, the job was faster than the subscription), so every wait looks at
the record at the start and every second.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from tidegate.connections import StoreClient
from tidegate.errors import ResultTimeout
from tidegate.ledger.record import Record
from tidegate.ledger.states import OPEN, State
from tidegate.ledger.store import Ledger, store_errors
from tidegate.names import STORE_PREFIX

_RECHECK_S = 1.0

_UNDER_WAY = frozenset(state.value.encode() for state in OPEN)

_MOST_IDLE = 8
_idle: "WeakKeyDictionary[StoreClient, deque[Any]]" = WeakKeyDictionary()
"""Connections that listen to nothing now, by client."""


def states(ledger: Ledger, job_id: str, *, timeout_s: float, prefix: str = STORE_PREFIX) -> Iterator[State]:
    """Each state that the job is seen in, until its end. Raises ResultTimeout, UnknownJob."""
    for record in _records(ledger, job_id, timeout_s=timeout_s, prefix=prefix, every=True):
        yield record.state


def end(ledger: Ledger, job_id: str, *, timeout_s: float, prefix: str = STORE_PREFIX) -> Record:
    """The record once the job has ended. Raises ResultTimeout, UnknownJob."""
    *_, record = _records(ledger, job_id, timeout_s=timeout_s, prefix=prefix, every=False)
    return record


async def states_async(
    client: StoreClient, ledger: Ledger, job_id: str, *, timeout_s: float, prefix: str = STORE_PREFIX
) -> AsyncIterator[State]:
    """The same as `states` for asyncio: the wait is on the event loop, the short look at the record in a thread."""
    async for record in records_async(client, ledger, job_id, timeout_s=timeout_s, prefix=prefix):
        yield record.state


async def records_async(
    client: StoreClient, ledger: Ledger, job_id: str, *, timeout_s: float, prefix: str = STORE_PREFIX
) -> AsyncIterator[Record]:
    """The record in each state that the job is seen in, until its end. Raises ResultTimeout, UnknownJob."""
    until = time.monotonic() + timeout_s
    seen = await asyncio.to_thread(ledger.get, job_id)
    yield seen
    if seen.state.ended:
        return
    with store_errors():
        async with client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(f"{prefix}:state:{job_id}")
            while True:
                record = await asyncio.to_thread(ledger.get, job_id)
                if record.state is not seen.state:
                    yield record
                if record.state.ended:
                    return
                seen, left = record, until - time.monotonic()
                if left <= 0:
                    raise ResultTimeout(f"job {job_id} is {record.state} after {timeout_s:g} s")
                await channel.get_message(timeout=min(left, _RECHECK_S))


def _records(ledger: Ledger, job_id: str, *, timeout_s: float, prefix: str, every: bool) -> Iterator[Record]:
    """The record in each state that the job is seen in. Not `every`: those between are not looked for."""
    until = time.monotonic() + timeout_s
    seen = ledger.get(job_id)
    yield seen
    if seen.state.ended:
        return  # nobody needs to listen for what has happened
    channel = f"{prefix}:state:{job_id}"
    with store_errors(), _listening(ledger.redis, channel, within_s=timeout_s) as ear:
        while True:
            record = ledger.get(job_id)
            if record.state is not seen.state:
                yield record
            if record.state.ended:
                return
            seen, left = record, until - time.monotonic()
            if left <= 0:
                raise ResultTimeout(f"job {job_id} is {record.state} after {timeout_s:g} s")
            _hear(ear, within_s=min(left, _RECHECK_S), every=every)


def _hear(ear: Any, *, within_s: float, every: bool) -> None:
    """Wait for a notification that is worth a look, or for as long as one look is good for."""
    until = time.monotonic() + within_s
    while (left := until - time.monotonic()) > 0:
        heard = ear.get_message(timeout=left)
        if every or heard is None or heard["data"] not in _UNDER_WAY:
            return


@contextmanager
def _listening(client: StoreClient, channel: str, *, within_s: float) -> Iterator[Any]:
    """A subscription to a channel, confirmed. Connections that listened before are used again: a new one costs more."""
    idle = _idle.setdefault(client, deque())
    try:
        ear = idle.pop()
    except IndexError:
        ear = client.pubsub()
    try:
        ear.subscribe(channel)
        until = time.monotonic() + min(within_s, _RECHECK_S)
        while (left := until - time.monotonic()) > 0:
            heard = ear.get_message(timeout=left)
            if heard and heard["type"] == "subscribe" and heard["channel"] == channel.encode():
                break
        yield ear
        ear.unsubscribe(channel)
    except BaseException:
        ear.close()
        raise
    if len(idle) < _MOST_IDLE:
        idle.append(ear)
    else:
        ear.close()
