"""A worker hears at once what was taken from it, and from nobody else what was not."""

import queue
import time
from collections.abc import Callable, Iterator

import pytest
from doubles import decision

from router.placement import Placement
from tidegate import connections
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.job import Job
from tidegate.keys import signer
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.line import Taken
from tidegate.ledger.states import Move
from tidegate.settings import Settings
from workers import ear

WORKER = "outside@host.7"
SOON_S = 30.0

Heard = queue.Queue[tuple[str, int]]


@pytest.fixture
def heard(redis: StoreClient, settings: Settings) -> Iterator[Heard]:
    """What the worker hears, from the moment that it listens."""
    found: Heard = queue.Queue()
    own = connections.connect(connections.addresses(settings).store, timeout_s=settings.store_timeout_s)
    done = ear.listen(own, WORKER, lambda job_id, fence: found.put((job_id, fence)))
    await_listeners(redis, 1)
    yield found
    done.set()
    redis.publish(f"tg:state:{WORKER}", b"")  # it wakes, and goes: the next test's own ear is the only one
    await_listeners(redis, 0)
    own.close()


def await_listeners(redis: StoreClient, count: int) -> None:
    """Until so many listen."""
    until = time.monotonic() + SOON_S
    while redis.pubsub_numsub(f"tg:state:{WORKER}")[0][1] != count:
        assert time.monotonic() < until


@pytest.fixture
def running(client: Client, settings: Settings) -> Callable[[], Taken]:
    """A job that the worker runs."""

    def run() -> Taken:
        job = Job(text="anything")
        job_id = client.submit(job)
        placement = Placement(client.ledger, client.vault, client.doorbell, signer(settings), nudge_s=5.0)
        placement.place(client.record(job_id), job, decision("local"), rewritten=False)
        taken = client.ledger.line.take("local", zone=Zone.INSIDE, claim=states.claim(worker=WORKER, lease_s=9.0))
        assert isinstance(taken, Taken)
        return taken

    return run


def test_a_cancelled_run_is_heard_of(heard: Heard, running: Callable[[], Taken], client: Client) -> None:
    """With the fence of the run that lost it: the worker may have begun another one."""
    taken = running()
    client.cancel(taken.record.id)
    assert heard.get(timeout=SOON_S) == (taken.record.id, taken.claim.fence)


@pytest.mark.parametrize(
    "move",
    [
        lambda rev: states.expire(rev=rev),
        lambda rev: states.hand_back(rev=rev, changes={"worker": ""}, nudge_s=1.0),
    ],
    ids=["expired", "lease lapsed"],
)
def test_what_the_janitor_takes_is_heard_of(
    move: Callable[[int], Move], heard: Heard, running: Callable[[], Taken], client: Client
) -> None:
    """A deadline that passed, or a lease that lapsed while this worker slept."""
    taken = running()
    client.ledger.apply(taken.record.id, move(taken.claim.rev))
    assert heard.get(timeout=SOON_S) == (taken.record.id, taken.claim.fence)


def test_what_a_run_does_itself_is_no_news(heard: Heard, running: Callable[[], Taken], client: Client) -> None:
    """Its own end, its renewal, and jobs that nobody runs: then the next cancelled one is the first that is heard."""
    ended, renewed = running(), running()
    client.ledger.apply(ended.record.id, states.succeed(fence=ended.claim.fence, changes={}, note={}))
    client.ledger.apply(renewed.record.id, states.renew(fence=renewed.claim.fence, lease_s=9.0))
    client.cancel(client.submit({"text": "nobody took it"}))
    client.cancel(renewed.record.id)
    assert heard.get(timeout=SOON_S) == (renewed.record.id, renewed.claim.fence)
    assert heard.empty()


def test_nonsense_is_not_believed(heard: Heard, redis: StoreClient) -> None:
    """Whoever may publish there can say anything; what is no job and fence is passed over."""
    for said in (b"", b"x", b"job -1", b"job 1.5", b"\xff\xff \xff", b" 3"):
        redis.publish(f"tg:state:{WORKER}", said)
    redis.publish(f"tg:state:{WORKER}", b"job 3")
    assert heard.get(timeout=SOON_S) == ("job", 3)


def test_it_listens_again_after_its_connection_broke(
    heard: Heard, redis: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said while it is deaf is lost; what is said later is heard."""
    redis.client_kill_filter(_type="pubsub")
    until = time.monotonic() + SOON_S
    while heard.empty() and time.monotonic() < until:  # the store may still count the connection that it has shut
        redis.publish(f"tg:state:{WORKER}", b"job 4")
    assert heard.get(timeout=SOON_S) == ("job", 4)
