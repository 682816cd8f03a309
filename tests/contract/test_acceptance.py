"""Acceptance over a connection that breaks: whoever asks again gets the same job, and there is one of it."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest
from cutting import Cutter, Moment, cutter
from doubles import RecordingDoorbell
from pydantic import SecretStr

from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import StoreUnavailable
from tidegate.ledger.states import State
from tidegate.settings import Settings

ACCEPTS = b"fingerprint"
"""Only the call that puts a job on record holds it."""

JOB = {"text": "once", "idempotency_key": "order-17"}
OFTEN = 100
"""More than any client tries by itself."""


@pytest.fixture
def proxy(settings: Settings, redis: StoreClient) -> Iterator[Cutter]:
    """A proxy before the session's store, which is empty."""
    assert settings.store_url is not None
    with cutter(to=urlsplit(settings.store_url.get_secret_value()).port or 0) as made:
        yield made


@pytest.fixture
def cut_client(settings: Settings, proxy: Cutter) -> Iterator[Client]:
    """A client that reaches the store through the proxy."""
    assert settings.store_url is not None
    parts = urlsplit(settings.store_url.get_secret_value())
    through = parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}"))
    with Client(settings.model_copy(update={"store_url": SecretStr(urlunsplit(through))})) as client:
        client.doorbell = RecordingDoorbell()
        client.ledger.now()
        yield client


@pytest.mark.parametrize("moment", Moment)
def test_a_connection_that_breaks_once_is_not_noticed(
    cut_client: Client, proxy: Cutter, redis: StoreClient, moment: Moment
) -> None:
    """The client asks again by itself; the job is on record once, with or without an idempotency key."""
    for job in (JOB, {"text": "no key"}):
        proxy.arm(moment, marker=ACCEPTS, times=1)
        job_id = cut_client.submit(job)
        assert proxy.done == 1
        assert cut_client.record(job_id).state is State.ACCEPTED
    assert redis.zcard("tg:agenda") == 2
    assert redis.hget("tg:open", "jobs") == b"2"


@pytest.mark.parametrize("moment", Moment)
def test_who_lost_the_connection_asks_again_and_gets_the_same_job(
    cut_client: Client, proxy: Cutter, client: Client, redis: StoreClient, moment: Moment
) -> None:
    """Whether the script had run or not: the second submit with the key returns the one job there is."""
    proxy.arm(moment, marker=ACCEPTS, times=OFTEN)
    with pytest.raises(StoreUnavailable):
        cut_client.submit(JOB)
    assert redis.zcard("tg:agenda") == (moment is Moment.AFTER)
    proxy.arm(moment, marker=ACCEPTS, times=0)
    job_id = cut_client.submit(JOB)
    assert client.submit(JOB) == job_id
    assert [event.move for event in client.ledger.history(job_id)] == ["accepted"]
    assert redis.zcard("tg:agenda") == 1
    assert len(redis.keys("tg:vault:*")) == 1
    assert redis.hget("tg:open", "jobs") == b"1"
