"""How the stand-in speaks Anthropic's Messages API: its answers, its streams, its errors, its headers."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

from workers.standin.answers import MARK, Json, model_name, shortened, summary, tokens_of, words
from workers.standin.faults import REJECTIONS, Rejection
from workers.standin.instance import instance
from workers.standin.messages_check import problem, problem_of_version
from workers.standin.wire import INVALID, Dialect, bearer

TYPES: Mapping[int, str] = {
    400: INVALID,
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""What an error is called, by its status."""

REFUSED: Mapping[str, Rejection] = {
    **REJECTIONS,
    "insufficient_quota": Rejection(400, None, INVALID, "Your credit balance is too low to access the Anthropic API."),
    "overloaded": Rejection(529, None, "", "Overloaded"),
    "context_too_long": Rejection(400, None, INVALID, "prompt is too long: 200001 tokens > 200000 maximum"),
    "content_filter": Rejection(400, None, INVALID, "Output blocked by content filtering policy"),
    "unsupported_parameter": Rejection(400, None, INVALID, "Extra inputs are not permitted"),
}
"""Faults in Anthropic's words: it has few codes, and says most in the text of a 400."""

REQUESTS_A_MINUTE = 4000
TOKENS_A_MINUTE = 400_000


def answer(asked: Json, number: int) -> Json:
    """A message. Raises Unanswerable where the promised schema is beyond a stand-in."""
    block, stop_reason, stop = _block(asked)
    written = json.dumps(block["input"]) if block["type"] == "tool_use" else block["text"]
    return {
        "id": f"msg_standin_{number}",
        "type": "message",
        "role": "assistant",
        "model": model_name(asked),
        "content": [block] if written else [],
        "stop_reason": stop_reason,
        "stop_sequence": stop,
        "usage": _usage(asked, written),
    }


def frames(asked: Json, number: int) -> Iterator[str]:
    """The same as a stream's events."""
    whole = answer(asked, number)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield _frame({"type": "message_start", "message": begun})
    yield _frame({"type": "ping"})
    for index, block in enumerate(whole["content"]):
        empty = {**block, "input": {}} if block["type"] == "tool_use" else {**block, "text": ""}
        yield _frame({"type": "content_block_start", "index": index, "content_block": empty})
        for delta in _deltas(block):
            yield _frame({"type": "content_block_delta", "index": index, "delta": delta})
        yield _frame({"type": "content_block_stop", "index": index})
    end = {name: whole[name] for name in ("stop_reason", "stop_sequence")}
    usage = {"output_tokens": whole["usage"]["output_tokens"]}
    yield _frame({"type": "message_delta", "delta": end, "usage": usage})
    yield _frame({"type": "message_stop"})


def prompt_text(asked: Json) -> str:
    """All that a request says."""
    system = asked.get("system") or ""
    turns = (turn.get("content") for turn in asked.get("messages") or [])
    return "\n".join(filter(None, (_text(part) for part in (system, *turns))))


def error(said: Rejection, param: str | None = None) -> Json:
    """An error's body; a parameter stands in its text."""
    kind = TYPES.get(said.status, "api_error" if said.status >= 500 else INVALID)  # noqa: PLR2004 - HTTP's error classes
    message = f"{param}: {said.message}" if param else said.message
    return {
        "type": "error",
        "error": {"type": kind, "message": f"{MARK} {message}"},
        "request_id": "req_standin",
    }


def has_key(request: Request) -> bool:
    """Whether a request has a key as Anthropic wants it."""
    versioned = "anthropic-version" in request.headers
    return bool(request.headers.get("x-api-key", "").strip()) or (versioned and bearer(request))


def _block(asked: Json) -> tuple[Json, str, str | None]:
    """What is said, why it ends, and the stop string that ended it."""
    choice = asked.get("tool_choice") or {}
    if choice.get("type") in ("any", "tool"):
        named = choice.get("name")
        tool = next(tool for tool in asked["tools"] if named in (None, tool["name"]))
        made = instance({"type": "object", **tool["input_schema"]}, text=MARK)
        return {"type": "tool_use", "id": "toolu_standin", "name": tool["name"], "input": made}, "tool_use", None
    wanted = (asked.get("output_config") or {}).get("format") or asked.get("output_format")
    text = json.dumps(instance(wanted["schema"], text=MARK)) if wanted else summary(prompt_text(asked))
    stop = next((stop for stop in asked.get("stop_sequences") or () if stop in text), None)
    if stop is not None:
        text = text.partition(stop)[0]
    short = shortened(text, asked["max_tokens"])
    if short != text:
        return {"type": "text", "text": short}, "max_tokens", None
    return {"type": "text", "text": text}, "stop_sequence" if stop else "end_turn", stop


def _deltas(block: Json) -> Iterator[Json]:
    """A block's pieces: words, or a call's arguments in two halves."""
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": word} for word in words(block["text"]))
        return
    arguments = json.dumps(block["input"])
    half = len(arguments) // 2
    for piece in ("", arguments[:half], arguments[half:]):
        yield {"type": "input_json_delta", "partial_json": piece}


def _refusal(asked: Json) -> Json:
    made = answer({**asked, "output_config": None, "tool_choice": None}, 0)
    details = {"type": "refusal", "category": None, "explanation": f"{MARK} I will not do that."}
    return {**made, "content": [], "stop_reason": "refusal", "stop_details": details}


def _headers(number: int) -> Mapping[str, str]:
    """What it says of its limits: as if each call were the only one of its minute."""
    reset = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    rooms = {"requests": REQUESTS_A_MINUTE, "tokens": TOKENS_A_MINUTE}
    told = {"request-id": f"req_standin_{number}"}
    for name, limit in rooms.items():
        about = {"limit": str(limit), "remaining": str(limit - 1), "reset": reset}
        told |= {f"anthropic-ratelimit-{name}-{key}": value for key, value in about.items()}
    return told


def _usage(asked: Json, written: str) -> Json:
    return {
        "input_tokens": tokens_of(prompt_text(asked)),
        "output_tokens": tokens_of(written),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "service_tier": "standard",
    }


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = (part for part in content if isinstance(part, dict))
        return "\n".join(_text(part.get("content")) or str(part.get("text", "")) for part in parts)
    return content if isinstance(content, str) else ""


def _frame(event: Json) -> str:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


MESSAGES = Dialect(
    needs="messages",
    answer=answer,
    text_of=prompt_text,
    refusal=_refusal,
    error=error,
    rejections=REFUSED,
    frames=frames,
    broken_frame=_frame(error(Rejection(529, None, "", "Overloaded"))),
    problem=problem,
    problem_of_version=problem_of_version,
    has_key=has_key,
    headers=_headers,
)
