"""A provider's limit on requests, enforced strictly: no more of a key's calls than so many in any window. For tests.

It says what OpenAI says: `x-ratelimit-*` with every answer, and `retry-after` with a refusal.
"""

import json
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.standin.answers import MARK


@dataclass
class Limiter:
    """The calls of each key in the last window. Lives on the server's loop alone."""

    requests: int
    window_s: float = 60.0
    silent: bool = False
    """Whether it only refuses, and names neither its limits nor a time."""
    clock: Callable[[], float] = time.monotonic
    let_through: int = 0
    refused_at: list[float] = field(default_factory=list)
    """In seconds since the first call."""
    _calls: dict[str, deque[float]] = field(default_factory=dict)
    _first: float | None = None

    @property
    def since_s(self) -> float:
        """Seconds since the first call."""
        return 0.0 if self._first is None else self.clock() - self._first

    def admit(self, key: str) -> tuple[bool, dict[str, str]]:
        """Whether a call of this key may come in, and the headers of its answer."""
        now = self.clock()
        self._first = now if self._first is None else self._first
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - self.window_s:
            calls.popleft()
        admitted = len(calls) < self.requests
        if admitted:
            calls.append(now)
            self.let_through += 1
        else:
            self.refused_at.append(round(now - self._first, 3))
        return admitted, {} if self.silent else self._headers(calls, now, admitted=admitted)

    def _headers(self, calls: "deque[float]", now: float, *, admitted: bool) -> dict[str, str]:
        full_again_s = calls[-1] + self.window_s - now
        said = {
            "x-ratelimit-limit-requests": str(round(self.requests * 60 / self.window_s)),
            "x-ratelimit-remaining-requests": str(self.requests - len(calls)),
            "x-ratelimit-reset-requests": f"{full_again_s:.3f}s",
        }
        if not admitted:
            room_s = calls[0] + self.window_s - now
            said |= {"retry-after-ms": str(math.ceil(room_s * 1000)), "retry-after": str(math.ceil(room_s))}
        return said


class Limited:
    """An application's calls for answers held to a limit."""

    def __init__(self, app: ASGIApp, *, limiter: Limiter) -> None:
        self._app, self._limiter = app, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a call in, or refuse it."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])
        key = given.get(b"authorization") or given.get(b"x-api-key") or given.get(b"api-key") or b""
        admitted, headers = self._limiter.admit(key.decode(errors="replace"))
        more = [(name.encode(), value.encode()) for name, value in headers.items()]
        if not admitted:
            await _refuse(send, more)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        await self._app(scope, receive, told)


async def _refuse(send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    error = {"message": f"{MARK} too many requests", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    body = json.dumps({"error": error}).encode()
    content = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 429, "headers": [*content, *headers]})
    await send({"type": "http.response.body", "body": body})
