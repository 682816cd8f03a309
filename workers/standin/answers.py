"""What the stand-in says when nothing goes wrong. Pure: a request's body in, an answer's body out."""

import base64
import hashlib
import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from workers.standin.instance import instance

Json = dict[str, Any]

MARK = "[stand-in]"
"""What every text begins with."""
CHARS_PER_TOKEN = 4
DEFAULT_DIMENSIONS = 64
MAX_DIMENSIONS = 4096


def completion(asked: Json, *, number: int, created: int) -> Json:
    """A chat completion. Raises Unanswerable where the promised schema is beyond a stand-in."""
    call = _call(asked)
    text, finish = ("", "tool_calls") if call else _cut(_content(asked), asked)
    message: Json = {"role": "assistant", "content": text or None if call else text, "refusal": None}
    if call:
        message["tool_calls"] = [call]
    return {
        **_head(asked, "chat.completion", number=number, created=created),
        "choices": [{"index": 0, "message": message, "logprobs": _logprobs(text, asked), "finish_reason": finish}],
        "usage": _usage(prompt=prompt_text(asked), written=json.dumps(call) if call else text),
    }


def chunks(asked: Json, *, number: int, created: int) -> Iterator[Json]:
    """The same answer as a stream's chunks: role, words, finish, and the usage where it was asked for."""
    whole = completion(asked, number=number, created=created)
    choice = whole["choices"][0]
    head = _head(asked, "chat.completion.chunk", number=number, created=created)
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += ({"content": word} for word in words(choice["message"]["content"] or ""))
    deltas += (part for call in choice["message"].get("tool_calls", ()) for part in _pieces(call))
    for delta in deltas:
        logprobs = _logprobs(delta.get("content") or "", asked)
        yield {**head, "choices": [{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": whole["usage"]}


def embeddings(asked: Json) -> Json:
    """One unit vector for each input: the same for the same text, and without meaning. Raises ValueError."""
    given = asked["input"]
    texts = given if isinstance(given, list) else [given]
    size = asked.get("dimensions") or DEFAULT_DIMENSIONS
    if not 1 <= size <= MAX_DIMENSIONS:
        raise ValueError("dimensions out of bounds")
    packed = asked.get("encoding_format") == "base64"
    tokens = sum(tokens_of(str(text)) for text in texts)
    return {
        "object": "list",
        "model": model_name(asked),
        "data": [
            {"object": "embedding", "index": index, "embedding": _vector(str(text), size, packed=packed)}
            for index, text in enumerate(texts)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def models(names: tuple[str, ...]) -> Json:
    """The list of models: the stand-in answers for any."""
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "stand-in"} for name in names]
    return {"object": "list", "data": rows}


def model_name(asked: Mapping[str, Any]) -> str:
    """The name that an answer bears."""
    return f"stand-in:{asked.get('model')}"


def prompt_text(asked: Mapping[str, Any]) -> str:
    """All that a chat request says, for counting and for finding a fault's words."""
    return "\n".join(_text(turn.get("content")) for turn in asked.get("messages") or [])


def summary(prompt: str) -> str:
    """What a stand-in has to say."""
    return f"{MARK} I received {len(prompt.split())} words and would have summed them up here."


def counted(body: Mapping[str, Any]) -> tuple[int, int]:
    """The tokens that an answer says were read and written, whichever API's it is."""
    usage = body["usage"]
    read = usage.get("prompt_tokens", usage.get("input_tokens", 0))
    return read, usage.get("completion_tokens", usage.get("output_tokens", 0))


def tokens_of(text: str) -> int:
    """A plausible count."""
    return math.ceil(len(text) / CHARS_PER_TOKEN)


def told(asked: Json, text: str | None) -> Json:
    """A request whose answer will be this text; as it was where there is none."""
    return asked if text is None else {**asked, _TOLD: text}


_TOLD = "\0told"
"""A field that no request can have: JSON's keys are text, and this is none that anybody writes."""


def words(text: str) -> list[str]:
    """The pieces that a stream says one after the other."""
    return re.findall(r"\S+\s*", text)


def shortened(text: str, limit_tokens: int | None) -> str:
    """No more than so many tokens of a text."""
    return text if limit_tokens is None or tokens_of(text) <= limit_tokens else text[: limit_tokens * CHARS_PER_TOKEN]


def _content(asked: Json) -> str:
    if _TOLD in asked:
        return str(asked[_TOLD])
    wanted = asked.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return json.dumps(instance(wanted["json_schema"]["schema"], text=MARK))
    if wanted.get("type") == "json_object":
        return json.dumps({"note": MARK})
    return summary(prompt_text(asked))


def _call(asked: Json) -> Json | None:
    """A call of the first tool that must be called. Where the choice is left to it, a stand-in calls none."""
    choice = asked.get("tool_choice")
    if choice in (None, "none", "auto"):
        return None
    named = choice["function"]["name"] if isinstance(choice, dict) else None
    functions = [tool["function"] for tool in asked.get("tools") or ()]
    function = next((function for function in functions if named in (None, function["name"])), None)
    if function is None:
        raise ValueError("tool_choice without such a tool")
    arguments = instance({"type": "object", **(function.get("parameters") or {})}, text=MARK)
    return {
        "id": "call_stand_in",
        "type": "function",
        "function": {"name": function["name"], "arguments": json.dumps(arguments)},
    }


def _pieces(call: Json) -> Iterator[Json]:
    """A call as a stream has it: its name first, then its arguments in two pieces."""
    arguments = call["function"]["arguments"]
    half = len(arguments) // 2
    yield {"tool_calls": [{"index": 0, **call, "function": {"name": call["function"]["name"], "arguments": ""}}]}
    for piece in (arguments[:half], arguments[half:]):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _logprobs(text: str, asked: Json) -> Json | None:
    """Every word a token, and as likely as any other."""
    if not asked.get("logprobs"):
        return None
    told = [{"token": word, "logprob": -0.1, "bytes": list(word.encode())} for word in words(text)]
    return {"content": [{**token, "top_logprobs": [token][: asked.get("top_logprobs") or 0]} for token in told]}


def _cut(text: str, asked: Json) -> tuple[str, str]:
    """Up to the first stop string, and no more than the tokens that were asked for."""
    stops = asked.get("stop") or ()
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0]
    short = shortened(text, asked.get("max_completion_tokens") or asked.get("max_tokens"))
    return short, "stop" if short == text else "length"


def _head(asked: Json, kind: str, *, number: int, created: int) -> Json:
    return {"id": f"stand-in-{number}", "object": kind, "created": created, "model": model_name(asked)}


def _usage(*, prompt: str, written: str) -> Json:
    read, made = tokens_of(prompt), tokens_of(written)
    return {"prompt_tokens": read, "completion_tokens": made, "total_tokens": read + made}


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _vector(text: str, size: int, *, packed: bool) -> list[float] | str:
    noise = hashlib.shake_256(text.encode()).digest(size * 2)
    raw = [number / 32_768 - 1 for number in struct.unpack(f"<{size}H", noise)]
    length = math.sqrt(sum(value * value for value in raw)) or 1.0
    unit = [value / length for value in raw]
    # OpenAI's own client asks for base64 unless it is told otherwise.
    return base64.b64encode(struct.pack(f"<{size}f", *unit)).decode() if packed else unit
