"""Waiting for a job against a real store: a notification wakes at once, and one that was missed costs a second."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from tidegate import connections
from tidegate.client import Client
from tidegate.ledger import watch
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.settings import Settings

BOUND_S = 60.0

Waiter = Callable[[Client, Settings, str, Callable[[State], None]], None]


def waits(client: Client, _settings: Settings, job_id: str, then: Callable[[State], None]) -> None:
    """Wait in this thread."""
    for state in watch.states(client.ledger, job_id, timeout_s=BOUND_S):
        then(state)


def waits_async(client: Client, settings: Settings, job_id: str, then: Callable[[State], None]) -> None:
    """Wait on an event loop."""

    async def waiting() -> None:
        redis = connections.connect_async(connections.addresses(settings).store, timeout_s=5.0)
        async for state in watch.states_async(redis, client.ledger, job_id, timeout_s=BOUND_S):
            then(state)
        await redis.aclose()

    asyncio.run(waiting())


@pytest.fixture(params=[waits, waits_async], ids=["sync", "async"])
def waiter(request: pytest.FixtureRequest) -> Waiter:
    """Either way to wait."""
    found: Waiter = request.param
    return found


def test_a_notification_wakes_at_once(
    waiter: Waiter, client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change is seen when it is made, long before the next look would come."""
    monkeypatch.setattr(watch, "_RECHECK_S", BOUND_S)
    job_id = client.submit({"text": "x"})
    waits_for_word = threading.Event()
    look, looks = client.ledger.get, []

    def counted(job_id: str) -> Record:
        looks.append(look(job_id))
        if len(looks) == 2:  # at the start, and when the subscription was confirmed: from here on only word wakes it
            waits_for_word.set()
        return looks[-1]

    def cancel() -> None:
        assert waits_for_word.wait(BOUND_S)
        client.cancel(job_id)

    monkeypatch.setattr(client.ledger, "get", counted)
    thread = threading.Thread(target=cancel)
    thread.start()
    began = time.monotonic()
    waiter(client, settings, job_id, lambda _state: None)
    assert time.monotonic() - began < BOUND_S / 2
    thread.join(BOUND_S)


def test_who_waits_for_the_end_looks_for_nothing_else(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word of what comes between is no reason to read the record; word of the end is."""
    monkeypatch.setattr(watch, "_RECHECK_S", 60.0)
    job_id = client.submit({"text": "x"})
    look, looks = client.ledger.get, []

    def counted(job_id: str) -> Record:
        looks.append(look(job_id))
        if len(looks) == 2:  # the subscription was confirmed
            for state in ("placed", "running"):
                client.ledger.redis.publish(f"tg:state:{job_id}", state)
            client.cancel(job_id)
        return looks[-1]

    monkeypatch.setattr(client.ledger, "get", counted)
    assert watch.end(client.ledger, job_id, timeout_s=60.0).state is State.CANCELLED
    assert [record.state for record in looks] == [State.ACCEPTED, State.ACCEPTED, State.CANCELLED]


def test_a_missed_notification_is_made_good(
    waiter: Waiter, client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that nobody told of is seen at the next look."""
    monkeypatch.setattr(watch, "_RECHECK_S", 0.05)
    job_id = client.submit({"text": "x"})
    look, looks = client.ledger.get, []
    seen: list[State] = []

    def changed_behind_its_back(job_id: str) -> Record:
        looks.append(look(job_id))
        if len(looks) == 2:  # the subscription was confirmed: nothing but its own next look tells it now
            client.ledger.redis.hset(f"tg:job:{job_id}", "state", "expired")
        return looks[-1]

    monkeypatch.setattr(client.ledger, "get", changed_behind_its_back)
    began = time.monotonic()
    waiter(client, settings, job_id, seen.append)
    assert seen == [State.ACCEPTED, State.EXPIRED]
    assert time.monotonic() - began < BOUND_S / 4


def test_a_notification_says_the_state_and_nothing_else(client: Client) -> None:
    """What a listener hears is a state's name: the record tells the rest to those who may read it."""
    with client.ledger.redis.pubsub(ignore_subscribe_messages=True) as channel:
        channel.psubscribe("*")
        channel.get_message(timeout=BOUND_S)
        job_id = client.submit({"text": "x"})
        heard = channel.get_message(timeout=BOUND_S)
    assert (heard["channel"], heard["data"]) == (f"tg:state:{job_id}".encode(), b"accepted")
