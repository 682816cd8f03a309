"""What Anthropic would refuse in a request for a message: as strict as it is, so that a wrong request fails in tests.

Stricter in one thing: turns must alternate. Anthropic joins turns of one role by itself; nobody should rely on it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.value import dotted
from workers.standin.answers import Json

MAX_STOPS = 8191

FIRST_VERSION = "2023-06-01"
SAMPLING = ("temperature", "top_p", "top_k")
"""Fields that later versions of the API do not take at any value."""


class _Closed(BaseModel):
    """An object in a request: a field that Anthropic does not know is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class _Text(_Closed):
    type: Literal["text"]
    text: Annotated[str, Field(min_length=1)]
    cache_control: dict[str, Any] | None = None


class _Base64(_Closed):
    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: Annotated[str, Field(min_length=1)]


class _Url(_Closed):
    type: Literal["url"]
    url: Annotated[str, Field(pattern=r"^https://")]


class _Image(_Closed):
    type: Literal["image"]
    source: Annotated[_Base64 | _Url, Field(discriminator="type")]


class _ToolUse(_Closed):
    type: Literal["tool_use"]
    id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    input: dict[str, Any]


class _ToolResult(_Closed):
    type: Literal["tool_result"]
    tool_use_id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    content: str | list[Annotated[_Text | _Image, Field(discriminator="type")]] = ""
    is_error: bool = False


class _Turn(_Closed):
    role: Literal["user", "assistant"]
    content: str | list[Annotated[_Text | _Image | _ToolUse | _ToolResult, Field(discriminator="type")]]

    def blocks(self, kind: type[_Closed]) -> list[Any]:
        """The blocks of one kind."""
        return [block for block in self.content if isinstance(block, kind)] if isinstance(self.content, list) else []


class _Tool(_Closed):
    type: Literal["custom"] = "custom"
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str = ""
    input_schema: dict[str, Any]
    strict: bool = False


class _Choice(_Closed):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool = False


class _Format(_Closed):
    type: Literal["json_schema"]
    schema_: Annotated[dict[str, Any], Field(alias="schema")]


class _Output(_Closed):
    format: _Format | None = None
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None


class _Metadata(_Closed):
    user_id: Annotated[str, Field(max_length=256)] | None = None


class _Request(_Closed):
    model: Annotated[str, Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)]
    messages: Annotated[list[_Turn], Field(min_length=1)]
    system: str | list[_Text] = ""
    temperature: Annotated[float, Field(ge=0, le=1)] = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=500)] | None = None
    stop_sequences: Annotated[list[str], Field(max_length=MAX_STOPS)] = []
    stream: bool = False
    tools: list[_Tool] = []
    tool_choice: _Choice | None = None
    output_config: _Output | None = None
    output_format: _Format | None = None
    """The older name of what is in `output_config`."""
    metadata: _Metadata | None = None
    service_tier: Literal["auto", "standard_only"] = "auto"


def problem_of_version(asked: Json, headers: Mapping[str, str]) -> str | None:
    """What the version that a request names does not take; it must name one."""
    version = headers.get("anthropic-version")
    if version is None:
        return "anthropic-version: header is required"
    sampling = next((name for name in SAMPLING if name in asked), None) if version != FIRST_VERSION else None
    return f"{sampling}: Extra inputs are not permitted" if sampling else None


def problem(asked: Json) -> str | None:
    """The first thing that is wrong, as Anthropic says it: the path, and what was expected. None where nothing is."""
    try:
        request = _Request.model_validate(asked)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        return f"{dotted(first['loc'])}: {first['msg']}"
    return next(_problems(request), None)


def _problems(asked: _Request) -> Iterator[str]:
    if asked.messages[0].role != "user":
        yield "messages: first message must use the user role"
    for index, (one, other) in enumerate(pairwise(asked.messages), start=1):
        if one.role == other.role:
            yield f"messages.{index}: roles must alternate between user and assistant"
    last = asked.messages[-1]
    for index, turn in enumerate(asked.messages):
        if not turn.content and turn is not last:
            yield f"messages.{index}: all messages must have non-empty content"
    if last.role == "assistant":
        text = last.content if isinstance(last.content, str) else "".join(one.text for one in last.blocks(_Text))
        if text != text.rstrip():
            yield "messages: final assistant content cannot end with trailing whitespace"
    if "temperature" in asked.model_fields_set and asked.top_p is not None:
        yield "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    if any(not stop.strip() for stop in asked.stop_sequences):
        yield "stop_sequences: each stop sequence must contain non-whitespace"
    yield from _problems_of_tools(asked)


def _problems_of_tools(asked: _Request) -> Iterator[str]:
    names = [tool.name for tool in asked.tools]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    for index, tool in enumerate(asked.tools):
        if tool.input_schema.get("type") != "object":
            yield f"tools.{index}.custom.input_schema.type: Input should be 'object'"
    choice = asked.tool_choice
    if choice is not None and not asked.tools:
        yield "tool_choice: may only be specified while providing tools"
    if choice is not None and (choice.type == "tool") != (choice.name is not None):
        yield "tool_choice: name goes with type tool, and only with it"
    if choice is not None and choice.name is not None and choice.name not in names:
        yield "tool_choice: no such tool among the tools"
    if not asked.tools and any(turn.blocks(_ToolUse) for turn in asked.messages):
        yield "tools: requests with tool_use blocks must define tools"
    promised = asked.output_format or (asked.output_config.format if asked.output_config else None)
    if promised is not None:
        yield from _problems_of_schema(promised.schema_)
    yield from _problems_of_calls(asked.messages)


def _problems_of_calls(turns: Sequence[_Turn]) -> Iterator[str]:
    """Each call is answered in the very next turn, before anything else in it, and nothing else is answered."""
    ids = [call.id for turn in turns for call in turn.blocks(_ToolUse)]
    if len(set(ids)) < len(ids):
        yield "messages: `tool_use` ids must be unique"
    for index, turn in enumerate(turns):
        before = turns[index - 1].blocks(_ToolUse) if index else []
        called = {call.id for call in before}
        answered = [result.tool_use_id for result in turn.blocks(_ToolResult)]
        if turn.role == "assistant" and answered:
            yield f"messages.{index}: tool_result blocks can only be in user messages"
        if turn.role == "user" and turn.blocks(_ToolUse):
            yield f"messages.{index}: tool_use blocks can only be in assistant messages"
        if unknown := set(answered) - called:
            yield f"messages.{index}: {len(unknown)} tool_result blocks without a tool_use in the previous message"
        if called - set(answered):
            yield f"messages.{index - 1}: tool_use ids were found without tool_result blocks immediately after"
        if len(set(answered)) < len(answered):
            yield f"messages.{index}: each tool_use must have a single result"
        kinds = [isinstance(block, _ToolResult) for block in turn.content] if isinstance(turn.content, list) else []
        if kinds != sorted(kinds, reverse=True):
            yield f"messages.{index}: tool_result blocks must come first"
        if index == len(turns) - 1 and turn.blocks(_ToolUse):
            yield f"messages.{index}: tool_use ids were found without tool_result blocks immediately after"


def _problems_of_schema(schema: Mapping[str, Any], path: str = "output_config.format.schema") -> Iterator[str]:
    """Objects must be closed, and numbers and lengths have no bounds."""
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield f"{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"
    bounds = sorted(UNSUPPORTED & set(schema))
    if bounds:
        yield f"{path}: property '{bounds[0]}' is not supported"
    for key in ("properties", "$defs"):
        for name, part in (schema.get(key) or {}).items():
            yield from _problems_of_schema(part, f"{path}.{name}")
    for key in ("anyOf", "allOf"):
        for part in schema.get(key) or ():
            yield from _problems_of_schema(part, path)
    if isinstance(schema.get("items"), dict):
        yield from _problems_of_schema(schema["items"], path)


UNSUPPORTED = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "patternProperties",
        "oneOf",
    }
)
"""What structured outputs do not take in a schema."""
