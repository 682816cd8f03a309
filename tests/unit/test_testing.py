"""The in-memory client's own ways; what it shares with the real ones is in tests/contract/test_client.py."""

import doctest
import inspect
import subprocess
import sys
import threading
from typing import Any

import pytest

import tidegate.testing
from tidegate import AsyncClient, Client, Job, State
from tidegate.errors import Conflict, JobFailed, Reason, ResultTimeout, UnknownJob
from tidegate.result import Answer, Usage
from tidegate.testing import AsyncInMemoryClient, InMemoryClient, dead, expired, unfinished


def test_the_docstring_s_example_runs() -> None:
    """What the docstring shows is what happens."""
    found = doctest.testmod(tidegate.testing)
    assert found.attempted >= 5
    assert found.failed == 0


@pytest.mark.parametrize(
    ("real", "double"), [(Client, InMemoryClient), (AsyncClient, AsyncInMemoryClient)], ids=["sync", "async"]
)
@pytest.mark.parametrize("name", ["submit", "submit_many", "result", "stream_states", "cancel", "record"])
def test_the_surface_is_the_real_one(real: type, double: type, name: str) -> None:
    """Same methods, same parameters, same defaults, same annotations: code that runs with one runs with the other."""
    assert inspect.signature(getattr(double, name)) == inspect.signature(getattr(real, name))


ANSWER = Answer(text="yes", model="m", usage=Usage(prompt_tokens=3, completion_tokens=1), finish_reason="length")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("a text", "a text"),
        (ANSWER, "yes"),
        ({"x": "by text"}, "by text"),
        (lambda job: job.text.upper(), "X"),
        (lambda job: ANSWER, "yes"),
    ],
    ids=["text", "answer", "mapping", "function", "function of an answer"],
)
def test_a_test_says_what_the_answer_is(answer: Any, expected: str) -> None:
    """One text for all, one by each job's text, or a function of the job."""
    client = InMemoryClient(answer=answer)
    result = client.result(client.submit({"text": "x"}), timeout_s=0)
    assert result.text == expected
    if expected == "yes":
        assert (result.usage, result.model, result.finish_reason) == (ANSWER.usage, "m", "length")


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [(dead(Reason.CONTENT_REFUSED), "dead", "content_refused"), (expired(), "expired", "expired")],
)
def test_a_test_can_let_a_job_fail(outcome: Any, state: str, reason: str) -> None:
    """Dead letters and expired jobs are told as by the real client."""
    client = InMemoryClient(answer=outcome)
    with pytest.raises(JobFailed) as caught:
        client.result(client.submit({"text": "x"}))
    assert (caught.value.state, caught.value.reason) == (state, reason)


def test_what_the_test_s_function_raises_reaches_the_test() -> None:
    """A mistake in the test is not taken for a failed job, and the job is not accepted."""
    client = InMemoryClient(answer={"known": "x"})
    with pytest.raises(LookupError) as caught:
        client.submit({"text": "unknown text"}, job_id="j")
    assert "unknown text" not in str(caught.value)
    with pytest.raises(UnknownJob):
        client.record("j")
    assert client.jobs == {}


def test_the_test_can_look_at_the_jobs() -> None:
    """Every accepted job is there by id, as a value, once."""
    client = InMemoryClient()
    job_id = client.submit('{"text":"x","idempotency_key":"k"}')
    client.submit({"text": "x", "idempotency_key": "k"})
    assert client.jobs == {job_id: Job(text="x", idempotency_key="k")}


def test_an_open_job_is_finished_by_the_test() -> None:
    """A waiter is let go when the test finishes the job, which it can do once."""
    client = InMemoryClient(answer=unfinished())
    job_id = client.submit({"text": "x"})
    texts: list[str] = []
    waiter = threading.Thread(target=lambda: texts.append(client.result(job_id, timeout_s=10).text))
    waiter.start()
    with pytest.raises(ResultTimeout):
        client.result(job_id, timeout_s=0)
    with pytest.raises(Conflict):
        client.finish(job_id, unfinished())
    client.finish(job_id, "done")
    waiter.join(30)
    assert texts == ["done"]
    with pytest.raises(Conflict):
        client.finish(job_id, dead(Reason.MANUAL))
    assert client.record(job_id).state is State.SUCCEEDED


def test_many_threads_share_one_key() -> None:
    """Threads that submit the same job at once get one job."""
    client = InMemoryClient()
    gate = threading.Barrier(8)
    ids: list[str] = []

    def submit() -> None:
        gate.wait(30)
        ids.append(client.submit({"text": "x", "idempotency_key": "k"}))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(ids) == 8
    assert set(ids) == set(client.jobs)
    assert len(client.jobs) == 1


def test_nothing_is_reached() -> None:
    """A backend's test needs no socket, no key, no worker: with sockets taken away it runs all the same."""
    program = (
        "import socket, sys\n"
        "def refused(*_, **__): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = refused\n"
        "from tidegate.testing import InMemoryClient\n"
        "client = InMemoryClient(); assert client.result(client.submit({'text': 'x'})).text == 'ok'\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('workers', 'router')]\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)
