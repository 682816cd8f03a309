"""The local backend over a real engine process with the shipped model: deaths, hangs, stops, and what stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import (
    BadRequest,
    ContextOverflow,
    EngineCrashed,
    MissingExtra,
    ModelMissing,
    Overloaded,
    RunTimedOut,
)
from tidegate.job import JsonSchema, Message, Params, ResponseFormat
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import load
from workers.backend import Run, open_backend
from workers.local import backend as module
from workers.local import watch
from workers.local.backend import LocalBackend
from workers.models import catalogue
from workers.models.catalogue import ModelFile

CANARY = "Erika Mustermann"
LONG = ResponseFormat(
    type="json_schema", json_schema=JsonSchema(schema={"type": "string", "minLength": 600, "maxLength": 700})
)
"""Holds the model to at least 600 characters: a job that certainly runs for a while."""


def shipped() -> ModelFile:
    """The model that comes with the checkout."""
    return next(model for model in catalogue.known(load()) if model.origin == "shipped")


def lane(model: str, *, context_tokens: int = 1024) -> Lane:
    """A local lane with this model."""
    return Lane(name="local", zone=Zone.INSIDE, backend="llama_cpp", model=model, context_tokens=context_tokens)


def run(text: str = "hello", *, timeout_s: float = 60.0, **params: object) -> Run:
    """One job with this text."""
    made = Params.model_validate({"max_tokens": 8} | params)
    return Run(
        job_id="job", attempt=1, messages=(Message(role="user", content=text),), params=made, timeout_s=timeout_s
    )


def ask(backend: LocalBackend, job: Run | None = None, *, stop: threading.Event | None = None) -> Answer:
    """Run one job."""
    return backend.answer(job or run(), stop=stop or threading.Event())


def ask_for_ever(backend: LocalBackend, stop: threading.Event) -> None:
    """Long jobs, one after the other: a fast machine may answer the first before the stop."""
    while True:
        ask(backend, run(max_tokens=900, response_format=LONG), stop=stop)


def engine_pid(backend: LocalBackend) -> int:
    """The process id of its engine."""
    assert backend._engine is not None
    assert backend._engine.pid is not None
    return backend._engine.pid


def eventually(condition: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has buried yet has ended too."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@pytest.fixture(scope="module")
def backend() -> Iterator[LocalBackend]:
    """A backend of the shipped model that the tests of this file share: it heals after each."""
    model = shipped()
    opened = LocalBackend(lane(model.name), model)
    yield opened
    opened.close()


def test_the_port_opens_it_by_the_lane() -> None:
    """A lane with backend llama_cpp and the shipped model's name answers."""
    opened = open_backend(lane(shipped().name), load())
    try:
        answer = opened.answer(run(), stop=threading.Event())
    finally:
        opened.close()
    assert answer.model == shipped().name
    assert answer.usage.prompt_tokens > 0


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
    model = shipped()
    backend = LocalBackend(lane(model.name), model)

    def kill_at_once() -> None:
        assert eventually(lambda: backend._engine is not None and backend._engine.pid is not None)
        os.kill(engine_pid(backend), signal.SIGKILL)

    killer = threading.Thread(target=kill_at_once)
    killer.start()
    try:
        with pytest.raises(Overloaded, match=r"SIGKILL.*before it had the job"):
            ask(backend)
        killer.join()
        assert isinstance(ask(backend), Answer)
    finally:
        backend.close()


def test_an_engine_without_heartbeat_is_killed() -> None:
    """Silence means that it hangs; waiting for the job's own timeout would only cost time."""
    model = shipped()
    backend = LocalBackend(lane(model.name), model, silence_s=3.0)
    try:
        ask(backend)
        pid = engine_pid(backend)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(EngineCrashed, match="no heartbeat for 3 s"):
            ask(backend)
        assert eventually(lambda: gone(pid))
        assert isinstance(ask(backend), Answer)
    finally:
        backend.close()


def test_a_hung_engine_is_killed_after_the_timeout(backend: LocalBackend) -> None:
    """The hard limit is the run's timeout and a small grace."""
    ask(backend)
    pid = engine_pid(backend)
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(RunTimedOut, match=r"no answer within 0\.5 s"):
        ask(backend, run(timeout_s=0.5))
    assert time.monotonic() - started < watch.SILENCE_S
    assert eventually(lambda: gone(pid))
    assert isinstance(ask(backend), Answer)


def test_a_stop_ends_a_running_job_and_the_engine_lives(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel reaches the engine in the middle of a decode; it answers the next job without a restart."""
    monkeypatch.setattr(module, "CANCEL_GRACE_S", 60.0)
    ask(backend)
    pid, stop = engine_pid(backend), threading.Event()
    threading.Timer(0.03, stop.set).start()
    started = time.monotonic()
    with pytest.raises(RunTimedOut, match="cancelled"):
        ask_for_ever(backend, stop)
    assert time.monotonic() - started < 45
    assert isinstance(ask(backend), Answer)
    assert engine_pid(backend) == pid


def test_waiting_for_a_turn_ends_with_the_patience(backend: LocalBackend) -> None:
    """A job that waits behind another one can be stopped as well."""
    with backend._turn, pytest.raises(RunTimedOut, match="no answer within"):
        ask(backend, run(timeout_s=0.1))


def test_threads_take_turns(backend: LocalBackend) -> None:
    """Several threads on one lane: each gets the answer of its own job."""
    alone = {text: ask(backend, run(text)).text for text in ("one", "two", "three", "four")}
    together: dict[str, str] = {}
    threads = [
        threading.Thread(target=lambda text=text: together.update({text: ask(backend, run(text)).text}))
        for text in alone
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_an_answer_is_told_while_it_grows(backend: LocalBackend) -> None:
    """In more than one piece, in the caller's own thread, and together the answer; it says how sure it is."""
    pieces: list[tuple[str, int]] = []
    answer = backend.answer(
        run(max_tokens=900, response_format=LONG),
        stop=threading.Event(),
        on_text=lambda text: pieces.append((text, threading.get_ident())),
    )
    assert "".join(text for text, _ in pieces) == answer.text
    assert len(pieces) > 1
    assert {thread for _, thread in pieces} == {threading.get_ident()}
    assert answer.confidence is not None
    assert answer.confidence.lowest_logprob <= answer.confidence.mean_logprob <= 0


def test_who_cannot_take_the_text_ends_its_own_job_alone(backend: LocalBackend) -> None:
    """A caller whose on_text raises gets its own error back; the engine stops that job and lives."""
    ask(backend)
    pid = engine_pid(backend)

    def full(_text: str) -> None:
        raise BufferError("the reader has gone")

    with pytest.raises(BufferError):
        backend.answer(run(max_tokens=900, response_format=LONG), stop=threading.Event(), on_text=full)
    assert isinstance(ask(backend), Answer)
    assert engine_pid(backend) == pid


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
    assert eventually(lambda: gone(pid))


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


@pytest.mark.parametrize(
    ("job", "error", "words"),
    [
        (run(f"{CANARY} " * 2_000), ContextOverflow, r"prompt [\d,]+ tokens \+ 8 requested > context [\d,]+"),
        (run(f"{CANARY} \ud800"), BadRequest, "valid Unicode"),
    ],
)
def test_what_cannot_run_is_refused_without_its_text(
    backend: LocalBackend, job: Run, error: type[Exception], words: str
) -> None:
    """Before any compute, with the numbers, and the engine goes on."""
    with pytest.raises(error, match=words) as caught:
        ask(backend, job)
    assert CANARY not in str(caught.value)
    assert isinstance(ask(backend), Answer)


def test_max_tokens_is_clamped_to_the_room(backend: LocalBackend) -> None:
    """A job that fits but asks for more than is left gets what is left."""
    answer = ask(backend, run(max_tokens=100_000))
    assert answer.usage.prompt_tokens + answer.usage.completion_tokens <= 1024


def test_a_lane_may_have_less_context_than_the_model() -> None:
    """The lane's own limit counts where it is the smaller one."""
    model = shipped()
    backend = LocalBackend(lane(model.name, context_tokens=64), model)
    try:
        with pytest.raises(ContextOverflow, match="> context 64"):
            ask(backend, run("word " * 100))
    finally:
        backend.close()


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no file"), (b"not a model at all", "not a GGUF file"), (b"GGUF\x03", "cut")]
)
def test_a_file_that_is_no_model_is_refused_at_the_door(tmp_path: Path, content: bytes | None, words: str) -> None:
    """Opening says what is wrong with the file and what to do."""
    path = tmp_path / "mine.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelMissing, match=words):
        open_backend(lane(str(path)), load())


def test_a_truncated_model_is_refused_by_the_engine(tmp_path: Path) -> None:
    """A file whose head is whole and whose weights are not cannot be told before it is loaded."""
    path = tmp_path / "cut.gguf"
    path.write_bytes(shipped().path.read_bytes()[:-50_000])
    opened = open_backend(lane(str(path)), load())
    try:
        for _ in range(2):
            with pytest.raises(ModelMissing, match="cannot be loaded"):
                opened.answer(run(), stop=threading.Event())
    finally:
        opened.close()


def test_a_model_with_another_checksum_is_not_loaded() -> None:
    """What the catalogue names is what runs, or nothing runs."""
    model = replace(shipped(), sha256="0" * 64)
    backend = LocalBackend(lane(model.name), model)
    with pytest.raises(ModelMissing, match="tidegate models verify"):
        ask(backend)


def test_an_unknown_model_is_told_with_the_known_ones() -> None:
    """The message names what could be used, and the command that gets another."""
    with pytest.raises(ModelMissing, match=rf"{shipped().name}.*tidegate models pull"):
        open_backend(lane("nobody-knows-me"), load())


@pytest.mark.parametrize("absent", ["llama_cpp", "jsonschema"])
def test_a_missing_dependency_names_the_extra(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    """What to install is told when the lane is opened, not when a job fails."""
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(MissingExtra, match=r"tidegate\[local\]"):
        open_backend(lane(shipped().name), load())


def test_after_close_there_is_no_engine() -> None:
    """Closing ends the process; a later job is an error and no new engine."""
    model = shipped()
    backend = LocalBackend(lane(model.name), model)
    ask(backend)
    pid = engine_pid(backend)
    backend.close()
    assert eventually(lambda: gone(pid))
    with pytest.raises(EngineCrashed, match="closed"):
        ask(backend)
