"""The census on a real store: who waits before whom, workers that were killed, and a pace that is no longer true."""

import pytest

from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.job import Hints, Job
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.census import Census, Presence
from tidegate.ledger.queued import MOST_TENANTS
from tidegate.presence import reported


def place(client: Client, tenant: str, latency: str = "interactive") -> str:
    """One job on the lane `near`."""
    job = Job.model_validate({"text": "x", "tenant": tenant, "hints": Hints.model_validate({"latency": latency})})
    job_id = client.submit(job)
    move = states.place(lane="near", zone=Zone.INSIDE, rev=client.record(job_id).rev, changes={}, nudge_s=9, note={})
    client.ledger.apply(job_id, move)
    return job_id


def take(client: Client) -> str:
    """The next of the lane's jobs begins."""
    claim = states.claim(worker="w", lease_s=60)
    taken = client.ledger.line.take("near", zone=Zone.INSIDE, claim=claim)
    return taken.record.id  # type: ignore[union-attr]


def test_a_line_is_counted_by_class_and_tenant(client: Client, census: Census) -> None:
    """As it is taken from: who is told that so many go before him sees just so many go."""
    for tenant, latency, count in (("a", "interactive", 3), ("b", "interactive", 1), ("a", "batch", 2)):
        for _ in range(count):
            place(client, tenant, latency)
    line = census.lines(["near", "far"])["near"]
    assert line.bands == {"interactive": {"a": 3, "b": 1}, "batch": {"a": 2}}
    assert not census.lines(["far"])["far"].bands
    ahead = line.ahead_of(tenant="b", latency="interactive")
    mine = place(client, "b")
    order = [take(client) for _ in range(7)]
    assert order.index(mine) <= ahead == 3


def test_a_line_of_too_many_tenants_is_not_told_apart(client: Client, census: Census, redis: StoreClient) -> None:
    """Each of them would be a question to the store, ten times a second."""
    place(client, "a")
    redis.zadd("tg:order:placed:near:interactive", {f"t{number}": number for number in range(MOST_TENANTS + 1)})
    assert census.lines(["near"]) == {}
    assert census.loads(["near"])["near"].queued == 1


def test_a_lane_whose_jobs_hang_is_not_judged_by_yesterdays_pace(
    client: Client, census: Census, redis: StoreClient
) -> None:
    """Where every slot is busy and none has begun a job for several service times, that is how long they take."""
    census.report(Presence(name="w@h.1", role="worker", lanes={"near": 2}))
    redis.hset("tg:pace", "near", "0.1")
    jobs = [place(client, "a") for _ in range(5)]
    for _ in range(2):
        take(client)
    assert census.loads(["near"])["near"].service_s == pytest.approx(0.1)
    for job in jobs[:2]:
        redis.zincrby("tg:in:running:near", -40, job)
    load = census.loads(["near"])["near"]
    assert 40 <= (load.service_s or 0) < 60
    assert (load.wait_s or 0) >= 40 * 3 / 2
    redis.hdel("tg:pace", "near")
    assert (census.loads(["near"])["near"].service_s or 0) >= 40


def test_who_was_killed_does_not_count_beside_its_successor(census: Census, redis: StoreClient) -> None:
    """A process that starts forgets those of its host that are gone; other hosts, and who is alive, stay."""
    for name, pid in (("w@here.1", 1), ("w@here.2", 2), ("w@there.1", 1), ("w@here.9", 0)):
        census.report(Presence(name=name, role="worker", lanes={"near": 2}, pid=pid))
    assert census.bury("here", alive=lambda pid: pid == 2) == ["w@here.1"]
    assert census.loads(["near"])["near"].slots == 6
    assert [one.name for one in census.workers()] == ["w@here.2", "w@here.9", "w@there.1"]


def test_a_process_that_starts_buries_its_predecessor(census: Census, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pid of a process that ended is nobody's."""
    monkeypatch.setattr("tidegate.presence.socket.gethostname", lambda: "here")
    census.report(Presence(name="w@here.4194304", role="worker", lanes={"near": 2}, pid=4_194_304))
    with reported(census, Presence(name="w@here.1", role="worker", lanes={"near": 2}, pid=1)):
        assert "w@here.4194304" not in [one.name for one in census.workers()]
