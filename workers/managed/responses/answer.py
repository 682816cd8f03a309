"""A response, read strictly: the SDK takes `{}` for an answer full of None."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.errors import ContentRefused, MalformedAnswer
from tidegate.job import FunctionCall, Params, ToolCall
from tidegate.result import Answer, FinishReason
from workers.managed.acceptable import refuses
from workers.managed.chat import raise_told_error, told
from workers.managed.sureness import confidence, token_logprobs
from workers.managed.usage import usage

ENDS: Mapping[tuple[str | None, str | None], FinishReason] = {
    ("completed", None): "stop",
    (None, None): "stop",  # a server that has no status
    ("incomplete", "max_output_tokens"): "length",
}
"""A response's status, with why it is incomplete -> ours; what is not listed is no end of an answer."""

P = TypeVar("P", bound="_Read")


class _Read(BaseModel):
    """What we read of an answer; a server may say more."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


class _Why(_Read):
    reason: str | None = None


class _Response(_Read):
    output: list[dict[str, Any]]
    status: str | None = None
    error: dict[str, Any] | None = None
    incomplete_details: _Why | None = None
    model: str | None = None
    usage: Any = None


class _Content(_Read):
    type: str
    text: str | None = None
    refusal: str | None = None
    logprobs: Any = None


class _Message(_Read):
    content: list[_Content]


class _Call(_Read):
    call_id: str | None = None
    name: Annotated[str, Field(min_length=1)]
    arguments: str


def read(content: bytes, *, model: str, params: Params) -> Answer:
    """The answer in a body that came with status 200. `model` stands in where the server names none."""
    said = _parsed(_Response, content)
    if said is None:
        raise_told_error(content)
        raise MalformedAnswer("status 200, but the body is no response")
    if said.error is not None or said.status == "failed":
        raise told(said.error or {})
    parts, calls = tuple(_parts(said)), tuple(_calls(said))
    why = said.incomplete_details.reason if said.incomplete_details else None
    finish = ENDS.get((said.status, why))
    if refuses(why) or any(part.refusal or part.type == "refusal" for part in parts):
        raise ContentRefused("status 200, refused")
    if finish is None:
        raise MalformedAnswer("status 200, but the answer did not come to an end")
    texts = [part.text for part in parts if part.type == "output_text" and part.text is not None]
    if not texts and not calls and finish != "length":  # a model may spend its limit on thinking
        raise MalformedAnswer("status 200, but the response has no output")
    text = "".join(texts)
    logprobs = _logprobs(parts)
    return Answer(
        text=text,
        finish_reason="tool_calls" if calls else finish,
        tool_calls=calls,
        logprobs=token_logprobs(logprobs, top=params.top_logprobs or 0) if params.logprobs else None,
        usage=usage(said.usage),
        model=said.model or model,
        confidence=confidence(logprobs),
    )


def text_of(content: bytes) -> str | None:
    """The text in a body that may be a response."""
    said = _parsed(_Response, content)
    try:
        return None if said is None else "".join(part.text or "" for part in _parts(said))
    except MalformedAnswer:
        return None


def _parts(said: _Response) -> Iterator[_Content]:
    """What the model said; what it thought, and whatever else there may be, is passed over."""
    for item in said.output:
        if item.get("type") == "message":
            yield from _whole(_Message, item).content


def _calls(said: _Response) -> Iterator[ToolCall]:
    for index, item in enumerate(said.output):
        if item.get("type") == "function_call":
            call = _whole(_Call, item)
            function = FunctionCall(name=call.name, arguments=call.arguments)
            yield ToolCall(id=call.call_id or f"call_{index}", function=function)


def _logprobs(parts: tuple[_Content, ...]) -> Any:
    """As chat completions have them."""
    given = [part.logprobs for part in parts if part.type == "output_text"]
    if not all(isinstance(tokens, list) for tokens in given):
        return None
    return {"content": [token for tokens in given for token in tokens]}


def _whole(kind: type[P], item: dict[str, Any]) -> P:
    try:
        return kind.model_validate(item)
    except ValidationError:
        pass
    raise MalformedAnswer("status 200, but an item of the output cannot be read")


def _parsed(kind: type[P], content: bytes) -> P | None:
    """None outside the handler, so that no exception of ours drags the body along as its context."""
    try:
        return kind.model_validate_json(content)
    except ValidationError:
        return None
