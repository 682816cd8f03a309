"""A server that says anything: each way of answering badly is a function that writes to the connection."""

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = BaseHTTPRequestHandler
Reply = Callable[[Handler], None]

POLL_S = 0.005
"""How soon the server notices that it should end: the library's own half a second, for each test, would be minutes."""

PATIENCE_S = 20.0
"""How long one that says nothing waits for its caller to go away."""


@contextlib.contextmanager
def saying(reply: Reply) -> Iterator[str]:
    """The address of a server that answers every request so."""
    gone = threading.Event()

    class Rogue(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.close_connection = True
            with contextlib.suppress(OSError):  # the caller has heard enough
                reply(self)

        def log_message(self, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Rogue)
    server.gone = gone  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: server.serve_forever(POLL_S), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        gone.set()
        server.shutdown()
        server.server_close()
        thread.join()


def said(content: bytes | Any, *, status: int = 200, **headers: str) -> Reply:
    """One whole answer; what is not bytes goes as JSON."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    given = {"content-type": "application/json", "content-length": str(len(raw)), **_dashed(headers)}

    def reply(handler: Handler) -> None:
        _begin(handler, status, given)
        handler.wfile.write(raw)

    return reply


def cut(raw: bytes) -> Reply:
    """Half of an answer, and the connection ends."""
    return said(raw[: len(raw) // 2], content_length=str(len(raw)))


def packed(raw: bytes, **headers: str) -> Reply:
    """An answer in gzip."""
    return said(gzip.compress(raw), content_encoding="gzip", **headers)


def streamed(*events: bytes, holds: bool = False) -> Reply:
    """A stream of events that ends with the connection, or that holds on and says no more."""

    def reply(handler: Handler) -> None:
        _begin(handler, 200, {"content-type": "text/event-stream", "connection": "close"})
        for event in events:
            handler.wfile.write(event)
            handler.wfile.flush()
        if holds:
            _wait(handler)

    return reply


def endless(start: bytes, *, status: int = 200, kind: str = "application/json") -> Reply:
    """An answer that never comes to its end, as fast as it is taken."""

    def reply(handler: Handler) -> None:
        _begin(handler, status, {"content-type": kind, "connection": "close"})
        handler.wfile.write(start)
        while True:
            handler.wfile.write(b" " * 65_536)

    return reply


def dripping(handler: Handler) -> None:
    """A byte now and then: enough for a limit on each read, not for one on the whole."""
    _begin(handler, 200, {"content-type": "application/json", "content-length": "100000"})
    while not _gone(handler).wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def silent(handler: Handler) -> None:
    """Nothing at all."""
    _wait(handler)


def hung_up(handler: Handler) -> None:
    """The connection ends without a byte."""
    handler.connection.close()


def raw(content: bytes) -> Reply:
    """Whatever these bytes are, it is no HTTP that anybody has to understand."""
    return lambda handler: _write(handler, content)


def _write(handler: Handler, content: bytes) -> None:
    handler.wfile.write(content)


def _begin(handler: Handler, status: int, headers: dict[str, str]) -> None:
    handler.send_response_only(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def _wait(handler: Handler) -> None:
    _gone(handler).wait(PATIENCE_S)


def _gone(handler: Handler) -> threading.Event:
    event: threading.Event = handler.server.gone  # type: ignore[attr-defined]
    return event


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
