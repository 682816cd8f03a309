"""Many calls of one lane at once, each with its time limits, and each ended as soon as nobody wants it any more."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tidegate.errors import NetworkFailed, RunTimedOut
from tidegate.job import Message, Params
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Backend, Heard, Run, open_backend
from workers.managed import backend as managed
from workers.standin.faults import Fault, When
from workers.standin.server import Running, running
from workers.stop import Stop

pytestmark = pytest.mark.integration

SOON_S = 25.0
"""Much less than a call that dawdles takes, and enough for a machine that is busy."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")


@pytest.fixture
def standin() -> Iterator[Running]:
    """A stand-in that dawdles where it is asked to."""
    slow = Fault(fault="slow", delay_s=30.0, times="forever", when=When(contains="dawdle"))
    short = Fault(fault="slow", delay_s=0.5, times="forever", when=When(contains="linger"))
    with running(faults=(slow, short)) as up:
        yield up


@contextlib.contextmanager
def fixed_answers() -> Iterator[str]:
    """The benchmark's server, which counts its connections."""
    server = Path(__file__).resolve().parents[2] / "benchmarks" / "managed" / "fixed.py"
    with subprocess.Popen([sys.executable, server, "5"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


@contextlib.contextmanager
def serving(url: str, **changed: Any) -> Iterator[Backend]:
    """A lane's backend."""
    given = {"name": "far", "zone": Zone.OUTSIDE, "backend": "openai", "model": "m", "context_tokens": 8192}
    backend = open_backend(Lane.model_validate({**given, "base_url": url, **changed}), Settings())
    try:
        yield backend
    finally:
        backend.close()


def a_run(text: str = "hello", **changed: Any) -> Run:
    """One run."""
    given = {"job_id": "job", "attempt": 1, "params": Params(), "timeout_s": 60.0}
    return Run(**{**given, "messages": (Message(role="user", content=text),), **changed})


def drip(start: bytes, byte: bytes) -> Callable[[socket.socket], None]:
    """Say something at once, and then a byte now and then for ever."""

    def talk(caller: socket.socket) -> None:
        caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n" + start)
        with contextlib.suppress(OSError):
            while True:
                time.sleep(0.02)
                caller.sendall(byte)

    return talk


@contextlib.contextmanager
def saying(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server of bytes: what it says to whoever has sent a request."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listener.accept()
                threading.Thread(target=answer, args=(caller,), daemon=True).start()

    def answer(caller: socket.socket) -> None:
        with caller, contextlib.suppress(OSError):
            caller.recv(65_536)
            talk(caller)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        listener.shutdown(socket.SHUT_RDWR)


def until(holds: Callable[[], bool], within_s: float) -> None:
    """Wait until it holds."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


# Many at once


def test_four_hundred_calls_are_in_flight_at_once(standin: Running) -> None:
    """Each waits half a second for its answer: together they take little more than one of them."""
    count = 400
    with serving(standin.url, concurrency=count) as backend, ThreadPoolExecutor(count) as threads:
        together = threading.Barrier(count)

        def ask(number: int) -> Answer:
            together.wait()
            return backend.answer(a_run(f"linger {number}", timeout_s=60), stop=Stop())

        began = time.monotonic()
        answers = list(threads.map(ask, range(count)))
        took_s = time.monotonic() - began
    assert len(answers) == standin.standin.calls == count
    assert took_s < count * 0.5 / 4  # one after the other: 200 s


def test_connections_are_used_again() -> None:
    """Hundreds of calls, twenty at a time, open no more connections than twenty."""
    count = 20
    with (
        fixed_answers() as url,
        serving(url, concurrency=count) as backend,
        ThreadPoolExecutor(count) as threads,
    ):
        list(threads.map(lambda _: backend.answer(a_run(), stop=Stop()), range(400)))
        told = httpx2.get(url.replace("/v1", "/connections")).json()
    assert told["calls"] == 400
    assert told["opened"] <= count + 1  # and the one that asks


def test_a_lane_takes_the_proxy_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one, calls go by it as before: whoever set it wants to see them."""
    seen: list[bytes] = []

    def talk(caller: socket.socket) -> None:
        seen.append(b"asked")

    with saying(talk) as proxy:
        monkeypatch.setenv("http_proxy", proxy.removesuffix("/v1"))
        with serving("http://llm.example.com/v1") as backend, pytest.raises(NetworkFailed):
            backend.answer(a_run(), stop=Stop())
    assert seen == [b"asked"]


# Time limits


def test_silence_has_a_limit_of_its_own(standin: Running) -> None:
    """A provider that says nothing at all is given up long before the whole time is over."""
    heard: list[Heard] = []
    with serving(standin.url, first_token_s=0.5) as backend:
        with pytest.raises(RunTimedOut, match="no first byte"):
            backend.answer(a_run("dawdle", tell=heard.append), stop=Stop())
        until(lambda: standin.standin.hung_up == 1, within_s=SOON_S)
        assert heard == []
    with serving(standin.url, first_token_s=SOON_S) as backend:
        assert backend.answer(a_run(tell=heard.append), stop=Stop()).text
    told = [one.first_byte_s for one in heard if one.first_byte_s is not None]
    assert told
    assert max(told) < SOON_S


@pytest.mark.parametrize("byte", [b" ", b"\n"])
def test_blanks_are_silence(byte: bytes) -> None:
    """What a gateway sends to keep the connection alive is not the beginning of an answer."""
    with (
        saying(drip(b"", byte)) as url,
        serving(url, first_token_s=0.3) as backend,
        pytest.raises(RunTimedOut, match="no first byte"),
    ):
        backend.answer(a_run(), stop=Stop())


def test_who_has_begun_may_take_the_whole_time() -> None:
    """The limit on silence is over with the first byte; a drip ends at the limit of the whole."""
    with saying(drip(b'{"id": "', b"x")) as url, serving(url, first_token_s=1.0) as backend:
        began = time.monotonic()
        with pytest.raises(RunTimedOut, match="no answer in time"):
            backend.answer(a_run(timeout_s=2.0), stop=Stop())
        assert time.monotonic() - began > 1.5


def test_a_stream_that_only_comments_is_silent() -> None:
    """Comments of an event stream keep a connection alive and are no token."""

    def comment(caller: socket.socket) -> None:
        caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        while True:
            caller.sendall(b": still working\n\n")
            time.sleep(0.02)

    with (
        saying(comment) as url,
        serving(url, first_token_s=0.3) as backend,
        pytest.raises(RunTimedOut, match="no first byte"),
    ):
        backend.answer(a_run(), stop=Stop(), on_text=lambda _: None)


def test_a_connection_has_a_limit_of_its_own() -> None:
    """Nobody accepts: that is a broken network, and known long before an answer would be late."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with contextlib.ExitStack() as callers:
            for _ in range(3):  # the queue of those who wait to be accepted is full
                caller = callers.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex(full.getsockname())
            with serving(f"http://127.0.0.1:{full.getsockname()[1]}/v1", connect_s=0.3) as backend:
                began = time.monotonic()
                with pytest.raises(NetworkFailed):
                    backend.answer(a_run(), stop=Stop())
                assert time.monotonic() - began < SOON_S


# The end


def test_a_cancelled_call_is_closed_at_once(standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider sees the connection go, and the thread is free, without anybody having to look."""
    monkeypatch.setattr(managed, "GLANCE_S", 600.0)
    stop = Stop()
    with serving(standin.url) as backend, ThreadPoolExecutor(1) as thread:
        asked = thread.submit(lambda: backend.answer(a_run("dawdle"), stop=stop))
        until(lambda: standin.standin.calls == 1, within_s=SOON_S)
        stop.set()
        with pytest.raises(RunTimedOut, match="cancelled"):
            asked.result(SOON_S)
        until(lambda: standin.standin.hung_up == 1, within_s=SOON_S)


def test_a_sign_that_cannot_call_back_is_looked_at(standin: Running) -> None:
    """An ordinary event ends a call too, a little later."""
    stop = threading.Event()
    with serving(standin.url) as backend, ThreadPoolExecutor(1) as thread:
        asked = thread.submit(lambda: backend.answer(a_run("dawdle"), stop=stop))
        until(lambda: standin.standin.calls == 1, within_s=SOON_S)
        stop.set()
        with pytest.raises(RunTimedOut, match="cancelled"):
            asked.result(SOON_S)
        until(lambda: standin.standin.hung_up == 1, within_s=SOON_S)


def test_closing_ends_all_of_them(standin: Running) -> None:
    """Every call in flight ends with an error that is tried again, and its connection with it."""
    count = 20
    with ThreadPoolExecutor(count) as threads:
        with serving(standin.url, concurrency=count) as backend:
            asked = [threads.submit(lambda: backend.answer(a_run("dawdle"), stop=Stop())) for _ in range(count)]
            until(lambda: standin.standin.calls == count, within_s=SOON_S)
        for one in asked:
            with pytest.raises(RunTimedOut, match="closed"):
                one.result(SOON_S)
    until(lambda: standin.standin.hung_up == count, within_s=SOON_S)


def test_a_reader_that_waits_is_told_of_the_end(standin: Running) -> None:
    """Whoever reads a stream that says nothing is woken too."""
    stop = Stop()
    with serving(standin.url) as backend, ThreadPoolExecutor(1) as thread:
        asked = thread.submit(lambda: backend.answer(a_run("dawdle"), stop=stop, on_text=lambda _: None))
        until(lambda: standin.standin.calls == 1, within_s=SOON_S)
        stop.set()
        with pytest.raises(RunTimedOut, match="cancelled"):
            asked.result(SOON_S)
        until(lambda: standin.standin.hung_up == 1, within_s=SOON_S)
