"""The answer of OpenAI's chat completions, read strictly: the SDK takes `{}` for an answer full of None."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.errors import ContentRefused, MalformedAnswer, RunError
from tidegate.job import FunctionCall, Params, ToolCall
from tidegate.result import Answer, FinishReason
from workers.managed.acceptable import refuses
from workers.managed.sureness import confidence, token_logprobs
from workers.managed.translation import Rejection, rejected
from workers.managed.usage import usage

FINISHES: Mapping[str | None, FinishReason] = {
    None: "stop",
    "stop": "stop",
    "eos_token": "stop",  # TGI
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
"""A server's finish reason -> ours; what is not listed (`error`, `abort`) is no end of an answer."""


class _Part(BaseModel):
    """What we read of an answer; a server may say more."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


class _Function(_Part):
    name: Annotated[str, Field(min_length=1)]
    arguments: str


class _Call(_Part):
    id: str | None = None
    function: _Function


class _Message(_Part):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(_Part):
    message: _Message
    finish_reason: str | None = None
    logprobs: Any = None


class _Completion(_Part):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    model: str | None = None
    usage: Any = None


class _Model(_Part):
    id: Annotated[str, Field(min_length=1)]


class _Models(_Part):
    data: list[_Model]


class _Error(_Part):
    error: dict[str, Any]


def read(content: bytes, *, model: str, params: Params) -> Answer:
    """The answer in a body that came with status 200. `model` stands in where the server names none."""
    try:
        said = _Completion.model_validate_json(content)
    except ValidationError:
        said = None
    if said is None:  # outside the handler, so that no exception of ours drags the body along as its context
        raise_told_error(content)
        raise MalformedAnswer("status 200, but the body is no chat completion")
    choice = said.choices[0]
    if refuses(choice.finish_reason) or choice.message.refusal:
        raise ContentRefused("status 200, refused")
    finish = FINISHES.get(choice.finish_reason)
    if finish is None:
        raise MalformedAnswer("status 200, but the answer did not come to an end")
    text, calls = choice.message.content, _calls(choice.message)
    if text is None and not calls and finish != "length":  # a model may spend its limit on thinking
        raise MalformedAnswer("status 200, but the message has no content")
    return Answer(
        text=text or "",
        finish_reason="tool_calls" if calls else "stop" if finish == "tool_calls" else finish,
        tool_calls=calls,
        logprobs=token_logprobs(choice.logprobs, top=params.top_logprobs or 0) if params.logprobs else None,
        usage=usage(said.usage),
        model=said.model or model,
        confidence=confidence(choice.logprobs),
    )


def text_of(content: bytes) -> str | None:
    """The text in a body that may be a completion."""
    try:
        return _Completion.model_validate_json(content).choices[0].message.content
    except ValidationError:
        return None


def models(content: bytes) -> tuple[str, ...]:
    """The names in a list of models. Raises MalformedAnswer."""
    try:
        return tuple(model.id for model in _Models.model_validate_json(content).data)
    except ValidationError:
        pass
    raise MalformedAnswer("status 200, but the body is no list of models")


def _calls(message: _Message) -> tuple[ToolCall, ...]:
    """The calls; a server that gives them no ids (Ollama's older ones) gets ours."""
    return tuple(
        ToolCall(
            id=call.id or f"call_{index}",
            function=FunctionCall(name=call.function.name, arguments=call.function.arguments),
        )
        for index, call in enumerate(message.tool_calls or ())
    )


def raise_told_error(content: bytes) -> None:
    """Some gateways say 200 and carry the upstream's error, with its status as the code."""
    try:
        error = _Error.model_validate_json(content).error
    except ValidationError:
        return
    raise told(error)


def told(error: Mapping[str, Any]) -> RunError:
    """Our error for one that came with status 200."""
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 500  # noqa: PLR2004 - HTTP's error classes
    return rejected(Rejection(status=status, error=error))
