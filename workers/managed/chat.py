"""The answer of OpenAI's chat completions, read strictly: the SDK takes `{}` for an answer full of None."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.errors import ContentRefused, MalformedAnswer
from tidegate.job import FunctionCall, Params, ToolCall
from tidegate.result import Answer, FinishReason, Usage
from workers.managed import promise
from workers.managed.sureness import confidence, token_logprobs
from workers.managed.translation import Rejection, rejected

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

Count = Annotated[int, Field(ge=0)]


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


class _Usage(_Part):
    prompt_tokens: Count
    completion_tokens: Count = 0
    prompt_tokens_details: Any = None


class _Details(_Part):
    cached_tokens: Count = 0


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
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise ContentRefused("status 200, refused")
    finish = FINISHES.get(choice.finish_reason)
    if finish is None:
        raise MalformedAnswer("status 200, but the answer did not come to an end")
    text, calls = choice.message.content, _calls(choice.message)
    if text is None and not calls and finish != "length":  # a model may spend its limit on thinking
        raise MalformedAnswer("status 200, but the message has no content")
    promise.keep(text or "", params, calls=calls)
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
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 500  # noqa: PLR2004 - HTTP's error classes
    raise rejected(Rejection(status=status, error=error))


def usage(said: Any) -> Usage:
    """The tokens, or zeros where a server counts none: the price of such a run is then not known."""
    try:
        counts = _Usage.model_validate(said)
    except ValidationError:
        return Usage()
    return Usage(
        prompt_tokens=counts.prompt_tokens,
        completion_tokens=counts.completion_tokens,
        cached_tokens=min(_cached(counts.prompt_tokens_details), counts.prompt_tokens),
    )


def _cached(details: Any) -> int:
    """Of the prompt; nothing where a server says it in another way: then all of it counts in full."""
    try:
        return _Details.model_validate(details).cached_tokens
    except ValidationError:
        return 0
