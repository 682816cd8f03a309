"""Each role lives on its own secrets and rights: enough for its whole work, and refused what is not its work.

The rights come from the files that are shipped (deploy/), on a real server, under real processes running real jobs. A
script of the ledger that begins to need another key fails here, with the key's name.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from celery import Celery
from composed import OURS, Composed, composed
from doubles import lane

from tidegate.client import Client
from tidegate.job import Hints, Job, Params
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.batches import BatchState, BatchView
from tidegate.ledger.permits import Settled, gate_of
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger
from tidegate.ledger.twins import Twin
from tidegate.settings import load

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="deploy/compose/prepare needs openssl"),
]

STOP_S = 60.0
"""Three times the `stop_grace_period` of the services, for a machine that is busy; who hangs takes for ever."""

ROLES = ["producer", "router", "inside", "outside", "janitor", "flower"]
HARD = "Compare two designs, analyse each step by step and prove which is better. "


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Every service of docker-compose.yml but the GPU's."""
    with composed(tmp_path_factory.mktemp("composed")) as made:
        made.await_healthy()
        yield made


@pytest.fixture(scope="module")
def producer(fleet: Composed) -> Iterator[Client]:
    """A backend service with a producer's rights."""
    keys = {f"{name}_file": fleet.folder / name for name in ("inside_key", "outside_key")}
    with Client(load(broker_url=fleet.url_of("producer"), **keys)) as client:
        yield client


def as_role(fleet: Composed, role: str, database: int = 0) -> "redis.Redis":
    """A connection with a role's rights and nothing of its code."""
    return redis.Redis.from_url(fleet.url_of(role).replace("/0", f"/{database}"))


def denied(fleet: Composed) -> list[dict[str, Any]]:
    """What the server refused to anybody since the last look."""
    with redis.Redis.from_url(fleet.admin_url(), decode_responses=True) as admin:
        log = admin.acl_log()
        admin.acl_log_reset()
    return [{key: entry[key] for key in ("username", "reason", "context", "object")} for entry in log]


def test_every_role_can_do_its_whole_work(fleet: Composed, producer: Client) -> None:
    """Jobs of every kind end as they should, operators' commands work, and nobody was refused anything."""
    denied(fleet)
    outside = producer.submit(job("Mention a heron."))
    inside = producer.submit(Job(text="What is the sentiment? Patient Ada Vale, phone 555-010-4477: kind nurse"))
    assert producer.result(outside, timeout_s=60).zone == "outside"
    assert producer.result(inside, timeout_s=60).zone == "inside"
    late = producer.submit(job("too late", hints=Hints(deadline_s=0.01)))
    assert list(producer.stream_states(late, timeout_s=60))[-1] in {State.EXPIRED, State.DEAD}
    given_up = producer.submit(job("never mind", hints=Hints(latency="batch")))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(producer.doorbell, "ring_router", lambda *_, **__: None)
        lost = producer.submit(job("a lost wake-up"))
    assert ended(producer, given_up, cancel=True) in {State.CANCELLED, State.SUCCEEDED}
    assert producer.result(lost, timeout_s=60).text
    assert native(fleet, producer, "redis") is State.SUCCEEDED
    for command in (["status", "--json"], ["doctor"], ["dead", "list"], ["policy", "history"]):
        done = fleet.run("router", *command)
        assert done.returncode == 0, done.stdout + done.stderr
    unwanted = [one for one in denied(fleet) if one["object"] not in ("config|get", "acl|whoami")]
    assert unwanted == []


def test_a_dead_letter_is_redriven_with_the_router_s_rights(fleet: Composed, producer: Client) -> None:
    """What operators do from the router's container is allowed there."""
    sent = Celery(broker=fleet.url_of("producer"), set_as_current=False).send_task(
        "tidegate.submit", [{"text": 1}], queue="tidegate.intake"
    )
    job_id = str(sent.id)
    eventually(lambda: producer.ledger.get_many([job_id]) != [])
    assert list(producer.stream_states(job_id, timeout_s=60))[-1] is State.DEAD
    denied(fleet)
    done = fleet.run("router", "dead", "redrive", job_id)
    assert done.returncode == 0, done.stdout + done.stderr
    eventually(lambda: producer.record(job_id).redrives == 1 and producer.record(job_id).state is State.DEAD)
    assert fleet.run("router", "dead", "purge", job_id).returncode == 0
    assert denied(fleet) == []


def test_a_batch_needs_no_more_than_the_outside_has(fleet: Composed, producer: Client) -> None:
    """Set aside, formed, stepped on, settled and seen: by the outside; the janitor asks who holds a job."""
    denied(fleet)
    job_id, other, slot = "b" * 32, "d" * 32, f"{'b' * 32}:outside:0"
    with (
        as_role(fleet, "router", 1) as router,
        as_role(fleet, "outside", 1) as outside,
        as_role(fleet, "janitor", 1) as sweeper,
    ):
        inside, ours = Ledger(router), Ledger(outside)
        inside.accept(
            job_id, slot=slot, envelope=b"x", keep_s=500, deadline_s=600.0, look_in_s=60.0, fields={"priority": "5"}
        )
        inside.accept(
            other,
            slot=f"{other}:0",
            envelope=b"x",
            keep_s=500,
            deadline_s=600.0,
            look_in_s=60.0,
            fields={"priority": "5"},
        )
        ours.batches.take_turn("none", token="t", lease_s=30.0, leaves_s=10.0, look_in_s=60.0)
        placed = {"outside": slot, "permit": "", "flight": "sure:x"}
        for one in (job_id, other):
            inside.apply(one, states.place(lane="none", zone="outside", changes=placed, nudge_s=60.0, note={}))
        assert ours.batches.sweep("none", most=5, join="always")[0] == 1
        batch = BatchView(id="c" * 24, lane="none", formed_at=ours.now(), until=ours.now() + 60)
        most = {"most_jobs": 5, "most_bytes": 1000, "look_in_s": 60.0, "nudge_s": 60.0}
        assert ours.batches.form(batch, token="t", gate=gate_of(lane("none", zone=Zone.OUTSIDE)), **most) == 1
        ours.batches.step(batch, token="t", state=BatchState.SENDING)
        assert Ledger(sweeper).batches.holds(ours.get(job_id), now=ours.now())
        producer.ledger.apply(job_id, states.cancel())
        assert ours.batches.waited_for([job_id]) == [job_id]
        ours.batches.end_wait(job_id, answered=False)
        assert ours.get(other).state is State.PLACED
        producer.ledger.apply(other, states.cancel())
        twin = Twin(provider_id="p2", lane="none", batch_id=batch.id, deployment="main", price_share=0.5)
        ours.batches.twins.saw(twin)
        assert ours.batches.twins.of("none") == [twin]
        gate = gate_of(lane("none", zone=Zone.OUTSIDE))
        ours.batches.twins.paid(twin, job_id, gate=gate, settled=Settled(tokens=3, usd=0.1))
        ours.batches.twins.forget(twin)
        ours.batches.settle(batch.id, job_id, Settled(tokens=3, usd=0.1))
        ours.batches.step(batch, token="t", state=BatchState.DONE)
        assert len(ours.batches.all()) == 1
        ours.batches.leave_turn("none", token="t")
    assert denied(fleet) == []


NOBODYS: list[tuple[Any, ...]] = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("RANDOMKEY",),
    ("CONFIG", "GET", "requirepass"),
    ("CONFIG", "SET", "appendonly", "no"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "mallory", "on", "nopass", "+@all", "~*"),
    ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("MONITOR",),
    ("SHUTDOWN", "NOSAVE"),
    ("REPLICAOF", "203.0.113.1", "6379"),
    ("SAVE",),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "LIST"),
    ("SWAPDB", "0", "1"),
    ("MODULE", "LIST"),
]


@pytest.mark.parametrize("role", ROLES)
def test_nobody_may_touch_the_server_itself(fleet: Composed, role: str) -> None:
    """No role may look over all keys, change the server, or end a connection of somebody else."""
    with as_role(fleet, role) as client:
        client.ping()
        for words in NOBODYS:
            with pytest.raises((redis.exceptions.NoPermissionError, redis.exceptions.ResponseError), match=r"(?i)perm"):
                client.execute_command(*words)


PAYLOAD, OUTSIDE, RESULT = "tg:vault:a:payload:0", "tg:vault:a:outside:0", "tg:vault:a:result:0"

FOREIGN: dict[str, list[tuple[Any, ...]]] = {
    "producer": [
        ("GET", PAYLOAD),
        ("GET", OUTSIDE),
        ("LRANGE", "tidegate.intake", 0, -1),
        ("LPUSH", "tidegate.lane.local-small", "x"),
        ("RPOP", "tidegate.lane.local-small"),
        ("HGETALL", "unacked"),
        ("SADD", "tg:keys:inside", "x"),
        ("HSET", "tg:policy:current", "default", "1"),
        ("RPUSH", "tg:policy:history", "x"),
        ("SET", "tg:worker:router@mallory", "{}"),
        ("PUBLISH", "/0.celery.pidbox", '{"method": "shutdown"}'),
        ("PUBLISH", "tg:policy:changed", "1"),
    ],
    "router": [
        ("RPOP", "tidegate.lane.openai-large"),
        ("GET", "somebody:else"),
        ("HGETALL", "tidegate.unacked.inside"),
    ],
    "inside": [
        ("PUBLISH", "/0.celery.pidbox", "{}"),
        ("SADD", "_kombu.binding.tidegate.intake", "x"),
        ("GET", OUTSIDE),
        ("GET", RESULT),
        ("LRANGE", "tidegate.intake", 0, -1),
        ("HGETALL", "unacked"),
        ("HGETALL", "tidegate.unacked.outside"),
        ("SADD", "tg:keys:inside", "x"),
        ("HSET", "tg:policy:current", "default", "1"),
        ("XRANGE", "tg:decisions", "-", "+"),
    ],
    "outside": [
        ("PUBLISH", "/0.celery.pidbox", "{}"),
        ("SADD", "_kombu.binding.tidegate.intake", "x"),
        ("GET", PAYLOAD),
        ("GETDEL", PAYLOAD),
        ("SET", PAYLOAD, "x", "GET"),
        ("COPY", PAYLOAD, "tg:vault:a:outside:1"),
        ("RENAME", PAYLOAD, "tg:vault:a:outside:1"),
        ("DUMP", PAYLOAD),
        ("GET", RESULT),
        ("LRANGE", "tidegate.intake", 0, -1),
        ("RPOP", "tidegate.intake"),
        ("HGETALL", "unacked"),
        ("HGETALL", "tidegate.unacked.inside"),
        ("HGETALL", "tg:policy:sealed"),
        ("HSET", "tg:policy:current", "default", "1"),
        ("SADD", "tg:keys:outside", "x"),
        ("XRANGE", "tg:decisions", "-", "+"),
        ("EVAL", "return redis.call('GET', KEYS[1])", 1, PAYLOAD),
        ("EVAL", f"return redis.call('GET', '{PAYLOAD}')", 0),
    ],
    "janitor": [
        ("GET", PAYLOAD),
        ("GET", OUTSIDE),
        ("GET", RESULT),
        ("RPOP", "tidegate.intake"),
        ("RPOP", "tidegate.lane.local-small"),
        ("HGETALL", "unacked"),
        ("HSET", "tg:policy:current", "default", "1"),
        ("PUBLISH", "/0.celery.pidbox", '{"method": "shutdown"}'),
    ],
    "flower": [
        ("GET", PAYLOAD),
        ("GET", RESULT),
        ("HGETALL", "tg:job:a"),
        ("HSET", "tg:job:a", "state", "succeeded"),
        ("LRANGE", "tidegate.intake", 0, -1),
        ("LPUSH", "tidegate.intake", "x"),
        ("RPOP", "tidegate.intake"),
        ("DEL", "tidegate.intake"),
        ("HGETALL", "unacked"),
        ("ZRANGE", "tg:agenda", 0, -1),
        ("EVAL", "return redis.call('FLUSHALL')", 0),
    ],
}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_another_s_work(fleet: Composed, role: str) -> None:
    """What is not a role's own is refused, by key, by command, and from within a script."""
    with as_role(fleet, role, 1) as client:
        for words in FOREIGN[role]:
            with pytest.raises((redis.exceptions.NoPermissionError, redis.exceptions.ResponseError), match=r"(?i)perm"):
                client.execute_command(*words)


def test_all_stop_in_time(fleet: Composed) -> None:
    """A polite signal ends every service well before Docker would kill it. The last test: nothing runs after it."""
    for process in fleet.running.values():
        process.terminate()
    assert {name: process.wait(STOP_S) for name, process in fleet.running.items()} == dict.fromkeys(OURS, 0)


def job(text: str, *, hints: Hints | None = None) -> Job:
    """A job that goes outside."""
    return Job(text=HARD + text, params=Params(max_tokens=16), hints=hints or Hints())


def ended(client: Client, job_id: str, *, cancel: bool) -> State:
    """How a job ended, given up where it is still open."""
    if cancel and not client.record(job_id).state.ended:
        client.cancel(job_id)
    return list(client.stream_states(job_id, timeout_s=60))[-1]


def native(fleet: Composed, client: Client, broker: str) -> State:
    """The end of a job that a producer sent by Celery alone."""
    url = fleet.url_of("producer") if broker == "redis" else (fleet.folder / "amqp_url_producer").read_text()
    app = Celery(broker=url, set_as_current=False)
    sent = app.send_task("tidegate.submit", [{"text": f"{HARD}Mention an otter."}], queue="tidegate.intake")
    eventually(lambda: client.ledger.get_many([str(sent.id)]) != [])
    return list(client.stream_states(str(sent.id), timeout_s=60))[-1]


def eventually(holds: Callable[[], bool], *, timeout_s: float = 60) -> None:
    """Wait until it comes true."""
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.1)
