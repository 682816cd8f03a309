"""The stand-in as an application: providers' paths, a control API for faults, and the count of what came in.

Nothing of a request's text is kept, unless a test asks for the record. Batches keep theirs until the stand-in ends.
"""

import json
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tidegate.value import problems
from workers.standin import answers, google_words, message_batches, openai_batches
from workers.standin.answers import MARK, Json
from workers.standin.azure_words import AZURE_CHAT, AZURE_EMBEDDINGS
from workers.standin.batching import Batching
from workers.standin.faults import FAULTS, Fault, FaultBook, Rejection, Step
from workers.standin.google_words import VERTEX_CHAT, VERTEX_RESPONSES
from workers.standin.instance import Unanswerable
from workers.standin.limiter import Limited, Limiter
from workers.standin.messages import MESSAGES
from workers.standin.openai_words import CHAT, EMBEDDINGS, NO_KEY
from workers.standin.responses_words import RESPONSES
from workers.standin.wire import INVALID, SECRET_HEADERS, Dialect, Dropped, Marked, parsed

MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small")

DIALECTS: Mapping[str, Dialect] = {
    "/v1/chat/completions": CHAT,
    "/v1/embeddings": EMBEDDINGS,
    "/v1/responses": RESPONSES,
    "/openai/deployments/{deployment}/chat/completions": AZURE_CHAT,
    "/openai/deployments/{deployment}/embeddings": AZURE_EMBEDDINGS,
    f"{google_words.PLACE}/endpoints/openapi/chat/completions": VERTEX_CHAT,
    f"{google_words.PLACE}/publishers/openai/v1/responses": VERTEX_RESPONSES,
    "/v1/messages": MESSAGES,
}
"""The paths that answer, one request each or as a line of a batch."""


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
    batching: Batching = field(default_factory=Batching)

    def app(self) -> Starlette:
        """The server as an ASGI application."""
        return Starlette(
            routes=[
                *(Route(path, partial(self._answered, one), methods=["POST"]) for path, one in DIALECTS.items()),
                Route("/v1/models", self._models),
                Route("/token", google_words.token, methods=["POST"]),
                *openai_batches.routes(self, DIALECTS),
                *message_batches.routes(self),
                Route("/health", lambda _request: JSONResponse({"status": f"{MARK} ok"})),
                Route("/_standin/faults", self._faults, methods=["GET", "PUT", "DELETE"]),
                Route("/_standin/calls", self._calls),
            ],
            middleware=[Middleware(Marked), *([Middleware(Limited, limiter=self.limiter)] if self.limiter else ())],
        )

    @property
    def calls(self) -> int:
        """How many requests for an answer came in."""
        return sum(count["calls"] for count in self.by_model.values())

    async def step(self, request: Request, dialect: Dialect, step: Step, body: bytes = b"") -> Response | None:
        """What a request about a batch meets before it is served; None where nothing is in its way."""
        self._keep(request, body)
        request.state.fault = None
        if not dialect.has_key(request):
            return dialect.said(NO_KEY)
        fault = self.book.take(model="", text="", fields=(), step=step)
        if fault is not None and fault.fault == "slow":
            await self._slowly(request, fault)
            return None
        late = fault is not None and fault.fault == "dropped" and step in ("create", "results")
        if fault is None or late or fault.fault in ("batch_failed", "batch_expired"):
            request.state.fault = fault  # met after the deed: a batch is made, and its maker never hears of it
            return None
        return Dropped() if fault.fault == "dropped" else dialect.faulty(fault, {})

    async def _models(self, request: Request) -> Response:
        dialect = MESSAGES if MESSAGES.has_key(request) else CHAT
        return JSONResponse(answers.models(MODELS)) if dialect.has_key(request) else dialect.said(NO_KEY)

    async def _answered(self, dialect: Dialect, request: Request) -> Response:
        """One request for an answer: checked, and met with a fault or a reply."""
        raw = await request.body()
        self._keep(request, raw)
        asked = parsed(raw)
        if not dialect.has_key(request):
            return dialect.said(NO_KEY)
        if asked is None or not asked.get(dialect.needs):
            return _invalid(dialect, f"a JSON object with model and {dialect.needs} is needed")
        problem = dialect.problem_of_headers(request) or dialect.checked(asked, request.headers)
        return _invalid(dialect, problem) if problem else await self._met(dialect, asked, request)

    async def _met(self, dialect: Dialect, asked: Json, request: Request) -> Response:
        self._count(asked["model"], request.headers.get("idempotency-key"))
        try:
            fault = self.book.take(model=asked["model"], text=dialect.text_of(asked), fields=tuple(asked))
            if fault is not None and fault.fault == "slow":
                await self._slowly(request, fault)
            if fault is not None and fault.fault not in ("slow", "says"):
                return dialect.faulty(fault, asked)
            asked = answers.told(asked, fault.text if fault else None)
            said = dialect.streamed(asked, self.calls) if asked.get("stream") else self._reply(dialect, asked)
        except Unanswerable as error:
            return _invalid(dialect, str(error))
        except (AttributeError, KeyError, TypeError, ValueError):
            return _invalid(dialect, "a field has a wrong type or is out of bounds")
        said.headers.update(dialect.headers(self.calls))
        return said

    def _reply(self, dialect: Dialect, asked: Json) -> Response:
        body = dialect.answer(asked, self.calls)
        count = self.by_model[asked["model"]]
        count["answered"] += 1
        read, written = answers.counted(body)
        count["prompt_tokens"] += read
        count["completion_tokens"] += written
        return JSONResponse(body)

    async def _slowly(self, request: Request, fault: Fault) -> None:
        with anyio.move_on_after(fault.delay_s):
            await request.receive()  # the body is read, so what comes next is the caller's going away
            self.hung_up += 1

    def _count(self, model: str, idempotency_key: str | None) -> None:
        self.by_model.setdefault(model, Counter())["calls"] += 1
        if idempotency_key is not None:
            self.idempotency_keys[idempotency_key] += 1

    def _keep(self, request: Request, raw: bytes) -> None:
        if not self.record and self.record_path is None:
            return
        headers = {name: value for name, value in request.headers.items() if name not in SECRET_HEADERS}
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
                return _invalid(CHAT, "; ".join(problems(error)))
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
                "batches": {batch.id: batch.status for batch in self.batching.batches.values()},
                "batch_lines": dict(self.batching.lines_received),
                "let_through": self.limiter.let_through if self.limiter else self.calls,
                "refused_at_s": self.limiter.refused_at if self.limiter else [],
            }
        )

    def _may_control(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.control_token is not None and secrets.compare_digest(given.encode(), self.control_token.encode())


def _invalid(dialect: Dialect, message: str) -> Response:
    return JSONResponse(dialect.invalid(message), status_code=400)


def _forbidden() -> Response:
    return CHAT.said(Rejection(403, None, INVALID, "the control API wants the control token of this stand-in"))
