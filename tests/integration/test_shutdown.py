"""A worker that is told to go: it takes nothing new, ends what it can in its grace time, and hands back the rest."""

import os
import signal

import psutil
import pytest
from installations import Running
from workers_at_work import until

from tidegate.job import Job, Params
from tidegate.ledger.census import Census
from tidegate.ledger.states import State

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

HARD = "Compare two designs, analyse each step by step and prove which is better. "
EXIT_S = 15
"""The supervisor's patience: past it, it would kill."""


def test_sigterm_ends_what_it_can_and_hands_back_the_rest(running: Running) -> None:
    """No job fails for a deploy: one that is nearly done is done, a long one runs again elsewhere at once."""
    client = running.client
    going = next(one for one in Census(client.ledger.redis).workers() if one.zone == "outside")
    process = psutil.Process(going.pid)
    short, long = (client.submit(_job(text)) for text in ("please linger once", "please dawdle at the deploy"))
    for job_id in (short, long):
        _await_running(running, job_id)
    os.kill(going.pid, signal.SIGTERM)
    heard = running.installation.log_of("outside")
    until(lambda: "worker.leaving" in heard.read_text(encoding="utf-8"), within_s=60)
    later = client.submit(_job("after the deploy"))
    process.wait(EXIT_S)
    for job_id in (short, long, later):
        client.result(job_id, timeout_s=60)
    moves = {job_id: [event.move for event in client.ledger.history(job_id)] for job_id in (short, long, later)}
    assert moves[short].count("claimed") == 1, "it was ended in the grace time"
    assert "handed_back" in moves[long]
    assert not any("lease_lapsed" in moved for moved in moves.values()), "nobody had to wait for a lease"
    assert client.record(long).crashes == 0
    assert client.record(later).worker != going.name, "it takes nothing new"


def _job(text: str) -> Job:
    return Job(text=HARD + text, params=Params(max_tokens=16))


def _await_running(running: Running, job_id: str) -> None:
    for state in running.client.stream_states(job_id, timeout_s=60):
        if state is State.RUNNING:
            return
    raise AssertionError("it ended too soon")
