"""Messages that nobody honest sends, on the real queues of a running installation: refused, counted, never quoted."""

import json
import pickle
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from installations import Running
from kombu import Connection

from tidegate import connections
from tidegate.job import Job, Params
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.states import State
from tidegate.names import INTAKE_QUEUE, ROUTE_TASK, RUN_TASK, SUBMIT_TASK, lane_queue

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400), pytest.mark.every_broker]

ROOT = Path(__file__).parents[2]
TEXT = "vermilion tortoise envelope"
HARD = "Compare two designs, analyse each step by step and prove which is better. "
LANE = lane_queue("openai-large")
EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


class Harm:
    """A pickle that would write a file where it is opened."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("/tmp/tidegate-was-harmed"),))


def send(running: Running, queue: str, body: Any, **changes: Any) -> None:
    """Put something onto a queue as it is."""
    where = connections.addresses(running.settings)
    fields: dict[str, Any] = {
        "headers": {"task": ROUTE_TASK, "id": TEXT, "argsrepr": TEXT, "lang": "py"},
        "content_type": "application/json",
        "content_encoding": "utf-8",
        **changes,
    }
    exchange = queue if where.broker.startswith("amqp") else ""
    with Connection(where.broker) as connection, connection.Producer() as producer:
        producer.publish(body, exchange=exchange, routing_key=queue, **fields)


def wake_up(job_id: Any, **kwargs: Any) -> str:
    """A message's body."""
    return json.dumps([[job_id], kwargs, EMBED])


def headed(task: str, **more: Any) -> dict[str, Any]:
    """Headers of a message for a task."""
    return {"task": task, "id": "0" * 32, "argsrepr": TEXT, "shadow": None, "eta": None, **more}


FORGED: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("unknown_task", INTAKE_QUEUE, wake_up(TEXT), {"headers": headed(f"steal.{TEXT}")}),
    ("unknown_task", LANE, json.dumps([[{"text": TEXT}], {}, EMBED]), {"headers": headed(SUBMIT_TASK)}),
    (
        "unreadable_message",
        INTAKE_QUEUE,
        pickle.dumps(Harm()),
        {"content_type": "application/x-python-serialize", "content_encoding": "binary", "headers": headed(ROUTE_TASK)},
    ),
    ("unreadable_message", LANE, "{" + TEXT, {"headers": headed(RUN_TASK)}),
    (
        "unreadable_message",
        LANE,
        zlib.compress(b"\0" * 50_000_000),
        {"headers": headed(RUN_TASK, compression="application/x-gzip"), "content_encoding": "binary"},
    ),
    ("malformed_message", INTAKE_QUEUE, json.dumps({"task": ROUTE_TASK, "args": [TEXT]}), {"headers": {}}),
    ("malformed_message", LANE, wake_up({"text": TEXT}), {"headers": headed(RUN_TASK)}),
    ("malformed_message", LANE, wake_up("a" * 32, lane=TEXT), {"headers": headed(RUN_TASK)}),
    ("malformed_message", LANE, wake_up("a" * 32), {"headers": headed(RUN_TASK, shadow=TEXT)}),
    ("malformed_message", LANE, wake_up("a" * 32), {"headers": headed(RUN_TASK, eta="2040-01-01T00:00:00")}),
    (
        "malformed_message",
        INTAKE_QUEUE,
        json.dumps([[{"text": TEXT}], {}, {**EMBED, "callbacks": [{"task": "steal", "args": [TEXT]}]}]),
        {"headers": headed(SUBMIT_TASK)},
    ),
    ("oversized_message", LANE, wake_up(TEXT * 1000), {"headers": headed(RUN_TASK)}),
    ("unknown_job", LANE, wake_up("f" * 32), {"headers": headed(RUN_TASK)}),
]


def test_what_is_forged_is_refused_and_counted(running: Running) -> None:
    """Each is counted under its reason, nothing of it is logged or run, and the next honest job runs."""
    running.client.result(running.client.submit(job("before all that")), timeout_s=60)  # by then every queue is there
    refusals = Refusals(running.client.ledger.redis)
    before = refusals.counts()
    for _, queue, body, changes in FORGED:
        send(running, queue, body, **changes)
    wanted: dict[str, int] = {}
    for reason, *_ in FORGED:
        wanted[reason] = wanted.get(reason, 0) + 1
    eventually(lambda: {key: refusals.counts().get(key, 0) - before.get(key, 0) for key in wanted}, wanted)
    assert running.client.result(running.client.submit(job("after all that")), timeout_s=60).text
    assert not Path("/tmp/tidegate-was-harmed").exists()
    logs = b"".join(path.read_bytes() for path in (running.data / "logs").iterdir())
    assert b"refused" in logs
    assert not [word for word in TEXT.split() if word.encode() in logs]
    shown = json.loads(tidegate(running, "status", "--json"))["refused"]
    assert set(wanted) <= set(shown)


def test_what_is_replayed_runs_once(running: Running) -> None:
    """An old wake-up starts nothing, on any lane; an old submit gives the first job, a changed one none."""
    client = running.client
    job_id = client.submit(job("once"))
    client.result(job_id, timeout_s=60)
    for queue in (LANE, lane_queue("local-small")):
        send(running, queue, wake_up(job_id), headers=headed(RUN_TASK))
    send(running, INTAKE_QUEUE, wake_up(job_id), headers=headed(ROUTE_TASK))
    twice = "replayed-submit"
    body = json.dumps([[{"text": HARD + "a submit"}], {}, EMBED])
    for _ in range(2):
        send(running, INTAKE_QUEUE, body, headers=headed(SUBMIT_TASK) | {"id": twice})
    before = Refusals(client.ledger.redis).counts().get("conflicting_submit", 0)
    eventually(lambda: client.ledger.get_many([twice]) != [], True)
    assert client.result(twice, timeout_s=60).attempts == 1
    send(running, INTAKE_QUEUE, body.replace("a submit", "another"), headers=headed(SUBMIT_TASK) | {"id": twice})
    eventually(lambda: Refusals(client.ledger.redis).counts().get("conflicting_submit", 0), before + 1)
    last = client.submit(job("last in the same queues"))
    client.result(last, timeout_s=60)
    for one in (job_id, twice):
        assert [event.move for event in client.ledger.history(one)].count("claimed") == 1
        assert client.record(one).state is State.SUCCEEDED


def job(text: str) -> Job:
    """A job that goes outside."""
    return Job(text=HARD + text, params=Params(max_tokens=16))


def tidegate(running: Running, *args: str) -> str:
    """What a command prints."""
    env = {**running.environment, "TIDEGATE_HOME": str(ROOT), "NO_COLOR": "1", "PATH": "/usr/bin:/bin"}
    run = [sys.executable, "-m", "tidegate", *args]
    return subprocess.run(run, env=env, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT).stdout


def eventually(found: Any, wanted: Any, *, timeout_s: float = 60) -> None:
    """Wait until it is so."""
    until = time.monotonic() + timeout_s
    while (last := found()) != wanted:
        assert time.monotonic() < until, f"{last} is not {wanted}"
        time.sleep(0.1)
