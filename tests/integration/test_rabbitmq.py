"""RabbitMQ as the broker, by configuration alone: the same work with shipped rights, and what only RabbitMQ does.

More of the suite runs on it with `--broker rabbitmq`, see conftest.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import amqp
import pytest
from celery import Celery
from composed import OURS, Composed, composed
from kombu import Exchange, Queue
from rabbit import RabbitServer

from tidegate.client import Client
from tidegate.job import Job, Params
from tidegate.ledger.states import State
from tidegate.settings import load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

ROLES = ["producer", "router", "inside", "outside", "janitor", "flower"]
HARD = "Compare two designs, analyse each step by step and prove which is better. "
INTAKE = {
    "queue": Queue("tidegate.intake", Exchange("tidegate.intake", no_declare=True), "tidegate.intake", no_declare=True),
    "exchange": "tidegate.intake",
    "routing_key": "tidegate.intake",
}
"""How a producer without the right to declare sends there, by Celery alone."""


@pytest.fixture(scope="module")
def fleet(rabbit: RabbitServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The services, each with its role's user on RabbitMQ and on the store."""
    urls = {role: rabbit.url_of(role) for role in ROLES}
    with composed(tmp_path_factory.mktemp("on-rabbitmq"), broker_urls=urls) as made:
        made.await_healthy()
        yield made


@pytest.fixture(scope="module")
def producer(fleet: Composed) -> Iterator[Client]:
    """A backend service with a producer's rights on both."""
    files = {name: fleet.folder / name for name in ("inside_key", "outside_key")}
    urls = {"broker_url": (fleet.folder / "amqp_url_producer"), "store_url": (fleet.folder / "store_url_producer")}
    given: dict[str, Any] = {
        **{f"{name}_file": file for name, file in files.items()},
        **{name: file.read_text().strip() for name, file in urls.items()},
        "broker_declare": False,
    }
    with Client(load(**given)) as client:
        yield client


def test_every_role_can_do_its_whole_work(fleet: Composed, producer: Client, rabbit: RabbitServer) -> None:
    """Jobs of both zones, a lost wake-up and a Celery-native submit end as they should; nobody was refused anything."""
    outside = producer.submit(job("Mention a plover."))
    inside = producer.submit(Job(text="What is the sentiment? Patient Ada Vale, phone 555-010-4477: kind nurse"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(producer.doorbell, "ring_router", lambda *_, **__: None)
        lost = producer.submit(job("a lost wake-up"))
    sent = native(rabbit).send_task("tidegate.submit", [{"text": f"{HARD}Mention an otter."}], **INTAKE)
    assert producer.result(outside, timeout_s=60).zone == "outside"
    assert producer.result(inside, timeout_s=60).zone == "inside"
    assert producer.result(lost, timeout_s=60).text
    eventually(lambda: producer.ledger.get_many([str(sent.id)]) != [])
    assert producer.result(str(sent.id), timeout_s=60).text
    done = fleet.run("router", "doctor")
    assert done.returncode == 0, done.stdout
    assert "tidegate-router" not in done.stdout, "no user or password is printed"
    assert refusals_in(rabbit) == []


def test_queues_survive_their_leader_and_messages_hold_no_text(
    fleet: Composed, producer: Client, rabbit: RabbitServer
) -> None:
    """Every queue of jobs is a quorum queue, and what RabbitMQ wrote to its disk holds no word of a job."""
    del fleet
    producer.result(producer.submit(job("Mention a saffron lighthouse.")), timeout_s=60)
    rows = rabbit.control("list_queues", "-p", "tidegate", "name", "type").splitlines()
    kinds = dict(row.split("\t") for row in rows if row.startswith("tidegate."))
    assert set(kinds) >= {"tidegate.intake", "tidegate.lane.openai-large", "tidegate.lane.local-small"}
    assert set(kinds.values()) == {"quorum"}
    written = [path.read_bytes() for path in (rabbit.folder / "data").rglob("*") if path.is_file()]
    assert any(b"tidegate.lane" in content for content in written), "nothing was searched"
    assert not any(b"lighthouse" in content for content in written)


@pytest.mark.parametrize("emptied", [True, False], ids=["empty", "with its data"])
def test_jobs_survive_the_death_of_the_broker(
    fleet: Composed, producer: Client, rabbit: RabbitServer, request: pytest.FixtureRequest, *, emptied: bool
) -> None:
    """RabbitMQ is killed -9 right after a burst of submits, and comes back with or without its data: all jobs end."""
    del fleet
    if not emptied and request.config.getoption("--broker") != "rabbitmq":
        pytest.skip("the easier half: run with --broker rabbitmq")
    ids = [producer.submit(job(f"burst {number}")) for number in range(10)]
    rabbit.kill()
    if emptied:
        rabbit.forget()
    ids += [producer.submit(job(f"in the dark {number}")) for number in range(3)]
    rabbit.start()
    ends = [list(producer.stream_states(job_id, timeout_s=120))[-1] for job_id in ids]
    assert ends == [State.SUCCEEDED] * len(ids)
    fresh = producer.submit(job("afterwards"))
    assert producer.result(fresh, timeout_s=60).attempts == 1


FORBIDDEN: dict[str, list[tuple[str, str]]] = {
    "producer": [
        ("publish", "tidegate.lane.openai-large"),
        ("publish", "celery.pidbox"),
        ("publish", ""),
        ("read", "tidegate.intake"),
        ("read", "tidegate.lane.openai-large"),
        ("delete", "tidegate.intake"),
        ("declare", "somebody.else"),
    ],
    "router": [("read", "tidegate.lane.openai-large"), ("delete", "tidegate.lane.openai-large"), ("publish", "")],
    "inside": [
        ("read", "tidegate.intake"),
        ("delete", "tidegate.intake"),
        ("publish", "celery.pidbox"),
        ("publish", ""),
    ],
    "outside": [
        ("read", "tidegate.intake"),
        ("delete", "tidegate.intake"),
        ("copy", "tidegate.intake"),
        ("publish", "celery.pidbox"),
        ("publish", ""),
        ("declare", "somebody.else"),
    ],
    "janitor": [
        ("read", "tidegate.intake"),
        ("read", "tidegate.lane.openai-large"),
        ("delete", "tidegate.intake"),
        ("publish", "celery.pidbox"),
    ],
    "flower": [
        ("read", "tidegate.intake"),
        ("publish", "tidegate.intake"),
        ("publish", "tidegate.lane.openai-large"),
        ("delete", "tidegate.intake"),
    ],
}

ACTS: dict[str, Callable[[Any, str], Any]] = {
    "publish": lambda channel, name: channel.basic_publish_confirm(amqp.Message("x"), name, name),
    "read": lambda channel, name: channel.basic_get(name),
    "delete": lambda channel, name: channel.queue_delete(name),
    "declare": lambda channel, name: channel.queue_declare(name),
    "copy": lambda channel, name: channel.queue_bind("tidegate.lane.openai-large", name, name),
}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_another_s_work(fleet: Composed, rabbit: RabbitServer, role: str) -> None:
    """What is not a role's own is refused by RabbitMQ: to read, to send, to delete, to have a copy of."""
    del fleet
    user, _, rest = rabbit.url_of(role).removeprefix("amqp://").partition(":")
    password = rest.partition("@")[0]
    login = {"userid": user, "password": password, "virtual_host": "tidegate"}
    with amqp.Connection(f"127.0.0.1:{rabbit.port}", connect_timeout=5, read_timeout=10, **login) as connection:
        for act, name in FORBIDDEN[role]:
            with pytest.raises(amqp.AccessRefused):
                ACTS[act](connection.channel(), name)


SUBMITTER = """
import sys
from celery.exceptions import Reject
from tidegate.connections import Addresses
from tidegate.messaging import celery_app, queues
from tidegate.settings import load
broker, store = sys.argv[1:]
where = Addresses(broker=broker, store=store, embedded=False)
app = celery_app(load(), where, role="router")
left = [6]
@app.task(name="tidegate.submit", bind=True, shared=False, acks_late=True, ignore_result=True)
def submit(self, job):
    left[0] -= 1
    if left[0] >= 0:
        raise Reject("the store is away", requeue=True)
    print("taken in", self.request.id, job["text"], flush=True)
app.conf.task_queues = queues(where, ["waiting"])
app.Worker(pool="threads", concurrency=1, queues=["waiting"], without_gossip=True, without_mingle=True).start()
"""


def test_a_submit_that_waits_for_the_store_is_never_dropped(rabbit: RabbitServer, tmp_path: Path) -> None:
    """A text that is given back more often than the queue's delivery limit is still delivered: it is sent anew."""
    rabbit.control("set_policy", "limit", "^waiting$", '{"delivery-limit": 2}', "--apply-to", "queues")
    app = Celery(broker=rabbit.url(), set_as_current=False)
    app.conf.task_create_missing_queue_type = "quorum"
    with app:
        sent = app.send_task("tidegate.submit", [{"text": "patience"}], queue="waiting")
    command = [sys.executable, "-c", SUBMITTER, rabbit.url(), "redis://127.0.0.1:1/0"]
    env = {**os.environ, "TIDEGATE_DATA": str(tmp_path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
    try:
        assert process.stdout is not None
        assert f"taken in {sent.id} patience\n" in iter(process.stdout.readline, "")
    finally:
        process.kill()
        process.communicate()


def test_all_stop_in_time(fleet: Composed) -> None:
    """A polite signal ends every service well before Docker would kill it. The last test: nothing runs after it."""
    for process in fleet.running.values():
        process.terminate()
    assert {name: process.wait(60) for name, process in fleet.running.items()} == dict.fromkeys(OURS, 0)


def job(text: str) -> Job:
    """A job that goes outside."""
    return Job(text=HARD + text, params=Params(max_tokens=16))


def native(rabbit: RabbitServer) -> Celery:
    """A producer that knows Celery and nothing of ours."""
    app = Celery(broker=rabbit.url_of("producer"), set_as_current=False)
    app.conf.broker_transport_options = {"confirm_publish": True}
    return app


def refusals_in(rabbit: RabbitServer) -> list[str]:
    """What RabbitMQ refused to anybody."""
    logs = "\n".join(path.read_text(errors="replace") for path in (rabbit.folder / "log").glob("*.log"))
    return [line for line in logs.splitlines() if "refused" in line]


def eventually(holds: Callable[[], bool], *, timeout_s: float = 60) -> None:
    """Wait until it comes true."""
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.1)
