"""A server on this machine that says whatever a test tells it to: what no stand-in of a provider would ever say."""

import contextlib
import functools
import json
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tidegate import errors
from tidegate.errors import RunError

POLL_S = 0.005
"""How soon the server notices that it should end: the library's own half a second, for each test, would be a minute."""

FAULTS: Sequence[tuple[str, type[RunError]]] = (
    ("rate_limited", errors.RateLimited),
    ("insufficient_quota", errors.QuotaExhausted),
    ("server_error", errors.ProviderFailed),
    ("overloaded", errors.Overloaded),
    ("unauthorized", errors.AuthFailed),
    ("context_too_long", errors.ContextOverflow),
    ("content_filter", errors.ContentRefused),
    ("refusal", errors.ContentRefused),
    ("dropped", errors.NetworkFailed),
    ("malformed", errors.MalformedAnswer),
    ("empty", errors.MalformedAnswer),
    ("html", errors.MalformedAnswer),
    ("error_in_200", errors.ProviderFailed),
)
"""What each fault of the stand-in becomes, whichever adapter meets it."""


@contextlib.contextmanager
def saying(reply: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """The URL of a server that answers each request so, for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.asked = self.rfile.read(int(self.headers["content-length"]))
            reply(self)

        def do_GET(self) -> None:
            self.asked = b""
            reply(self)

        def log_message(self, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(POLL_S), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def shown_of_refusals(ask: Callable[[str], object], said: Any) -> str:
    """All that the errors show where a server that says this refuses, chain and all; each tells the status itself."""
    shown = ""
    for status in (400, 403, 429, 500):
        with saying(functools.partial(say, status=status, content=said)) as url, pytest.raises(RunError) as caught:
            ask(url)
        assert str(status) in str(caught.value)
        shown += "".join(traceback.format_exception(caught.value))
    return shown


def say(handler: BaseHTTPRequestHandler, status: int, content: Any, **headers: str) -> None:
    """One whole answer; what is not bytes goes as JSON."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    for name, value in {"content-type": "application/json", "content-length": str(len(raw)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(raw)
