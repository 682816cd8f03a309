"""A store that an earlier release left behind: every record and every envelope in it is read, and open jobs go on.

`stored/v1.json` was written by the release whose format it is, and is never written again.
"""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from doubles import RecordingDoorbell, ScriptedBackend, answer, decision, lane

from router.placement import Placement
from tidegate import deadletters
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import UnknownJob
from tidegate.job import Job
from tidegate.keys import keyring, signer
from tidegate.lane import Zone
from tidegate.ledger.states import State
from tidegate.settings import Settings
from tidegate.vault import Seals, Vault
from workers.janitor import Janitor
from workers.lease import Leases
from workers.outcomes import Outcomes
from workers.tasks import Running

STORED = Path(__file__).parent / "stored" / "v1.json"
OUTSIDE = "stored-placed-outside"
OPEN = ("stored-accepted", "stored-placed", OUTSIDE, "stored-running", "stored-waiting")
ENDED = {"stored-succeeded": State.SUCCEEDED, "stored-cancelled": State.CANCELLED, "stored-expired": State.EXPIRED}


@pytest.fixture
def upgraded(client: Client, redis: StoreClient) -> Client:
    """A client of this release on a store of then."""
    put: Mapping[str, Callable[[str, Any], Any]] = {
        "hash": lambda key, value: redis.hset(key, mapping=value),
        "zset": redis.zadd,
        "list": lambda key, value: redis.rpush(key, *value),
        "string": lambda key, value: redis.set(key, base64.b64decode(value), ex=3600),
    }
    for key, held in json.loads(STORED.read_text()).items():
        put[held["type"]](key, held["value"])
    return client


def test_every_record_and_its_history_can_be_read(upgraded: Client) -> None:
    """No field of then has changed its meaning or its form."""
    for job_id in (*OPEN, *ENDED, "stored-dead"):
        state = State(job_id.removeprefix("stored-").removesuffix("-outside"))
        assert upgraded.record(job_id).state is state
        assert upgraded.ledger.history(job_id)[-1].state is state


def test_envelopes_of_then_open(upgraded: Client) -> None:
    """A payload, a result and a copy for the outside, each sealed by the earlier release."""
    placed = upgraded.record(OUTSIDE)
    assert Job.from_json(upgraded.vault.get(placed.payload or "")).text == "stored while placed"
    assert Job.from_json(upgraded.vault.get(placed.outside or "")).text == "stored while placed"
    assert upgraded.result("stored-succeeded", timeout_s=1).text == "answered then"


def test_jobs_that_were_open_end(upgraded: Client, settings: Settings, doorbell: RecordingDoorbell) -> None:
    """Whatever state an upgrade catches a job in, janitor, router and workers of this release bring it to its end."""
    _work(upgraded, settings, doorbell)
    assert {job_id: upgraded.record(job_id).state for job_id in OPEN} == dict.fromkeys(OPEN, State.SUCCEEDED)
    assert upgraded.record(OUTSIDE).attempts == 1
    assert upgraded.record("stored-running").crashes == 1, "its worker of then is gone"
    assert {job_id: upgraded.record(job_id).state for job_id in ENDED} == ENDED


def test_a_dead_letter_of_then_is_redriven(upgraded: Client, settings: Settings, doorbell: RecordingDoorbell) -> None:
    """It is listed, and goes through the router again with its payload."""
    (letter,) = deadletters.chosen(upgraded.ledger, deadletters.Choice())
    deadletters.redrive(upgraded.ledger, doorbell, upgraded.record(letter.id), by="a test")
    _work(upgraded, settings, doorbell)
    assert upgraded.record("stored-dead").state is State.SUCCEEDED


def _work(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> None:
    """What the processes do, until nothing is due any more."""
    inside, outside = lane("local"), lane("api", zone=Zone.OUTSIDE)
    workers = {
        one.name: Running(
            name="worker-of-now",
            ledger=client.ledger,
            vault=Vault(client.ledger.redis, Seals({one.zone: keyring(settings, one.zone)})),
            outcomes=Outcomes(client.ledger, doorbell, nudge_s=settings.nudge_s),
            leases=Leases(client.ledger, lease_s=30.0),
            verifier=lambda: signer(settings).verifier,
            lanes={one.name: one},
            backend=lambda _lane: ScriptedBackend(lambda _run, _stop: answer("answered now")),
            result_keep_s=600,
        )
        for one in (inside, outside)
    }
    placement = Placement(client.ledger, client.vault, doorbell, signer(settings), nudge_s=1)
    janitor = Janitor(ledger=client.ledger, doorbell=doorbell, nudge_s=1, max_crashes=2, period_s=0.01)
    for _ in range(5):
        client.ledger.redis.zadd("tg:agenda", dict.fromkeys(OPEN, 0), xx=True)
        for job_id in OPEN:
            client.ledger.redis.hset(f"tg:job:{job_id}", "look_at", 0)
        janitor.sweep()
        for job_id in (*OPEN, "stored-dead"):
            _step(client, placement, workers, job_id)


def _step(client: Client, placement: Placement, workers: Mapping[str, Running], job_id: str) -> None:
    try:
        record = client.record(job_id)
    except UnknownJob:
        return
    if record.state is State.ACCEPTED:
        job = Job.from_json(client.vault.get(record.payload or ""))
        placement.place(record, job, decision("local"), rewritten=False)
    elif record.state is State.PLACED:
        workers[record.lane or ""].run(job_id)
