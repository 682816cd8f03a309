"""Calls of the OpenAI backend end: at the run's limit, when they are stopped, with the backend and with the process."""

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest
from holding import held
from loopback import saying
from openai_asked import a_run, ask, lane, surround
from waiting import came_true

from tidegate import errors
from tidegate.errors import RunError
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import open_backend
from workers.standin.faults import Fault
from workers.standin.server import Running

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of ours, and nothing of the shell's."""
    surround(monkeypatch)


def test_a_slow_server_is_given_up_in_time(standin: Running) -> None:
    """The limit is the run's, not the SDK's ten minutes."""
    standin.standin.book.replace((Fault(fault="slow", delay_s=30),))
    before = time.monotonic()
    with pytest.raises(errors.RunTimedOut):
        ask(standin.url, a_run(timeout_s=0.3))
    assert time.monotonic() - before < 25


def test_a_drip_does_not_outwit_the_limit() -> None:
    """A byte now and then satisfies a limit on each read, but not one on the whole."""
    done = threading.Event()

    def drip(it: BaseHTTPRequestHandler) -> None:
        it.send_response(200)
        it.send_header("content-length", "1000")
        it.end_headers()
        while not done.wait(0.05):
            try:
                it.wfile.write(b" ")
            except OSError:
                return

    before = time.monotonic()
    with saying(drip) as url:
        with pytest.raises(errors.RunTimedOut):
            ask(url, a_run(timeout_s=0.4))
        done.set()
    assert time.monotonic() - before < 25


def test_a_stop_hangs_up_at_once(standin: Running) -> None:
    """The caller returns soon, and the provider sees that nobody is there any more."""
    standin.standin.book.replace((Fault(fault="slow", delay_s=30),))
    stop = threading.Event()
    stopper = threading.Thread(target=lambda: came_true(lambda: bool(standin.standin.received)) and stop.set())
    stopper.start()
    before = time.monotonic()
    with pytest.raises(errors.RunTimedOut, match="cancelled"):
        ask(standin.url, stop=stop)
    assert time.monotonic() - before < 25
    stopper.join()
    assert came_true(lambda: standin.standin.hung_up == 1)


def test_a_stop_that_came_before_sends_nothing(standin: Running) -> None:
    """What nobody wants any more does not leave."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(errors.RunTimedOut, match="cancelled"):
        ask(standin.url, stop=stop)
    assert standin.standin.received == []


def test_closing_ends_what_is_in_flight(standin: Running) -> None:
    """A worker that goes down waits for no provider; later calls are told so."""
    standin.standin.book.replace((Fault(fault="slow", delay_s=30),))
    backend = open_backend(lane(base_url=standin.url), Settings())
    ended: list[BaseException] = []

    def call() -> None:
        try:
            backend.answer(a_run(), stop=threading.Event())
        except RunError as error:
            ended.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert came_true(lambda: standin.standin.calls > 0)
    backend.close()
    backend.close()
    thread.join(25)
    assert [type(error) for error in ended] == [errors.RunTimedOut]
    with pytest.raises(errors.RunTimedOut, match="closed"):
        backend.answer(a_run(), stop=threading.Event())


def test_many_threads_share_one_backend(standin: Running) -> None:
    """Calls run beside each other: twenty are with the provider before one of them is answered."""
    standin.standin.book.replace((Fault(fault="slow", delay_s=60, times="forever"),))
    go = held(standin.standin)
    backend = open_backend(lane(base_url=standin.url, concurrency=20), Settings())
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(backend.answer(a_run(timeout_s=60), stop=threading.Event())))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    assert came_true(lambda: standin.standin.calls == 20)
    assert answers == []
    go.set()
    for thread in threads:
        thread.join()
    backend.close()
    assert len(answers) == 20


def test_a_process_that_closes_nothing_still_ends(standin: Running) -> None:
    """A worker that crashes must not hang in its own end."""
    script = (
        "import sys, threading\n"
        "from tidegate.job import Message, Params\n"
        "from tidegate.lane import Lane\n"
        "from tidegate.settings import Settings\n"
        "from workers.backend import Run, open_backend\n"
        f"backend = open_backend(Lane.model_validate_json({lane(base_url=standin.url).to_json()!r}), Settings())\n"
        "turns = (Message(role='user', content='hi'),)\n"
        "run = Run(job_id='j', attempt=1, messages=turns, params=Params(), timeout_s=60)\n"
        "backend.answer(run, stop=threading.Event())\n"
        "sys.exit(3)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=90, check=False)
    assert ended.returncode == 3
