"""The local backend over a real engine process with the shipped model: turns, stops, answers that grow, and room."""

import threading
import time
from collections.abc import Iterator

import pytest
from engines import CANARY, LONG, an_engine, ask, engine_pid, lane, run, shipped

from tidegate.errors import BadRequest, ContextOverflow, RunTimedOut
from tidegate.result import Answer
from tidegate.settings import load
from workers.backend import Run, open_backend
from workers.local import backend as module
from workers.local.backend import LocalBackend


@pytest.fixture(scope="module")
def backend() -> Iterator[LocalBackend]:
    """A backend of the shipped model that the tests of this file share: it heals after each."""
    with an_engine() as opened:
        yield opened


def ask_for_ever(backend: LocalBackend, stop: threading.Event) -> None:
    """Long jobs, one after the other: a fast machine may answer the first before the stop."""
    while True:
        ask(backend, run(max_tokens=900, response_format=LONG), stop=stop)


def test_the_port_opens_it_by_the_lane() -> None:
    """A lane with backend llama_cpp and the shipped model's name answers."""
    opened = open_backend(lane(shipped().name), load())
    try:
        answer = opened.answer(run(), stop=threading.Event())
    finally:
        opened.close()
    assert answer.model == shipped().name
    assert answer.usage.prompt_tokens > 0


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
    with an_engine(context_tokens=64) as backend, pytest.raises(ContextOverflow, match="> context 64"):
        ask(backend, run("word " * 100))
