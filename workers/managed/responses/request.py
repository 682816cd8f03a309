"""A run as the body of a Responses request. Conversations go whole each time: nothing is kept at the provider."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tidegate.errors import BadRequest
from tidegate.images import ImagePart
from tidegate.job import Message, Params, Part, ResponseFormat
from tidegate.tools import ChosenTool, Tool
from workers.backend import Run
from workers.managed.dialect import Body
from workers.managed.request import asked_for, without

LOGPROBS = "message.output_text.logprobs"

REFUSED: Mapping[str, str] = {
    "stop_tokens": "only a lane with an engine of its own knows them",
    "stop": "the Responses API has none",
    "logit_bias": "the Responses API has none",
}
"""What would make another answer and cannot be asked for. What only colours chance is left out: seed, penalties."""


def body(
    run: Run,
    *,
    model: str,
    quirks: frozenset[str] = frozenset(),
    stream: bool = False,
    logprobs: bool = False,
    openai: bool = False,
) -> Body:
    """The request, without what this server was seen to refuse. Raises BadRequest for what the API has not."""
    params = run.params
    for name, why in REFUSED.items():
        if getattr(params, name):
            raise BadRequest(f"params.{name}: {why}")
    logprobs = params.logprobs or logprobs
    wanted = {
        "model": model,
        "input": [item for message in run.messages for item in _items(message)],
        "max_output_tokens": max(params.max_tokens, LEAST_TOKENS if openai else 1),
        "temperature": params.temperature,
        "top_p": params.top_p,
        "text": _form(params.response_format),
        "tools": [_tool(tool) for tool in params.tools] or None,
        "tool_choice": _choice(params),
        "parallel_tool_calls": params.parallel_tool_calls if params.tools else None,
        "include": [LOGPROBS] if logprobs else None,
        "top_logprobs": max(2, params.top_logprobs or 0) if logprobs else None,
        "store": False,  # it keeps what it is not told to forget
        "stream": stream or None,
    }
    fields = {name: value for name, value in wanted.items() if value is not None}
    for quirk in sorted(quirks - asked_for(params)):
        QUIRKS[quirk](fields)
    return fields


def _items(message: Message) -> Iterator[Body]:
    """A turn: what it says, and each call apart. A name of its speaker has no place here."""
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id or "", "output": message.text}
        return
    if message.content is not None and (message.text or message.images or not message.tool_calls):
        content: Any = message.text
        if message.images:
            content = [_part(part) for part in message.content if not isinstance(part, str)]
        yield {"role": message.role, "content": content}
    for call in message.tool_calls or ():
        function = call.function
        yield {
            "type": "function_call",
            "call_id": call.id,
            "name": function.name,
            "arguments": function.arguments,
        }


def _part(part: Part) -> Body:
    if isinstance(part, ImagePart):
        image = part.image_url
        return {"type": "input_image", "image_url": image.url, "detail": image.detail or "auto"}
    return {"type": "input_text", "text": part.text}


def _form(promised: ResponseFormat | None) -> Body | None:
    """The promised form, without the level that chat completions put around a schema."""
    if promised is None:
        return None
    schema = promised.json_schema.model_dump(exclude_none=True) if promised.json_schema else {}
    return {"format": {"type": promised.type, **schema}}


def _tool(tool: Tool) -> Body:
    """A function, always with a word on strictness: this API is strict unasked, and chat completions are not."""
    function = tool.function
    return {
        "type": "function",
        "name": function.name,
        "parameters": function.parameters or {"type": "object", "properties": {}},
        "strict": bool(function.strict),
        **({"description": function.description} if function.description else {}),
    }


def _choice(params: Params) -> Any:
    choice = params.tool_choice if params.tools else None
    return {"type": "function", "name": choice.function.name} if isinstance(choice, ChosenTool) else choice


LEAST_TOKENS = 16
"""OpenAI refuses a lower limit: who asks for less may get up to so many."""

QUIRKS: Mapping[str, Callable[[Body], None]] = {
    "temperature": without("temperature"),  # reasoning models have only their own
    "top_p": without("top_p"),
    "text": without("text"),  # the answer is held to the promise all the same
    "parallel_tool_calls": without("parallel_tool_calls"),  # and to this
    "include": without("include", "top_logprobs"),  # the confidence is then not known
    "top_logprobs": without("include", "top_logprobs"),
}
"""A field that a server may refuse -> the remedy. `store` has none: who will not forget is not asked."""

OURS = frozenset({"include", "top_logprobs"})
"""Fields that we add of our own where the job did not ask for them."""
