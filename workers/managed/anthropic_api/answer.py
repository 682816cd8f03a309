"""Anthropic's answer, read strictly: the SDK takes `{}` for a message full of None."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from tidegate.errors import ContentRefused, ContextOverflow, MalformedAnswer, SchemaInvalid
from tidegate.job import FunctionCall, Params, ToolCall
from tidegate.result import Answer, FinishReason
from workers.managed.acceptable import refuses
from workers.managed.anthropic_api import form
from workers.managed.anthropic_api.failures import raise_told_error
from workers.managed.anthropic_api.request import own_stops
from workers.managed.anthropic_api.stops import before
from workers.managed.anthropic_api.tokens import usage

FINISHES: Mapping[str | None, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}
"""A stop reason -> ours; what is not listed (`pause_turn`) is no end of an answer."""


class _Part(BaseModel):
    """What we read of an answer; a server may say more."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


class _Text(_Part):
    type: Literal["text"]
    text: str


class _ToolUse(_Part):
    type: Literal["tool_use"]
    id: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1)]
    input: dict[str, Any]
    written: str | None = None
    """The input as it was streamed: `stream` keeps it, so that what was told is what is answered."""

    @property
    def arguments(self) -> str:
        """The input as JSON."""
        return self.written if self.written is not None else json.dumps(self.input, ensure_ascii=False)


class _Other(_Part):
    """Thinking and the like: nothing of it is part of the answer."""

    type: str


def _kind(block: object) -> str:
    """What we read of a block goes by its type; a wrong one of these is no block of another kind."""
    kind = block.get("type") if isinstance(block, dict) else None
    return kind if kind in ("text", "tool_use") else "other"


_Block = Annotated[
    Annotated[_Text, Tag("text")] | Annotated[_ToolUse, Tag("tool_use")] | Annotated[_Other, Tag("other")],
    Discriminator(_kind),
]


class _Message(_Part):
    type: Literal["message"]
    content: list[_Block]
    stop_reason: str | None = None
    model: str | None = None
    usage: Any = None


def read(content: bytes, *, model: str, params: Params) -> Answer:
    """The answer in a body that came with status 200. `model` stands in where the server names none."""
    said = _parsed(content)
    if said is None:  # outside the handler, so that no exception of ours drags the body along as its context
        raise_told_error(content)
        raise MalformedAnswer("status 200, but the body is no message")
    finish = _finish(said)
    if finish == "length" and said.content and isinstance(said.content[-1], _ToolUse):
        raise SchemaInvalid("the answer was cut in the middle of a call")
    text = _answered(said, params)
    uses = [] if _answers(said, params) else _uses(said)
    if not text and not uses and said.stop_reason == "end_turn":
        raise MalformedAnswer("status 200, but the message has no content")
    calls = tuple(ToolCall(id=use.id, function=FunctionCall(name=use.name, arguments=use.arguments)) for use in uses)
    return Answer(
        text=text,
        finish_reason="tool_calls" if calls else "stop" if finish == "tool_calls" else finish,
        tool_calls=calls,
        usage=usage(said.usage),
        model=said.model or model,
    )


def text_of(content: bytes, params: Params) -> str | None:
    """The text in a body that may be a message."""
    said = _parsed(content)
    return _answered(said, params) if said else None


def _parsed(content: bytes) -> _Message | None:
    try:
        return _Message.model_validate_json(content)
    except ValidationError:
        return None


def _finish(said: _Message) -> FinishReason:
    if refuses(said.stop_reason):
        raise ContentRefused("status 200, refused")
    if said.stop_reason == "model_context_window_exceeded":
        raise ContextOverflow("status 200, but the answer did not fit the model's context")
    finish = FINISHES.get(said.stop_reason)
    if finish is None:
        raise MalformedAnswer("status 200, but the answer did not come to an end")
    return finish


def _answered(said: _Message, params: Params) -> str:
    """The answer's text: what was said, or what the tool for it was given."""
    answers = _answers(said, params)
    if answers:
        return answers[0].arguments
    text = "".join(block.text for block in said.content if isinstance(block, _Text))
    return before(text, own_stops(params))


def _answers(said: _Message, params: Params) -> list[_ToolUse]:
    """Uses of the tool that takes the answer."""
    if form.promised_schema(params) is None:
        return []
    return [use for use in _uses(said) if use.name == form.answer_tool(params)]


def _uses(said: _Message) -> list[_ToolUse]:
    return [block for block in said.content if isinstance(block, _ToolUse)]
