"""How the stand-in speaks Google Vertex AI's: OpenAI's answers, errors of its own, and its token server."""

import time
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from workers.standin.answers import MARK, Json
from workers.standin.faults import REJECTIONS, Rejection
from workers.standin.openai_words import CHAT
from workers.standin.responses_words import RESPONSES

TOKEN_PREFIX = "stand-in-token-"  # noqa: S105 - no secret: a stand-in's own

PLACE = "/v1/projects/{project}/locations/{location}"

STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}

REFUSED: Mapping[str, Rejection] = {
    **REJECTIONS,
    "context_too_long": Rejection(
        400, None, "", "The input token count (9999) exceeds the maximum number of tokens allowed (512)."
    ),
    "content_filter": Rejection(400, "content_filter", "", "The prompt was blocked."),
}


def error(said: Rejection, param: str | None = None) -> Json:
    """An error's body. Google's own come in a list."""
    message = f"{MARK} {said.message}" + (f" ({param})" if param else "")
    code = said.code if said.code in ("content_filter", "insufficient_quota", "unsupported_parameter") else said.status
    return {"error": {"code": code, "message": message, "status": STATUSES.get(said.status, "UNKNOWN")}}


def has_token(request: Request) -> bool:
    """Whether a request has a token that this stand-in gave."""
    return request.headers.get("authorization", "").startswith(f"Bearer {TOKEN_PREFIX}")


async def token(request: Request) -> Response:
    """An access token for a signed assertion, which is not checked."""
    asked = parse_qs((await request.body()).decode("ascii", "replace"))
    if asked.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"] or not asked.get("assertion"):
        return JSONResponse({"error": "invalid_grant", "error_description": f"{MARK} no assertion"}, status_code=400)
    given = f"{TOKEN_PREFIX}{time.monotonic_ns()}"
    return JSONResponse({"access_token": given, "expires_in": 3600, "token_type": "Bearer"})


VERTEX_CHAT = replace(CHAT, has_key=has_token, error=error, rejections=REFUSED)
VERTEX_RESPONSES = replace(RESPONSES, has_key=has_token, error=error, rejections=REFUSED)
