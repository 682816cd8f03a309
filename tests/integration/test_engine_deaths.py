"""Engines that die or hang under a real worker: the jobs go back to the lane, and the worker goes on."""

import os
import shutil
import signal
from collections.abc import Iterator

import pytest
from test_hot_swap import engines, lanes, submit
from workers_at_work import Workers, until, workers

from tidegate.client import Client
from tidegate.errors import JobFailed, Reason
from tidegate.job import Job, JsonSchema, Params, ResponseFormat
from tidegate.ledger.states import State
from tidegate.settings import Settings, load
from workers.models import catalogue

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture
def desk(client: Client, settings: Settings) -> Iterator[Workers]:
    """A worker and a janitor; the janitor brings back what waits for its next try."""
    shipped = next(model.path for model in catalogue.known(load()) if model.origin == "shipped")
    settings.data.mkdir(parents=True, exist_ok=True)
    shutil.copy(shipped, settings.data / "old.gguf")
    served = {name: {**lane, "context_tokens": 1024} for name, lane in lanes(str(settings.data / "old.gguf")).items()}
    with workers(client, settings, served) as found:
        found.start()
        found.start("janitor")
        yield found


def in_the_engine(desk: Workers, job_id: str, *, attempt: int) -> int:
    """The engine's process id, once it is loaded and the job runs in it for the so manieth time."""
    until(lambda: [e.move for e in desk.client.ledger.history(job_id)].count("claimed") == attempt, 60)
    until(lambda: desk.log().count("event=engine.ready") == attempt, 60)
    return engines(desk)[0].pid


def endless(desk: Workers) -> str:
    """A job that is certainly still there when somebody looks: its form wants half a thousand tokens."""
    schema = {"type": "array", "items": {"const": "sea"}, "minItems": 150, "maxItems": 150}
    form = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=schema))
    return desk.place("local", Job(text="tell me about the sea", params=Params(max_tokens=900, response_format=form)))


def test_a_segmentation_fault_ends_the_engine_alone(desk: Workers) -> None:
    """Those who ran in it go back to the lane, once, and end in the next engine; the worker is the same process."""
    job_id = submit(desk, 1)[0]
    desk.await_state(job_id, State.SUCCEEDED, within_s=60)
    first = engines(desk)[0].pid
    os.kill(first, signal.SIGSTOP)  # so that they are certainly there when it dies
    jobs = submit(desk, 2)
    for job_id in jobs:
        desk.await_state(job_id, State.RUNNING)
    os.kill(first, signal.SIGSEGV)
    os.kill(first, signal.SIGCONT)
    for job_id in jobs:
        assert desk.await_state(job_id, State.SUCCEEDED, within_s=60).crashes <= 1
    assert "the engine died (SIGSEGV)" in desk.log()
    assert desk.processes[0].poll() is None
    assert [one.pid for one in engines(desk)] != [first]


def test_a_job_that_kills_two_engines_is_poison(desk: Workers) -> None:
    """It is a dead letter after its second engine; a job that was killed once with it succeeds."""
    desk.await_state(submit(desk, 1)[0], State.SUCCEEDED, within_s=60)
    os.kill(engines(desk)[0].pid, signal.SIGSTOP)  # so that it is certainly there when the engine dies
    bad = endless(desk)
    os.kill(in_the_engine(desk, bad, attempt=1), signal.SIGKILL)
    os.kill(in_the_engine(desk, bad, attempt=2), signal.SIGKILL)
    record = desk.await_state(bad, State.DEAD, within_s=60)
    assert record.reason == Reason.POISON
    assert record.crashes <= 2  # the second death ends it without another move
    with pytest.raises(JobFailed, match="poison"):
        desk.client.result(bad, timeout_s=1)
    good = submit(desk, 1)[0]
    desk.await_state(good, State.SUCCEEDED, within_s=60)


def test_a_hung_engine_is_killed_and_its_job_runs_in_the_next(desk: Workers) -> None:
    """It says nothing for as long as it may: then it is killed, and the job is tried once more."""
    job_id = submit(desk, 1)[0]
    desk.await_state(job_id, State.SUCCEEDED, within_s=60)
    first = engines(desk)[0].pid
    os.kill(first, signal.SIGSTOP)
    hung = submit(desk, 1)[0]
    assert desk.await_state(hung, State.SUCCEEDED, within_s=90).attempts == 2
    assert "no heartbeat for 15 s (SIGKILL)" in desk.log()
    assert first not in [one.pid for one in engines(desk)]
