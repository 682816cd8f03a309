"""Engines as processes: what they know, what becomes of jobs when they die or hang, and that none is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import CANARY, an_engine, ask, engine_pid, gone, run, shipped
from waiting import came_true

from tidegate.errors import EngineCrashed, Overloaded, RunTimedOut
from tidegate.result import Answer
from workers.local import watch
from workers.local.backend import LocalBackend


@pytest.fixture(scope="module")
def backend() -> Iterator[LocalBackend]:
    """A backend of the shipped model that the tests of this file share: it heals after each."""
    with an_engine() as opened:
        yield opened


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_the_death_of_the_engine_is_an_error_and_the_next_job_runs(
    backend: LocalBackend, how: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segmentation fault or a kill takes down the engine, not the worker."""
    ask(backend)
    pid, engine = engine_pid(backend), backend._engine
    assert engine is not None
    os.kill(pid, signal.SIGSTOP)  # so that the job is under way when it dies
    hand_over = engine.ask

    def and_kill(*args: Any, **given: Any) -> Any:
        handed = hand_over(*args, **given)
        os.kill(pid, how)
        if how != signal.SIGKILL:
            os.kill(pid, signal.SIGCONT)
        return handed

    monkeypatch.setattr(engine, "ask", and_kill)
    with pytest.raises(EngineCrashed, match=signal.Signals(how).name):
        ask(backend, run(CANARY))
    assert isinstance(ask(backend), Answer)
    assert engine_pid(backend) != pid


def test_a_job_that_the_engine_never_had_is_not_blamed_for_its_death() -> None:
    """An engine that dies while it loads says nothing about the jobs that wait for it: they are no poison."""
    with an_engine() as backend:

        def kill_at_once() -> None:
            assert came_true(lambda: backend._engine is not None and backend._engine.pid is not None)
            os.kill(engine_pid(backend), signal.SIGKILL)

        killer = threading.Thread(target=kill_at_once)
        killer.start()
        with pytest.raises(Overloaded, match=r"SIGKILL.*before it had the job"):
            ask(backend)
        killer.join()
        assert isinstance(ask(backend), Answer)


def test_an_engine_without_heartbeat_is_killed() -> None:
    """Silence means that it hangs; waiting for the job's own timeout would only cost time."""
    with an_engine(silence_s=3.0) as backend:
        ask(backend)
        pid = engine_pid(backend)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(EngineCrashed, match="no heartbeat for 3 s"):
            ask(backend)
        assert came_true(lambda: gone(pid))
        assert isinstance(ask(backend), Answer)


def test_a_hung_engine_is_killed_after_the_timeout(backend: LocalBackend) -> None:
    """The hard limit is the run's timeout and a small grace."""
    ask(backend)
    pid = engine_pid(backend)
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(RunTimedOut, match=r"no answer within 0\.5 s"):
        ask(backend, run(timeout_s=0.5))
    assert time.monotonic() - started < watch.SILENCE_S
    assert came_true(lambda: gone(pid))
    assert isinstance(ask(backend), Answer)


def test_the_engine_dies_with_its_worker(tmp_path: Path) -> None:
    """A worker that was killed leaves no engine behind."""
    script = tmp_path / "worker.py"
    script.write_text(ORPHAN)
    house = Path(__file__).parents[2]
    command = [sys.executable, str(script), shipped().name]
    environment = os.environ | {"PYTHONPATH": str(house)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        try:
            pid = int(worker.stdout.readline())
            assert not gone(pid)
        finally:
            worker.kill()
    assert came_true(lambda: gone(pid))


ORPHAN = """
import sys, threading, time
from tidegate.job import Message, Params
from tidegate import logs
from tidegate.lane import Lane, Zone
from tidegate.settings import load
from workers.backend import Run, open_backend

logs.configure("WARNING")
lane = Lane(name="local", zone=Zone.INSIDE, backend="llama_cpp", model=sys.argv[1], context_tokens=512)
backend = open_backend(lane, load())
words = (Message(role="user", content="x"),)
job = Run(job_id="j", attempt=1, messages=words, params=Params(max_tokens=2), timeout_s=60)
backend.answer(job, stop=threading.Event())
print(backend._engine.pid, flush=True)
time.sleep(600)
"""


def test_the_engine_knows_none_of_the_workers_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the worker's environment are not handed to the engine."""
    monkeypatch.setenv("TIDEGATE_INSIDE_KEY", "k1:invented")
    monkeypatch.setenv("OPENAI_API_KEY", "invented")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    given = watch._environment()
    assert "invented" not in "".join(given.values())
    assert given["OMP_NUM_THREADS"] == "1"


def test_after_close_there_is_no_engine() -> None:
    """Closing ends the process; a later job is an error and no new engine."""
    with an_engine() as backend:
        ask(backend)
        pid = engine_pid(backend)
        backend.close()
        assert came_true(lambda: gone(pid))
        with pytest.raises(EngineCrashed, match="closed"):
            ask(backend)
