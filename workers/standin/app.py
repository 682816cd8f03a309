"""The stand-in as an application: OpenAI's paths, a control API for faults, and the count of what came in.

Nothing of a request's text is kept, unless a test asks for the record.
"""

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.value import problems
from workers.standin import answers
from workers.standin.answers import MARK, Json
from workers.standin.faults import FAULTS, REJECTIONS, Fault, FaultBook, Rejection
from workers.standin.instance import Unanswerable
from workers.standin.limiter import Limited, Limiter

HEADER = "x-tidegate-standin"
MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small")
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
    limiter: Limiter | None = None
    """None: it takes as much as comes."""
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
            middleware=[Middleware(_Marked), *([Middleware(Limited, limiter=self.limiter)] if self.limiter else ())],
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
        if asked is None or not asked.get(needs):
            return _error(Rejection(400, None, INVALID, f"a JSON object with model and {needs} is needed"))
        self._count(asked["model"], request.headers.get("idempotency-key"))
        try:
            fault = self.book.take(model=asked["model"], text=text_of(asked), fields=tuple(asked))
            if fault is not None and fault.fault == "slow":
                await self._slowly(request, fault)
            return reply(asked) if fault is None or fault.fault == "slow" else _faulty(fault, asked)
        except Unanswerable as error:
            return _error(Rejection(400, None, INVALID, str(error)))
        except (AttributeError, KeyError, TypeError, ValueError):
            return _error(Rejection(400, None, INVALID, "a field has a wrong type or is out of bounds"))

    def _reply(self, asked: Json) -> Response:
        number, created = self.calls, int(time.time())
        if not asked.get("stream"):
            return self._counted(asked, answers.completion(asked, number=number, created=created))
        parts = [json.dumps(part) for part in answers.chunks(asked, number=number, created=created)]
        events = (f"data: {part}\n\n" for part in (*parts, "[DONE]"))
        return StreamingResponse(events, media_type="text/event-stream")

    async def _slowly(self, request: Request, fault: Fault) -> None:
        with anyio.move_on_after(fault.delay_s):
            await request.receive()  # the body is read, so what comes next is the caller's going away
            self.hung_up += 1

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
                "let_through": self.limiter.let_through if self.limiter else self.calls,
                "refused_at_s": self.limiter.refused_at if self.limiter else [],
            }
        )

    def _may_control(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.control_token is not None and secrets.compare_digest(given.encode(), self.control_token.encode())


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
    model = value.get("model") if isinstance(value, dict) else None
    # A name that cannot be printed cannot be told back: JSON may spell half a surrogate pair.
    return value if isinstance(model, str) and model.isprintable() else None
