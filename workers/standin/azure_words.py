"""How the stand-in speaks Azure OpenAI's API: OpenAI's words, another header for the key, content filters."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from starlette.requests import Request

from workers.standin.answers import MARK, Json
from workers.standin.faults import REJECTIONS, Rejection
from workers.standin.openai_words import CHAT, EMBEDDINGS

SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
PROMPT_RESULTS = [{"prompt_index": 0, "content_filter_results": SAFE}]

REFUSED: Mapping[str, Rejection] = {
    **REJECTIONS,
    "rate_limited": Rejection(429, "429", "", "Requests have exceeded the call rate limit of your tier."),
    "unauthorized": Rejection(401, "401", "", "Access denied due to an invalid subscription key."),
    "content_filter": Rejection(400, "content_filter", "", "The response was filtered."),
}


def error(said: Rejection, param: str | None = None) -> Json:
    """An error's body."""
    body: Json = {"code": said.code or str(said.status), "message": f"{MARK} {said.message}", "param": param}
    if said.code == "content_filter":
        body["innererror"] = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": SAFE}
    return {"error": {**body, "status": said.status}}


def has_key(request: Request) -> bool:
    """Whether a request has a key as Azure wants it."""
    return bool(request.headers.get("api-key", "").strip())


def _answer(asked: Json, number: int) -> Json:
    said = CHAT.answer(asked, number)
    choices = [{**choice, "content_filter_results": SAFE} for choice in said["choices"]]
    return {**said, "choices": choices, "prompt_filter_results": PROMPT_RESULTS}


def _frames(asked: Json, number: int) -> Iterator[str]:
    assert CHAT.frames is not None  # noqa: S101 - a stand-in's own
    first = {"choices": [], "model": "", "object": "", "prompt_filter_results": PROMPT_RESULTS}
    yield f"data: {json.dumps(first)}\n\n"
    yield from CHAT.frames(asked, number)


def _versioned(request: Request) -> str | None:
    if not request.query_params.get("api-version"):
        return "api-version: missing query parameter"
    if "organization" in " ".join(request.headers) or "authorization" in request.headers:
        return "a header of OpenAI's came along"
    return None


def _headers(number: int) -> Mapping[str, str]:
    """What it says of its limits."""
    return {
        "x-ratelimit-limit-requests": "1000",
        "x-ratelimit-remaining-requests": str(1000 - number),
        "x-ratelimit-remaining-tokens": "99000",
    }


AZURE_CHAT = replace(
    CHAT,
    answer=_answer,
    frames=_frames,
    has_key=has_key,
    error=error,
    rejections=REFUSED,
    problem_of_headers=_versioned,
    headers=_headers,
    broken_frame=f"data: {json.dumps(error(Rejection(500, 'InternalServerError', '', 'upstream failed')))}\n\n",
)
AZURE_EMBEDDINGS = replace(
    EMBEDDINGS, has_key=has_key, error=error, rejections=REFUSED, problem_of_headers=_versioned, headers=_headers
)
