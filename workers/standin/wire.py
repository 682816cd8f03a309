"""What goes over the wire: an API's words as a `Dialect`, errors and faults as responses, what is read of requests."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.standin.answers import MARK, Json
from workers.standin.faults import Fault, Rejection

HEADER = "x-tidegate-standin"
INVALID = "invalid_request_error"
SECRET_HEADERS = frozenset({"authorization", "x-api-key", "api-key"})
"""Never kept, whichever API they belong to."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one path answers, and how it says no."""

    needs: str
    """The field that a request must have beside its model."""
    answer: Callable[[Json, int], Json]
    """A request's body and the call's number -> an answer. May raise Unanswerable, or anything for a wrong field."""
    text_of: Callable[[Json], str]
    """All that a request says, for finding a fault's words."""
    refusal: Callable[[Json], Json]
    has_key: Callable[[Request], bool]
    error: Callable[[Rejection, str | None], Json]
    """An error's body; the second is the parameter that it names."""
    rejections: Mapping[str, Rejection]
    frames: Callable[[Json, int], Iterator[str]] | None = None
    """The same answer as a stream; None where there is none."""
    broken_frame: str = ""
    """An error in mid-stream."""
    problem: Callable[[Json], str | None] = lambda _asked: None
    """What is wrong with a request that this API would refuse."""
    problem_of_headers: Callable[[Request], str | None] = lambda _request: None
    problem_of_version: Callable[[Json, Mapping[str, str]], str | None] = lambda _asked, _headers: None
    """What is wrong with a request for the version of the API that its headers name."""
    headers: Callable[[int], Mapping[str, str]] = lambda _number: {}
    """Of every answer, by the call's number."""

    def said(
        self, rejection: Rejection, *, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """An error as a response."""
        return JSONResponse(self.error(rejection, param), status_code=rejection.status, headers=dict(headers or {}))

    def invalid(self, message: str) -> Json:
        """The body of a 400."""
        return self.error(Rejection(400, None, INVALID, message), None)

    def checked(self, asked: Json, headers: Mapping[str, str]) -> str | None:
        """What is wrong with a request, by itself or as a line of a batch."""
        return self.problem_of_version(asked, headers) or self.problem(asked)

    def streamed(self, asked: Json, number: int) -> Response:
        """An answer as a stream."""
        frames = list(self._frames(asked, number))  # what cannot be answered is told before the stream begins
        return StreamingResponse(iter(frames), media_type="text/event-stream")

    def faulty(self, fault: Fault, asked: Json) -> Response:
        """How a fault looks on the wire."""
        if fault.fault in self.rejections:
            headers = {} if fault.retry_after_s is None else {"retry-after": f"{fault.retry_after_s:g}"}
            return self.said(self.rejections[fault.fault], param=fault.param, headers=headers)
        if asked.get("stream") and fault.fault in ("dropped", "error_in_200"):
            return Cut(self._begun(asked), last=self.broken_frame if fault.fault == "error_in_200" else "")
        body = self.lie(fault, asked)
        if isinstance(body, dict):
            return JSONResponse(body)
        if fault.fault == "dropped":
            return Dropped()
        kind = "text/html" if fault.fault == "html" else "application/json"
        return Response(body, media_type=kind)

    def lie(self, fault: Fault, asked: Json) -> Json | str:
        """An answer with status 200 that is none."""
        lies: Mapping[str, Callable[[], Json | str]] = {
            "malformed": lambda: '{"id": "stand-in", "choices": [',
            "empty": dict,
            "html": lambda: f"<html><body>{MARK}</body></html>",
            "refusal": lambda: self.refusal(asked),
            "error_in_200": lambda: self.error(Rejection(502, None, "api_error", "upstream failed"), None),
        }
        return lies.get(fault.fault, str)()

    def _frames(self, asked: Json, number: int) -> Iterator[str]:
        if self.frames is None:
            raise ValueError("no stream here")
        return self.frames(asked, number)

    def _begun(self, asked: Json) -> Sequence[str]:
        frames = list(self._frames(asked, 0))
        return frames[: len(frames) // 2]


class Marked:
    """Puts the stand-in's mark on every answer, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, with the mark."""

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (HEADER.encode(), b"1")]
            await send(message)

        await self._app(scope, receive, mark)


class Dropped(Response):
    """Half an answer and then nothing: uvicorn closes a connection whose answer was left unfinished."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Begin to send."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"id": "stand-in', "more_body": True})


class Cut(Response):
    """A body that begins, and ends in the middle: with a last word, or by the connection's end."""

    def __init__(self, pieces: Sequence[str], *, last: str = "", media_type: str = "text/event-stream") -> None:
        super().__init__(media_type=media_type)
        self._pieces, self._last = pieces, last

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send what there is."""
        headers = [(b"content-type", f"{self.media_type}; charset=utf-8".encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
        if self._last:
            await send({"type": "http.response.body", "body": self._last.encode()})


def bearer(request: Request) -> bool:
    """Whether a request has a key as OpenAI wants it."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(key.strip())


def parsed(raw: bytes) -> dict[str, Any] | None:
    """A JSON object with a model whose name can be told back; None where it is none."""
    value = json_object(raw)
    model = value.get("model") if value is not None else None
    # A name that cannot be printed cannot be told back: JSON may spell half a surrogate pair.
    return value if isinstance(model, str) and model.isprintable() else None


def json_object(raw: bytes | str) -> dict[str, Any] | None:
    """A JSON object; None where it is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
