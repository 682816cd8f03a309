"""The stand-in's server: the application behind a socket on 127.0.0.1, and on no other address."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from tidegate.errors import Unavailable
from workers.standin.app import StandIn
from workers.standin.faults import Fault, FaultBook
from workers.standin.limiter import Limiter

HOST = "127.0.0.1"
START_TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Running:
    """A stand-in that listens."""

    url: str
    """Its address without `/v1`."""
    standin: StandIn


@contextmanager
def running(
    *,
    faults: Sequence[Fault] = (),
    control_token: str | None = None,
    record: bool = False,
    limiter: Limiter | None = None,
) -> Iterator[Running]:
    """A stand-in in a thread of this process, for as long as the block lasts."""
    standin = StandIn(book=FaultBook(faults), limiter=limiter, control_token=control_token, record=record)
    started = threading.Event()
    listener = _listener(0)
    server = _Server(standin, on_start=started.set)
    thread = threading.Thread(target=server.run, args=([listener],), name="standin", daemon=True)
    thread.start()
    try:
        if not started.wait(START_TIMEOUT_S):
            raise Unavailable("the stand-in did not start")
        yield Running(url=_url(listener), standin=standin)
    finally:
        server.should_exit = True
        thread.join(START_TIMEOUT_S)
        listener.close()


def serve(standin: StandIn, *, port: int, on_start: Callable[[str, int], None]) -> None:
    """Listen until a signal says to stop. Tells the address and the port once it can be called."""
    with _listener(port) as listener:
        _Server(standin, on_start=lambda: on_start(_url(listener), listener.getsockname()[1])).run([listener])


class _Server(uvicorn.Server):
    """uvicorn, telling when it listens; quiet, because a fault on demand is no news."""

    def __init__(self, standin: StandIn, *, on_start: Callable[[], None]) -> None:
        config = uvicorn.Config(
            standin.app(),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._on_start()


def _listener(port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's delay off only where it is: 40 ms an answer otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(1024)
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"
