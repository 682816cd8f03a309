"""The stand-in's server: OpenAI's paths, a control API for faults, and the count of what came in.

It listens on 127.0.0.1 only. Nothing of a request's text is kept, unless a test asks for the record.
"""

import json
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.errors import Unavailable
from tidegate.value import problems
from workers.standin import answers
from workers.standin.answers import MARK, Json
from workers.standin.faults import FAULTS, REJECTIONS, Fault, FaultBook, Rejection
from workers.standin.instance import Unanswerable

HOST = "127.0.0.1"
HEADER = "x-tidegate-standin"
MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small")
START_TIMEOUT_S = 10.0
INVALID = "invalid_request_error"


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it came, for tests that search what left. The key is left out."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class StandIn:
    """What one stand-in knows: its faults, its counts, and the record where one is kept."""

    book: FaultBook = field(default_factory=FaultBook)
    control_token: str | None = None
    """Who has it may control the faults; without one nobody may."""
    record: bool = False
    record_path: Path | None = None
    received: list[Received] = field(default_factory=list)
    by_model: dict[str, Counter[str]] = field(default_factory=dict)
    idempotency_keys: Counter[str] = field(default_factory=Counter)
    hung_up: int = 0
    """Requests whose caller went away while the stand-in was being slow."""

    def app(self) -> Starlette:
        """The server as an ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/embeddings", self._embed, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/health", lambda _request: JSONResponse({"status": f"{MARK} ok"})),
                Route("/_standin/faults", self._faults, methods=["GET", "PUT", "DELETE"]),
                Route("/_standin/calls", self._calls),
            ],
            middleware=[Middleware(_Marked)],
        )

    @property
    def calls(self) -> int:
        """How many requests for an answer came in."""
        return sum(count["calls"] for count in self.by_model.values())

    async def _chat(self, request: Request) -> Response:
        return await self._answered(request, needs="messages", text_of=answers.prompt_text, reply=self._reply)

    async def _embed(self, request: Request) -> Response:
        def reply(asked: Json) -> Response:
            return self._counted(asked, answers.embeddings(asked))

        return await self._answered(request, needs="input", text_of=lambda asked: str(asked["input"]), reply=reply)

    async def _models(self, request: Request) -> Response:
        return JSONResponse(answers.models(MODELS)) if _has_key(request) else _keyless()

    async def _answered(
        self,
        request: Request,
        *,
        needs: str,
        text_of: Callable[[Json], str],
        reply: Callable[[Json], Response],
    ) -> Response:
        """One request for an answer: counted, checked, and met with a fault or a reply."""
        raw = await request.body()
        self._keep(request, raw)
        asked = _parsed(raw)
        if not _has_key(request):
            return _keyless()
        if asked is None or not isinstance(asked.get("model"), str) or not asked.get(needs):
            return _error(Rejection(400, None, INVALID, f"a JSON object with model and {needs} is needed"))
        self._count(asked["model"], request.headers.get("idempotency-key"))
        fault = self.book.take(model=asked["model"], text=text_of(asked), fields=tuple(asked))
        if fault is None:
            return _replied(asked, reply)
        if fault.fault == "slow":
            return await self._slowly(request, fault, lambda: _replied(asked, reply))
        return _faulty(fault, asked)

    def _reply(self, asked: Json) -> Response:
        number, created = self.calls, int(time.time())
        if not asked.get("stream"):
            return self._counted(asked, answers.completion(asked, number=number, created=created))
        parts = [json.dumps(part) for part in answers.chunks(asked, number=number, created=created)]
        events = (f"data: {part}\n\n" for part in (*parts, "[DONE]"))
        return StreamingResponse(events, media_type="text/event-stream")

    async def _slowly(self, request: Request, fault: Fault, then: Callable[[], Response]) -> Response:
        with anyio.move_on_after(fault.delay_s):
            await request.receive()  # the body is read, so what comes next is the caller's going away
            self.hung_up += 1
        return then()

    def _counted(self, asked: Json, body: Json) -> Response:
        count = self.by_model[asked["model"]]
        count["answered"] += 1
        count["prompt_tokens"] += body["usage"]["prompt_tokens"]
        count["completion_tokens"] += body["usage"].get("completion_tokens", 0)
        return JSONResponse(body)

    def _count(self, model: str, idempotency_key: str | None) -> None:
        self.by_model.setdefault(model, Counter())["calls"] += 1
        if idempotency_key is not None:
            self.idempotency_keys[idempotency_key] += 1

    def _keep(self, request: Request, raw: bytes) -> None:
        if not self.record and self.record_path is None:
            return
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        received = Received(path=request.url.path, headers=headers, body=raw)
        if self.record:
            self.received.append(received)
        if self.record_path:
            line = {"path": received.path, "headers": headers, "body": raw.decode(errors="backslashreplace")}
            with self.record_path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    async def _faults(self, request: Request) -> Response:
        if not self._may_control(request):
            return _forbidden()
        if request.method == "PUT":
            try:
                self.book.replace(FAULTS.validate_json(await request.body()))
            except ValidationError as error:
                return _error(Rejection(400, None, INVALID, "; ".join(problems(error))))
        elif request.method == "DELETE":
            self.book.replace(())
        return Response(FAULTS.dump_json(self.book.faults, exclude_none=True), media_type="application/json")

    async def _calls(self, request: Request) -> Response:
        if not self._may_control(request):
            return _forbidden()
        return JSONResponse(
            {
                "calls": self.calls,
                "models": {model: dict(count) for model, count in self.by_model.items()},
                "idempotency_keys": dict(self.idempotency_keys),
                "hung_up": self.hung_up,
            }
        )

    def _may_control(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.control_token is not None and secrets.compare_digest(given.encode(), self.control_token.encode())


@dataclass(frozen=True, kw_only=True)
class Running:
    """A stand-in that listens."""

    url: str
    """Its address without `/v1`."""
    standin: StandIn


@contextmanager
def running(
    *, faults: Sequence[Fault] = (), control_token: str | None = None, record: bool = False
) -> Iterator[Running]:
    """A stand-in in a thread of this process, for as long as the block lasts."""
    standin = StandIn(book=FaultBook(faults), control_token=control_token, record=record)
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


class _Marked:
    """Puts the stand-in's mark on every answer, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (HEADER.encode(), b"1")]
            await send(message)

        await self._app(scope, receive, mark)


class _Dropped(Response):
    """Half an answer and then nothing: uvicorn closes a connection whose answer was left unfinished."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"id": "stand-in', "more_body": True})


def _faulty(fault: Fault, asked: Json) -> Response:
    """How a fault looks on the wire."""
    if fault.fault in REJECTIONS:
        headers = {} if fault.retry_after_s is None else {"retry-after": f"{fault.retry_after_s:g}"}
        return _error(REJECTIONS[fault.fault], param=fault.param, headers=headers)
    lies: MutableMapping[str, Callable[[], Response]] = {
        "dropped": _Dropped,
        "malformed": lambda: Response(b'{"id": "stand-in", "choices": [', media_type="application/json"),
        "empty": lambda: JSONResponse({}),
        "html": lambda: Response(f"<html><body>{MARK}</body></html>", media_type="text/html"),
        "refusal": lambda: JSONResponse(_refusal(asked)),
        "error_in_200": lambda: JSONResponse({"error": {"code": 502, "message": f"{MARK} upstream failed"}}),
    }
    return lies[fault.fault]()


def _refusal(asked: Json) -> Json:
    body = answers.completion({**asked, "response_format": None}, number=0, created=0)
    message = {"role": "assistant", "content": None, "refusal": f"{MARK} I will not do that."}
    return {**body, "choices": [{**body["choices"][0], "message": message}]}


def _replied(asked: Json, reply: Callable[[Json], Response]) -> Response:
    try:
        return reply(asked)
    except Unanswerable as error:
        return _error(Rejection(400, None, INVALID, str(error)))
    except (AttributeError, KeyError, TypeError):
        return _error(Rejection(400, None, INVALID, "a field has a wrong type"))


def _error(said: Rejection, *, param: str | None = None, headers: MutableMapping[str, str] | None = None) -> Response:
    error = {"message": f"{MARK} {said.message}", "type": said.type, "param": param, "code": said.code}
    return JSONResponse({"error": error}, status_code=said.status, headers=headers)


def _keyless() -> Response:
    return _error(Rejection(401, "invalid_api_key", INVALID, "send any key: Authorization: Bearer …"))


def _forbidden() -> Response:
    return _error(Rejection(403, None, INVALID, "the control API wants the control token of this stand-in"))


def _has_key(request: Request) -> bool:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(key.strip())


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _listener(port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's delay off only where it is: 40 ms an answer otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(1024)
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"
