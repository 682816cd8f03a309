"""What a sound answer looks like on the wire, API by API; and what is nearly one. To add an API: a line in FORMS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TEXT = "All is well."


@dataclass(frozen=True, kw_only=True)
class Form:
    """One API's."""

    sound: dict[str, Any]
    """An answer that says TEXT."""
    events: tuple[bytes, ...]
    """The same as a stream; without the last one it is cut."""
    error_event: bytes
    """What a server says in mid-stream when it has no room."""
    nonsense: tuple[Any, ...]
    """What has its outline and makes no sense."""
    refused: tuple[Any, ...]
    """Answers that are refusals."""
    errors: tuple[tuple[Any, str], ...] = (
        ({"error": {"code": 429, "message": "slow down"}}, "RateLimited"),
        ({"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, "RateLimited"),
        ({"error": {"code": 502, "message": "upstream"}}, "ProviderFailed"),
        ({"error": {"message": "upstream"}}, "ProviderFailed"),
        ({"error": {"type": "insufficient_quota"}}, "QuotaExhausted"),
        ({"error": {"code": 10**30}}, "ProviderFailed"),
    )
    """Errors that come with status 200, and the classes of ours."""


def _event(said: Any, name: str = "") -> bytes:
    begin = f"event: {name}\n" if name else ""
    return f"{begin}data: {json.dumps(said)}\n\n".encode()


def _chat(content: Any = TEXT, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": USAGE, **more}


USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def _chunk(content: str | None, finish: str | None = None) -> bytes:
    return _event({"model": "m", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]})


CHAT = Form(
    sound=_chat(),
    events=(_chunk("All is "), _chunk("well."), _chunk(None, "stop"), b"data: [DONE]\n\n"),
    error_event=_event({"error": {"code": 503, "message": "no room"}}),
    nonsense=(
        _chat(7),
        _chat([TEXT]),
        _chat(None),
        _chat(finish="error"),
        _chat(finish=3),
        _chat(model=7),
        _chat(choices=[]),
        _chat(choices=None),
        _chat(choices={}),
        _chat(choices=[None]),
        _chat(choices=[{}]),
        _chat(message={"tool_calls": [{"function": {"name": 3, "arguments": "{}"}}]}),
        _chat(message={"tool_calls": 3}),
    ),
    refused=(_chat(None, message={"refusal": "no"}), _chat(finish="content_filter"), _chat("", "content_filter")),
)


def _response(content: Any = TEXT, **more: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": content, "annotations": []}
    message = {"type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    whole = {"id": "1", "object": "response", "status": "completed", "model": "m", "output": [message], "usage": usage}
    return {**whole, **more}


def _typed(kind: str, **said: Any) -> bytes:
    return _event({"type": kind, **said}, kind)


def _message(content: Any) -> list[Any]:
    return [{"type": "message", "content": content}]


RESPONSES = Form(
    sound=_response(),
    events=(
        _typed("response.created", response=_response(status="in_progress", output=[])),
        _typed("response.output_text.delta", delta="All is "),
        _typed("response.output_text.delta", delta="well."),
        _typed("response.completed", response=_response()),
    ),
    error_event=_typed("error", code="server_error", message="no room"),
    nonsense=(
        _response(7),
        _response([TEXT]),
        _response(None),
        _response(status="in_progress"),
        _response(status="cancelled"),
        _response(status=3),
        _response(status="incomplete"),
        _response(status="incomplete", incomplete_details={"reason": "steered"}),
        _response(incomplete_details={"reason": "max_output_tokens"}),
        _response(model=7),
        _response(output=None),
        _response(output={}),
        _response(output=[]),
        _response(output=[None]),
        _response(output=_message(None)),
        _response(output=_message([None])),
        _response(output=_message(TEXT)),
        _response(output=[{"type": "reasoning", "summary": []}]),
        _response(output=[{"type": "function_call", "name": 3, "arguments": "{}"}]),
        _response(output=[{"type": "function_call", "name": "look", "arguments": {}}]),
    ),
    refused=(
        _response(output=_message([{"type": "refusal", "refusal": "no"}])),
        _response(status="incomplete", incomplete_details={"reason": "content_filter"}),
    ),
    errors=(
        *Form.errors,
        (_response(status="failed", output=[], error={"code": "server_error"}), "ProviderFailed"),
        (_response(status="failed", output=[], error={"code": "rate_limit_exceeded"}), "RateLimited"),
        (_response(status="failed", output=[], error={"code": "invalid_prompt"}), "ContentRefused"),
        (_response(status="failed", output=[], error={"code": "image_too_large"}), "BadRequest"),
        (_response(status="failed", output=[]), "ProviderFailed"),
    ),
)


def _says(text: Any = TEXT, stop_reason: Any = "end_turn", **more: Any) -> dict[str, Any]:
    blocks = [{"type": "text", "text": text}]
    usage = {"input_tokens": 3, "output_tokens": 4}
    whole = {"id": "1", "type": "message", "role": "assistant", "model": "m", "content": blocks, "usage": usage}
    return {**whole, "stop_reason": stop_reason, **more}


def _delta(text: str) -> bytes:
    return _typed("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


_BEGUN = _typed("message_start", message=_says(stop_reason=None, content=[]))
_BLOCK = _typed("content_block_start", index=0, content_block={"type": "text", "text": ""})

MESSAGES = Form(
    sound=_says(),
    events=(
        _BEGUN + _typed("ping") + _BLOCK + _delta("All is "),
        _delta("well.") + _typed("content_block_stop", index=0),
        _typed("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 4}),
        _typed("message_stop"),
    ),
    error_event=_typed("error", error={"type": "overloaded_error", "message": "no room"}),
    nonsense=(
        _says(7),
        _says([TEXT]),
        _says(None),
        _says(stop_reason="pause_turn"),
        _says(stop_reason=None),
        _says(stop_reason=3),
        _says(model=7),
        _says(type="completion"),
        _says(content=TEXT),
        _says(content=None),
        _says(content={}),
        _says(content=[]),
        _says(content=[None]),
        _says(content=[TEXT]),
        _says(content=[{"type": "thinking", "thinking": "hm"}]),
        _says(content=[{"type": "tool_use", "id": "1", "name": 3, "input": {}}]),
        _says(content=[{"type": "tool_use", "id": "1", "name": "look", "input": "{}"}]),
        _chat(),
    ),
    refused=(_says(stop_reason="refusal"), _says(content=[], stop_reason="refusal")),
    errors=(
        *Form.errors,
        ({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, "Overloaded"),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}, "RateLimited"),
        ({"type": "error", "error": {"type": "authentication_error", "message": "x"}}, "AuthFailed"),
        ({"type": "error", "error": {"type": ["x"], "message": {}, "details": "x"}}, "ProviderFailed"),
        (_says(stop_reason="model_context_window_exceeded"), "ContextOverflow"),
    ),
)

FORMS: Mapping[str, Form] = {
    "openai": CHAT,
    "openai_responses": RESPONSES,
    "azure": CHAT,
    "vertex": CHAT,
    "vertex_openai": RESPONSES,
    "anthropic": MESSAGES,
}
"""By the name of the lane's fixture."""
