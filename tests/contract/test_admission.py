"""Admission against a real store: who is refused, with what words, and that the count of open jobs is right."""

import contextlib
import threading
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from doubles import RecordingDoorbell

from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.deadletters import redrive
from tidegate.errors import IdempotencyConflict, Reason, SubmitRefused
from tidegate.ledger import states
from tidegate.ledger.admission import Limits
from tidegate.ledger.census import Census
from tidegate.ledger.pressure import Pressure
from tidegate.ledger.states import OPEN
from tidegate.settings import Settings
from workers.pressure import EVERY_S, Gauge

SCRIPTS = resources.files("tidegate.ledger")


@pytest.fixture
def pressure(redis: StoreClient) -> Pressure:
    """What is in."""
    return Pressure(redis)


@contextlib.contextmanager
def limited(settings: Settings, redis: StoreClient, **limits: Any) -> Iterator[Client]:
    """A client of an installation with these limits."""
    client = Client(settings.model_copy(update=limits))
    client.doorbell = RecordingDoorbell()
    yield client
    client.ledger.redis.close()


def test_past_the_limit_a_job_is_refused_with_a_hint(settings: Settings, redis: StoreClient) -> None:
    """The error names the limit and the numbers, says when to come back, and nothing is on record."""
    with limited(settings, redis, max_open=2) as client:
        client.submit({"text": "one"})
        client.submit({"text": "two"})
        keys = set(redis.keys("tg:*"))
        with pytest.raises(SubmitRefused, match=r"2 jobs are open, at most 2 may be \(TIDEGATE_MAX_OPEN\)") as told:
            client.submit({"text": "three"})
        assert told.value.limit == "open"
        assert 0 < told.value.retry_after_s < 300
        assert told.value.exit_code == 1
        assert set(redis.keys("tg:*")) == keys


def test_one_tenant_cannot_take_all_the_room(settings: Settings, redis: StoreClient, pressure: Pressure) -> None:
    """A tenant at its limit is refused, another one is not."""
    with limited(settings, redis, max_open_per_tenant=2) as client:
        for _ in range(2):
            client.submit({"text": "x", "tenant": "loud"})
        with pytest.raises(SubmitRefused, match="tenant loud has 2 open jobs, at most 2"):
            client.submit({"text": "x", "tenant": "loud"})
        client.submit({"text": "x", "tenant": "calm"})
        assert pressure.use().tenants == {"loud": 2, "calm": 1}


def test_a_job_that_is_in_is_told_so_and_not_refused(settings: Settings, redis: StoreClient) -> None:
    """Who asks again with an idempotency key gets the job's id, however full it is by now."""
    with limited(settings, redis, max_open=1) as client:
        first = client.submit({"text": "x", "idempotency_key": "k"})
        assert client.submit({"text": "x", "idempotency_key": "k"}) == first
        with pytest.raises(IdempotencyConflict):
            client.submit({"text": "other", "idempotency_key": "k"})


def test_an_end_makes_room_and_a_redrive_takes_it(settings: Settings, redis: StoreClient, pressure: Pressure) -> None:
    """Each end takes a job off the count; a redriven letter is on it again."""
    with limited(settings, redis, max_open=1) as client:
        first = client.submit({"text": "one"})
        client.ledger.apply(first, states.die(reason=Reason.TIMEOUT, cause="", sources=OPEN))
        assert (pressure.use().open_, pressure.use().reserved_bytes) == (0, 0)
        second = client.submit({"text": "two"})
        client.cancel(second)
        redrive(client.ledger, client.doorbell, client.record(first), by="op")
        assert pressure.use().open_ == 1
        assert pressure.use().reserved_bytes > 0
        with pytest.raises(SubmitRefused):
            client.submit({"text": "three"})


def test_many_at_once_fill_the_room_exactly(settings: Settings, redis: StoreClient, pressure: Pressure) -> None:
    """Of forty that submit at the same time into room for ten, ten get in."""
    outcomes: list[bool] = []
    gate = threading.Barrier(8)
    with limited(settings, redis, max_open=10) as client:

        def submit() -> None:
            gate.wait(30)
            for _ in range(5):
                try:
                    client.submit({"text": "x"})
                except SubmitRefused:
                    outcomes.append(False)
                else:
                    outcomes.append(True)

        threads = [threading.Thread(target=submit) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert (outcomes.count(True), outcomes.count(False)) == (10, 30)
    assert pressure.use().open_ == 10


def test_of_many_those_that_went_in_are_named(settings: Settings, redis: StoreClient) -> None:
    """A refusal in the middle of a list tells which jobs are on record, so that none is sent twice."""
    with limited(settings, redis, max_open=2) as client:
        with pytest.raises(SubmitRefused) as told:
            client.submit_many({"text": text} for text in "abc")
        assert len(told.value.accepted) == 2
        assert {client.record(job_id).state.value for job_id in told.value.accepted} == {"accepted"}


def test_what_came_by_message_is_not_refused(settings: Settings, redis: StoreClient) -> None:
    """A message lies in the broker already; to refuse it would only keep routers busy with it."""
    with limited(settings, redis, max_open=1) as client:
        client.submit({"text": "one"})
        client.take_in({"text": "two"}, job_id="by-message")
        assert client.record("by-message").state.value == "accepted"


def test_old_jobs_keep_new_ones_out(settings: Settings, redis: StoreClient) -> None:
    """While the oldest waiting job is older than allowed nobody gets in; a measurement of long ago refuses nobody."""
    with limited(settings, redis, max_wait_s=60.0) as client:
        client.ledger.pressure.measured(oldest_s=61.0, ends_per_s=5.0)
        with pytest.raises(SubmitRefused, match="the oldest job has been waiting for 61 s, at most 60 s"):
            client.submit({"text": "x"})
        assert 0 < redis.ttl("tg:pressure") <= 15
        redis.delete("tg:pressure")
        client.submit({"text": "x"})


def test_the_hint_follows_the_pace(settings: Settings, redis: StoreClient) -> None:
    """With ten ends a second and a limit of 1,000, two per cent are free in two seconds."""
    with limited(settings, redis, max_open=1000) as client:
        client.ledger.pressure.measured(oldest_s=0.0, ends_per_s=10.0)
        redis.hset("tg:open", mapping={"jobs": 1000})
        with pytest.raises(SubmitRefused) as told:
            client.submit({"text": "x"})
    assert 1.6 <= told.value.retry_after_s <= 2.6


def test_the_installation_s_limits_count(settings: Settings, redis: StoreClient) -> None:
    """What the janitor tells goes before what a producer has set, be that more or less."""
    with limited(settings, redis, max_open=1) as strict, limited(settings, redis, max_open=9) as easy:
        Pressure(redis, limits=Limits(open_=2)).measured(oldest_s=0.0, ends_per_s=0.0)
        strict.submit({"text": "one"})
        strict.submit({"text": "two"})
        with pytest.raises(SubmitRefused, match="at most 2 may be"):
            easy.submit({"text": "three"})
        assert strict.ledger.pressure.use().limits == Limits(open_=2)
        redis.delete("tg:pressure")
        easy.submit({"text": "three"})


def test_a_count_that_somebody_broke_is_set_right(client: Client, redis: StoreClient, pressure: Pressure) -> None:
    """A record that was removed by hand stays on the count until no job is open."""
    redis.delete(f"tg:job:{client.submit({'text': 'x'})}")
    client.ledger.pressure.measured(oldest_s=0.0, ends_per_s=0.0)
    assert pressure.use().open_ == 1
    redis.delete("tg:agenda")
    client.ledger.pressure.measured(oldest_s=0.0, ends_per_s=0.0)
    assert pressure.use().open_ == 0


def test_the_janitor_measures_wait_and_pace(client: Client, redis: StoreClient, pressure: Pressure) -> None:
    """The age of the oldest job that nobody has routed, and how many ended since the last look."""
    clock = iter([0.0, 1.0, EVERY_S, 2 * EVERY_S])
    gauge = Gauge(census=Census(redis), pressure=pressure, clock=lambda: next(clock))
    job_id = client.submit({"text": "waits"})
    redis.zadd("tg:in:accepted:intake", {job_id: client.ledger.now() - 50})
    for _ in range(2):
        gauge()
    use = pressure.use()
    assert use.oldest_s == pytest.approx(50, abs=1)
    assert use.ends_per_s == 0
    redis.hset("tg:ended", "succeeded", 100)
    gauge()
    gauge()
    assert (pressure.use().ends_per_s or 0) > 0


def test_a_store_that_does_not_tell_its_memory_refuses_nobody(redis: StoreClient, settings: Settings) -> None:
    """Where an ACL forbids INFO the counts still hold, and memory is left to the store itself."""
    redis.acl_setuser("narrow", enabled=True, nopass=True, keys=["*"], channels=["*"], commands=["+@all", "-info"])
    try:
        redis.config_set("maxmemory", 1)
        script = redis.register_script(
            (SCRIPTS / "admission.lua").read_text() + "return refused('tg', 't', 1, ARGV[1])"
        )
        assert script(args=[Limits().wire])[0] == b"memory"
        redis.execute_command("AUTH", "narrow", "")
        assert script(args=[Limits().wire]) is None
    finally:
        redis.connection_pool.disconnect()
        redis.config_set("maxmemory", 0)
        redis.acl_deluser("narrow")
