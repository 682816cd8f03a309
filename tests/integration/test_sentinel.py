"""Broker and store behind Sentinel: one URL, and a failover that producers and workers live through."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import KEYS
from ports import free_port
from sentinels import Watched, watched

from tidegate.client import Client
from tidegate.errors import StoreUnavailable
from tidegate.settings import load

pytestmark = pytest.mark.integration

READER = """
import sys
from tidegate.connections import addresses
from tidegate.messaging import celery_app, intake_queues
from tidegate.settings import load
settings = load()
where = addresses(settings)
app = celery_app(settings, where, role="router")
@app.task(name="tidegate.route", shared=False)
def route(job_id):
    print("woken for", job_id, flush=True)
app.conf.task_queues = intake_queues(settings, where)
app.Worker(pool="threads", concurrency=1, queues=["tidegate.intake"], without_gossip=True, without_mingle=True).start()
"""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Watched]:
    """A master, its replica, a sentinel."""
    with watched(tmp_path, (free_port(), free_port(), free_port())) as made:
        yield made


def test_a_failover_loses_no_accepted_job(servers: Watched, tmp_path: Path) -> None:
    """With one replica to wait for, what was accepted is on the new master, and wake-ups go on to the same worker."""
    given: dict[str, Any] = {"broker_url": servers.url, "store_replicas": 1, "store_timeout_s": 2.0, **KEYS}
    with Client(load(data=tmp_path / "data", **given)) as client, reading(servers, tmp_path) as woken:
        accepted = [client.submit({"text": f"job {number}"}) for number in range(20)]
        assert woken(accepted[0])  # one wake-up is enough for all of them
        servers.kill_master()
        with pytest.raises(StoreUnavailable, match="fewer than 1 replicas"):
            submitted(client, "with nobody to replicate to")
        assert [client.record(job_id).state.value for job_id in accepted] == ["accepted"] * len(accepted)
        assert rung_until_heard(client, accepted[0], woken)


def test_without_a_replica_to_wait_for_a_submit_goes_on(servers: Watched, tmp_path: Path) -> None:
    """The default takes a job as accepted when the master has it: after a failover the one server is enough."""
    given: dict[str, Any] = {"broker_url": servers.url, "store_timeout_s": 2.0, **KEYS}
    with Client(load(data=tmp_path / "data", **given)) as client:
        client.submit({"text": "before"})
        servers.kill_master()
        assert client.record(submitted(client, "after")).state == "accepted"


def submitted(client: Client, text: str) -> str:
    """Submit like a patient producer: a master that is gone is asked for again."""
    until = time.monotonic() + 60
    while True:
        try:
            return client.submit({"text": text, "idempotency_key": text})
        except StoreUnavailable as exc:
            if "fewer than" in str(exc) or time.monotonic() > until:
                raise


def rung_until_heard(client: Client, job_id: str, woken: Any) -> bool:
    """As the janitor does: a wake-up that was lost in the failover is sent again."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            client.doorbell.ring_router(job_id, priority=0)
        if woken(job_id, within_s=2.0):
            return True
    return False


@contextlib.contextmanager
def reading(servers: Watched, folder: Path) -> Iterator[Any]:
    """A worker as a process; gives a function that says whether it was woken for a job, from now on."""
    env = {**os.environ, "TIDEGATE_BROKER_URL": servers.url, "TIDEGATE_DATA": str(folder / "reader")}
    heard = folder / "heard"
    with heard.open("wb") as output, (folder / "reader.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", READER], env=env, stdout=output, stderr=log)
    seen = 0

    def woken(job_id: str, *, within_s: float = 60.0) -> bool:
        nonlocal seen
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            told = heard.read_text()
            if job_id in told[seen:]:
                seen = len(told)
                return True
            time.sleep(0.05)
        return False

    try:
        yield woken
    finally:
        process.kill()
        process.wait(30)
