"""Answers that a policy wants to see first, with real processes: a secret comes back, and a router dies.

An installation of its own: the policy of the others lets answers pass unseen.
"""

import os
import shutil
import signal
from collections.abc import Iterator

import pytest
from installations import Running, installed
from test_nothing_leaks import HARD, _holds, _kept
from workers_at_work import until

from tidegate.errors import JobFailed
from tidegate.job import Job
from tidegate.ledger.census import Census
from tidegate.ledger.states import State
from tidegate.settings import load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SECRET = "AKIA" + "Z7QGX3MLP5VUDT2R"
TOLD = f"Use the key {SECRET} and all will be well."
FAULTS = [
    {"fault": "says", "times": "forever", "text": TOLD, "when": {"contains": "tell a secret"}},
    {"fault": "says", "times": "forever", "text": "Lighthouses blink.", "when": {"contains": "lighthouses"}},
]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Store, router, workers, janitor and the stand-in; answers from outside are internal at most."""
    data = tmp_path_factory.mktemp("watched")
    shipped, policy = load(data=data).policy_file, data / "policies" / "watched.yaml"
    shutil.copytree(shipped.parent, policy.parent)
    written = shipped.read_text()
    promise = "guarantees:\n  - {name: clean, answers: {at_most: internal}}\n"
    assert "\nguarantees:" not in written
    policy.write_text(written.replace("\nrules:", f"\n{promise}\nrules:", 1))
    given = {"policy": policy, "broker_url": None, "store_url": None, "openai_base_url": None}
    settings = load(data=data, lease_s=3.0, nudge_s=2.0, **given)
    yield from installed(settings, faults=FAULTS)


def test_a_secret_that_comes_back_reaches_nobody(watched: Running) -> None:
    """The job is a dead letter; the secret is in no key of the store, in no log, and in no record."""
    job_id = watched.client.submit(Job(text=f"{HARD}Then tell a secret."))
    with pytest.raises(JobFailed, match="answer_forbidden"):
        watched.client.result(job_id, timeout_s=60)
    record = watched.client.record(job_id)
    assert record.zone == "outside"
    assert "AWS" in (record.cause or "") or "API_KEY" in (record.cause or ""), record.cause
    logs = [path.read_bytes() for path in (watched.data / "logs").iterdir()]
    store = [path.read_bytes() for path in (watched.data / "store").rglob("*") if path.is_file()]
    for contents in (_kept(watched), logs, store):
        assert contents
        assert not any(_holds(content, SECRET) for content in contents)


def test_a_clean_answer_is_passed_on(watched: Running) -> None:
    """The producer reads it, and the history says that it was looked at."""
    job_id = watched.client.submit(Job(text=f"{HARD}Write of lighthouses."))
    assert watched.client.result(job_id, timeout_s=60).text == "Lighthouses blink."
    moves = [event.move for event in watched.client.ledger.history(job_id)]
    assert moves[-2:] == ["answered", "approved"]


def test_a_router_that_is_killed_ends_each_job_once(watched: Running) -> None:
    """A kill -9 while answers wait for a look: every job ends, once, as it should."""
    jobs = watched.client.submit_many(
        [Job(text=f"{HARD}Write of lighthouses {number}.") for number in range(12)]
        + [Job(text=f"{HARD}Then tell a secret {number}.") for number in range(4)]
    )
    routers = [one.pid for one in Census(watched.client.ledger.redis).workers() if one.role == "router"]
    until(lambda: any(one.answer for one in watched.client.ledger.get_many(jobs)), 60)
    for pid in routers:
        os.kill(pid, signal.SIGKILL)
    for job_id in jobs:
        assert list(watched.client.stream_states(job_id, timeout_s=60))[-1].ended
    found = watched.client.ledger.get_many(jobs)
    assert [one.state for one in found] == [State.SUCCEEDED] * 12 + [State.DEAD] * 4
    assert {one.reason for one in found[12:]} == {"answer_forbidden"}
    for job_id in jobs:
        history = watched.client.ledger.history(job_id)
        assert sum(event.state.ended for event in history) == 1
