"""How the stand-in speaks OpenAI's Responses API: the answers of chat completions in other words."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from workers.standin import answers
from workers.standin.answers import MARK, Json
from workers.standin.faults import REJECTIONS
from workers.standin.openai_words import error
from workers.standin.wire import Dialect, bearer

LEAST_TOKENS = 16


def answer(asked: Json, number: int) -> Json:
    """A response. Raises Unanswerable where the promised schema is beyond a stand-in."""
    said = answers.completion(_as_chat(asked), number=number, created=int(time.time()))
    choice, usage = said["choices"][0], said["usage"]
    cut = choice["finish_reason"] == "length"
    return {
        "id": f"resp_standin_{number}",
        "object": "response",
        "created_at": said["created"],
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "model": said["model"],
        "output": [{"id": "rs_standin", "type": "reasoning", "summary": []}, *_items(choice)],
        "store": False,
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        },
    }


def frames(asked: Json, number: int) -> Iterator[str]:
    """The same as a stream's events."""
    whole = answer(asked, number)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield _frame("response.created", response=begun)
    yield _frame("response.in_progress", response=begun)
    for index, item in enumerate(whole["output"]):
        yield _frame("response.output_item.added", output_index=index, item={**item, "status": "in_progress"})
        yield from _deltas(index, item)
        yield _frame("response.output_item.done", output_index=index, item=item)
    yield _frame(f"response.{whole['status']}", response=whole)


def prompt_text(asked: Json) -> str:
    """All that a request says."""
    return answers.prompt_text({"messages": _as_chat(asked)["messages"]})


def problem(asked: Json) -> str | None:
    """What OpenAI would refuse, and what a stand-in must see: that nothing is kept."""
    if asked.get("store") is not False:
        return "store: this stand-in is for those who have nothing kept: say store: false"
    unknown = asked.keys() - KNOWN
    if unknown:
        return f"Unknown parameter: '{min(unknown)}'."
    if asked.get("max_output_tokens", LEAST_TOKENS) < 1:
        return "max_output_tokens: integer below minimum value"
    wanted = (asked.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema" and not isinstance(wanted.get("schema"), dict):
        return "text.format.schema: missing required parameter"
    calls = {item.get("call_id") for item in _turns(asked) if item.get("type") == "function_call"}
    results = (item for item in _turns(asked) if item.get("type") == "function_call_output")
    if any(item.get("call_id") not in calls for item in results):
        return "no tool call found for a function call output"
    return None


KNOWN = frozenset(
    {
        *(
            "model",
            "input",
            "instructions",
            "max_output_tokens",
            "temperature",
            "top_p",
            "text",
            "tools",
            "tool_choice",
        ),
        *("parallel_tool_calls", "include", "top_logprobs", "store", "stream", "reasoning", "metadata"),
    }
)


def _as_chat(asked: Json) -> Json:
    """The same request to chat completions."""
    form = (asked.get("text") or {}).get("format") or {}
    schema = {"json_schema": {"schema": form.get("schema")}} if form.get("type") == "json_schema" else {}
    return {
        "model": asked["model"],
        "messages": [_turn(item) for item in _turns(asked)],
        "max_tokens": asked.get("max_output_tokens"),
        "response_format": {"type": form["type"], **schema} if form else None,
        "tools": [{"type": "function", "function": tool} for tool in asked.get("tools") or ()],
        "tool_choice": _choice(asked.get("tool_choice")),
        "logprobs": "message.output_text.logprobs" in (asked.get("include") or ()),
        "top_logprobs": asked.get("top_logprobs"),
    }


def _turns(asked: Json) -> list[Json]:
    given = asked["input"]
    return given if isinstance(given, list) else [{"role": "user", "content": given}]


def _turn(item: Json) -> Json:
    kinds: Mapping[str, Json] = {
        "function_call": {"role": "assistant", "content": f"{item.get('name')}{item.get('arguments')}"},
        "function_call_output": {"role": "tool", "content": item.get("output")},
    }
    return kinds.get(item.get("type", "message"), {"role": item.get("role"), "content": item.get("content")})


def _choice(given: Any) -> Any:
    return {"type": "function", "function": {"name": given["name"]}} if isinstance(given, dict) else given


def _items(choice: Json) -> list[Json]:
    message = choice["message"]
    calls = [
        {
            "id": f"fc_{call['id']}",
            "type": "function_call",
            "status": "completed",
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
        }
        for call in message.get("tool_calls") or ()
    ]
    return calls or [_message({"type": "output_text", "text": message["content"], "annotations": [], **_told(choice)})]


def _told(choice: Json) -> Json:
    return {"logprobs": (choice.get("logprobs") or {}).get("content") or []}


def _message(content: Json) -> Json:
    return {"id": "msg_standin", "type": "message", "status": "completed", "role": "assistant", "content": [content]}


def _deltas(index: int, item: Json) -> Iterator[str]:
    """A text word by word, a call's arguments in two halves."""
    if item["type"] == "message":
        for word in answers.words(item["content"][0]["text"]):
            yield _frame("response.output_text.delta", output_index=index, content_index=0, delta=word)
    elif item["type"] == "function_call":
        arguments = item["arguments"]
        half = len(arguments) // 2
        for piece in (arguments[:half], arguments[half:]):
            yield _frame("response.function_call_arguments.delta", output_index=index, delta=piece)


def _refusal(asked: Json) -> Json:
    said = answer({**asked, "text": None, "tool_choice": None}, 0)
    return {**said, "output": [_message({"type": "refusal", "refusal": f"{MARK} I will not do that."})]}


def _frame(kind: str, **event: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **event})}\n\n"


RESPONSES = Dialect(
    needs="input",
    answer=answer,
    text_of=prompt_text,
    refusal=_refusal,
    has_key=bearer,
    error=error,
    rejections=REJECTIONS,
    frames=frames,
    broken_frame=_frame("error", code="server_error", message=f"{MARK} upstream failed", param=None),
    problem=problem,
)
