"""Planted names travel through every outcome; then everything that is not the vault is searched for them.

Searched: every command that the store and the broker were sent, every key in them, their files on disk, Celery's
events, all logs, and Flower's pages and API.
"""

import base64
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from installations import Running

from tidegate import connections, deadletters
from tidegate.client import Client
from tidegate.job import Job, Params
from tidegate.keys import flower_password
from tidegate.ledger.states import State
from tidegate.messaging import celery_app

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

HARD = "Compare two designs and analyse each step by step, then prove which is the better one. "
PLANTED = {
    "inside": "Zebulon Quizzlethorpe",
    # Nobody's names, so that these jobs leave; and nothing that anybody else would write.
    "outside": "pickled turnip lantern",
    "retried": "velvet anvil pancake",
    "failed_once": "woollen thunder biscuit",
    "refused": "brass teapot meadow",
    "malformed": "Persephone Duckworthy",
    "prompt": "Bartholomew Snickelfritz",
}


@pytest.mark.redis_only
def test_no_text_of_any_job_is_found_outside_the_vault(running: Running) -> None:
    """Success, retry, failure, dead letter and redrive leave no planted name anywhere but sealed in the vault."""
    with _overheard(running) as heard:
        _drive(running.client)
    flower = _flower_pages(running)
    places = {
        "store and broker, as sent": heard.commands,
        "store and broker, as kept": _kept(running),
        "the store's files": [path.read_bytes() for path in (running.data / "store").rglob("*") if path.is_file()],
        "Celery's events": heard.events,
        "logs": [path.read_bytes() for path in (running.data / "logs").iterdir()],
        "Flower": flower,
    }
    for place, contents in places.items():
        assert contents, f"nothing was searched in {place}"
    found = [
        f"{planted} in {place}"
        for place, contents in places.items()
        for planted, name in PLANTED.items()
        if any(_holds(content, name) for content in contents)
    ]
    assert found == []
    assert any(b"tidegate.run" in page for page in flower), "Flower shows no task of ours: it was searched too early"


def test_the_provider_saw_the_outside_names_and_no_inside_name(running: Running) -> None:
    """The search works on what did leave: names of cleared jobs are there, the sensitive job's name is not."""
    received = running.record.read_bytes()
    assert _holds(received, PLANTED["outside"])
    assert not _holds(received, PLANTED["inside"])


@pytest.mark.redis_only
def test_a_native_submit_passes_the_broker_once_and_shows_nothing_in_flower(running: Running) -> None:
    """A Celery-native producer's text is in its own message, and in no event, log, record or page after that."""
    name = "copper otter umbrella"
    foreign = Celery(broker=connections.addresses(running.settings).broker, set_as_current=False)
    with _overheard(running) as heard:
        sent = foreign.send_task("tidegate.submit", [{"text": f"{HARD}Mention a {name}."}])
        result = running.client.result(_known(running.client, str(sent.id)), timeout_s=60)
    assert result.text.startswith("[stand-in]")
    assert any(_holds(command, name) for command in heard.commands), "the message itself holds the text, as documented"
    after = [*_kept(running), *heard.events, *_flower_pages(running)]
    after += [path.read_bytes() for path in (running.data / "logs").iterdir()]
    assert not any(_holds(content, name) for content in after)


@pytest.mark.redis_only
def test_a_malformed_native_submit_becomes_a_dead_letter_that_names_the_field(running: Running) -> None:
    """A sender that gets no answer finds out from the ledger, which quotes nothing of what was sent."""
    name = PLANTED["malformed"]
    foreign = Celery(broker=connections.addresses(running.settings).broker, set_as_current=False)
    sent = foreign.send_task("tidegate.submit", [{"text": f"I am {name}", name: 1}])
    job_id = _known(running.client, str(sent.id))
    assert list(running.client.stream_states(job_id, timeout_s=60))[-1] is State.DEAD
    record = running.client.record(job_id)
    assert record.reason == "malformed"
    assert "Extra inputs" in (record.cause or "")
    assert name not in record.to_json()


def test_flower_shows_each_job_that_ran_by_its_id(running: Running) -> None:
    """Many jobs behind few wake-ups are as many tasks in Flower, each with its job's id and no more."""
    jobs = running.client.submit_many([Job(text=f"Is {n} even? Answer yes or no.") for n in range(12)])
    for job in jobs:
        running.client.result(job, timeout_s=60)
    deadline, missing = time.monotonic() + 60, set(jobs)
    while missing and time.monotonic() < deadline:
        tasks = json.loads(_flower(running, "/api/tasks?limit=1000&taskname=tidegate.run")).values()
        missing = set(jobs) - {task["args"].strip("(',)") for task in tasks if task["state"] == "SUCCESS"}
    assert missing == set()


def test_flower_asks_for_a_password_and_cannot_control_workers(running: Running) -> None:
    """Pages and API answer 401 without credentials, and controls answer 403 with them."""
    for path in ("/", "/tasks", "/api/tasks", "/api/workers"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(running.installation.flower_url + path, timeout=60)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        _flower(running, "/api/worker/shutdown/anyone", method="POST")


def test_flower_shows_no_secret_of_the_installation(running: Running) -> None:
    """Neither the store's password nor a key is on any page, the workers' configuration included."""
    pages = _flower_pages(running)
    where = connections.addresses(running.settings)
    secrets = [where.store.split("@")[0].rpartition(":")[2], flower_password(running.settings)]
    secrets += [path.read_text().strip() for path in (running.data / "keys").glob("*.key")]
    assert not [secret for secret in secrets for page in pages if secret.encode() in page]


def _drive(client: Client) -> None:
    """Take a planted name through each outcome."""
    ids = {
        "inside": _submit(
            client, f"What is the sentiment? Patient {PLANTED['inside']}, phone 555-010-4477: kind nurse"
        ),
        "outside": _submit(client, f"{HARD}Mention a {PLANTED['outside']}."),
        "retried": _submit(client, f"{HARD}please retry for a {PLANTED['retried']}"),
        "failed_once": _submit(client, f"{HARD}please fail once for a {PLANTED['failed_once']}"),
        "refused": _submit(client, f"{HARD}please refuse a {PLANTED['refused']}"),
        "prompt": client.submit(Job.from_json(json.dumps(_prompt_job(PLANTED["prompt"])))),
    }
    ends = {name: list(client.stream_states(job_id, timeout_s=60))[-1] for name, job_id in ids.items()}
    assert ends.pop("refused") is State.DEAD
    assert set(ends.values()) == {State.SUCCEEDED}, ends
    zones = {name: client.record(job_id).zone for name, job_id in ids.items()}
    assert zones["inside"] == "inside"
    assert zones["outside"] == zones["retried"] == "outside"
    deadletters.redrive(client.ledger, client.doorbell, client.record(ids["refused"]), by="test")
    assert list(client.stream_states(ids["refused"], timeout_s=60))[-1] is State.DEAD
    assert client.record(ids["refused"]).redrives == 1


def _submit(client: Client, text: str) -> str:
    return client.submit(Job(text=text, params=Params(max_tokens=24)))


def _prompt_job(name: str) -> dict[str, Any]:
    return {"prompt": {"name": "sentiment", "variables": {"text": f"{name} was delighted with the service."}}}


class _Heard:
    """What went over the wire while we listened."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []
        self.events: list[bytes] = []


@contextmanager
def _overheard(running: Running) -> Iterator[_Heard]:
    """Listen to every command of the store and to every event of Celery."""
    where = connections.addresses(running.settings)
    heard, stop, ready = _Heard(), threading.Event(), threading.Barrier(3)
    threads = [
        threading.Thread(target=_monitor, args=(where.store, heard, stop, ready), daemon=True),
        threading.Thread(target=_events, args=(celery_app(running.settings, where), heard, stop, ready), daemon=True),
    ]
    for thread in threads:
        thread.start()
    ready.wait(timeout=60)
    try:
        yield heard
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=60)


def _monitor(url: str, heard: _Heard, stop: threading.Event, ready: threading.Barrier) -> None:
    client = connections.connect(url, timeout_s=1)
    with client.monitor() as monitor:
        ready.wait()
        while not stop.is_set():
            try:
                heard.commands.append(json.dumps(monitor.next_command(), default=str).encode())
            except Exception as exc:
                if "imeout" not in type(exc).__name__:
                    raise


def _events(app: Celery, heard: _Heard, stop: threading.Event, ready: threading.Barrier) -> None:
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(
            connection, handlers={"*": lambda event: heard.events.append(json.dumps(event, default=str).encode())}
        )
        receiver.on_consume_ready = lambda *_, **__: ready.wait()
        threading.Thread(target=lambda: (stop.wait(), setattr(receiver, "should_stop", True)), daemon=True).start()
        for _ in receiver.consume(limit=None, safety_interval=0.5, wakeup=False):
            pass


def _kept(running: Running) -> list[bytes]:
    """Every key and value in all databases of the store."""
    where = connections.addresses(running.settings)
    contents = []
    for number in range(4):
        client = connections.connect(connections.with_database(where.store, number), timeout_s=5)
        for key in client.scan_iter(count=1000):
            contents += [key, client.dump(key) or b"", *_readable(client, key)]
    return contents


def _readable(client: Any, key: bytes) -> list[bytes]:
    """A value as its clients read it: `dump` may compress."""
    kind = client.type(key)
    read = {
        b"string": lambda: [client.get(key)],
        b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: list(client.smembers(key)),
        b"zset": lambda: client.zrange(key, 0, -1),
    }
    return [value for value in read[kind]() if value] if kind in read else []


def _flower_pages(running: Running) -> list[bytes]:
    """Every page and API answer that shows tasks or workers."""
    _flower(running, "/api/workers?refresh=1")
    deadline = time.monotonic() + 60
    tasks: dict[str, Any] = {}
    while not tasks and time.monotonic() < deadline:
        tasks = json.loads(_flower(running, "/api/tasks?limit=1000"))
    workers = json.loads(_flower(running, "/api/workers"))
    paths = [
        "/",
        "/workers",
        "/tasks",
        "/broker",
        "/api/tasks?limit=1000",
        "/api/workers",
        "/metrics",
        "/api/task/types",
    ]
    paths += ["/api/queues/length", *(f"/worker/{name}" for name in workers)]
    paths += [f"/{kind}/{task}" for task in list(tasks)[:40] for kind in ("task", "api/task/info")]
    return [_flower(running, path) for path in paths]


def _flower(running: Running, path: str, *, method: str = "GET") -> bytes:
    credentials = f"{running.settings.flower_user}:{flower_password(running.settings)}".encode()
    request = urllib.request.Request(
        running.installation.flower_url + path,
        method=method,
        headers={"authorization": "Basic " + base64.b64encode(credentials).decode()},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        content: bytes = response.read()
    return content


def _known(client: Client, job_id: str) -> str:
    """The id, once the router took the job in."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if client.ledger.get_many([job_id]):
            return job_id
        time.sleep(0.05)
    raise AssertionError("the router did not take the job in")


def _holds(content: bytes, name: str) -> bool:
    """Whether a name is there: as written, by its last word, in base64 at any alignment, or in hex."""
    words = [name.encode(), name.rsplit(maxsplit=1)[-1].encode()]
    forms = [form for word in words for form in (word, word.hex().encode(), *_base64_forms(word))]
    return any(form in content for form in forms)


def _base64_forms(word: bytes) -> Iterator[bytes]:
    """The part of a word's base64 that does not depend on its neighbours, for each alignment."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + word)
        start = -(-shift * 4 // 3)
        yield whole[start : (shift + len(word)) // 3 * 4]


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    """Every form in which a name could hide in a message is recognised, so an empty search means something."""
    name = PLANTED["inside"]
    for shift in range(3):
        text = b"x" * shift + name.encode() + b" was here"
        assert _holds(base64.b64encode(text), name)
        assert _holds(text.hex().encode(), name)
        assert _holds(text, name)
    assert not _holds(b"nothing of the kind", name)
