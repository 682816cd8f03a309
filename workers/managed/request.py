"""A run as the body of OpenAI's chat completions, and the fields that some servers and models will not have."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from tidegate.errors import BadRequest
from tidegate.job import Message, Params
from workers.backend import Run
from workers.managed.dialect import Body
from workers.managed.translation import Rejection


def body(
    run: Run,
    *,
    model: str,
    limit_field: str,
    quirks: frozenset[str] = frozenset(),
    stream: bool = False,
    logprobs: bool = False,
    beyond: bool = True,
    forgets: bool = False,
) -> Body:
    """The request, without what this server was seen to refuse. Raises BadRequest for what no server will do."""
    params = run.params
    if params.stop_tokens:
        raise BadRequest("params.stop_tokens: only a lane with an engine of its own knows them")
    # llama-server refuses them in a stream with tools, and what it refuses once we never ask for again.
    logprobs = params.logprobs or (logprobs and not (stream and params.tools))
    wanted = {
        "model": model,
        "messages": [_turn(message) for message in run.messages],
        limit_field: params.max_tokens,
        "temperature": params.temperature,
        **{name: getattr(params, name) for name in PASSED},
        **(_beyond_openai(params) if beyond else {}),
        "stop": list(params.stop) or None,
        "response_format": params.response_format and params.response_format.model_dump(exclude_none=True),
        "stream": stream or None,
        "stream_options": {"include_usage": True} if stream else None,
        "store": False if forgets else None,  # new accounts keep everything unless they are told not to
        "logprobs": logprobs or None,
        "top_logprobs": max(2, params.top_logprobs or 0) if logprobs else None,
        "tools": [tool.model_dump(exclude_none=True) for tool in params.tools] or None,
        "tool_choice": _choice(params),
        "parallel_tool_calls": params.parallel_tool_calls if params.tools else None,
    }
    fields = {name: value for name, value in wanted.items() if value is not None}
    for quirk in sorted(quirks - asked_for(params)):
        QUIRKS[quirk](fields)
    return fields


def sdk(fields: Body) -> Body:
    """The same as the arguments of OpenAI's SDK, which takes fields that are not OpenAI's in a place of their own."""
    extra = {name: value for name, value in fields.items() if name in BEYOND_OPENAI}
    ours = {name: value for name, value in fields.items() if name not in BEYOND_OPENAI}
    return {**ours, "extra_body": extra} if extra else ours


def asked_for(params: Params) -> frozenset[str]:
    """Fields of ours that this job asked for itself: without them its answer would be another one."""
    return frozenset({"logprobs", "top_logprobs"}) if params.logprobs else frozenset()


def quirk(said: Rejection, *, known: Collection[str] | None = None, ours: Collection[str] | None = None) -> str | None:
    """The field that a rejection names as unknown or unsupported, where we have a remedy for it.

    `known` are the fields with a remedy, `ours` those that no job asked for; those of chat completions if not given.
    """
    known, ours = QUIRKS if known is None else known, OURS if ours is None else ours
    code, text = (str(said.error.get(name) or "").lower() for name in ("code", "message"))
    if said.status not in (400, 422):
        return None
    unsupported = any(word in code or word in text for word in UNSUPPORTED)
    # What no job asked for is left out whatever a server has against it.
    remedies = [name for name in known if unsupported or name in ours]
    named = said.error.get("param")
    if isinstance(named, str) and named.split(".")[0] in remedies:
        return named.split(".")[0]
    places = {text.find(name): name for name in remedies if name in text}
    return places[min(places)] if places else None  # the first one named: the second is often the advice


def without(*names: str) -> Callable[[Body], None]:
    """A remedy that leaves fields out."""

    def leave_out(fields: Body) -> None:
        for name in names:
            fields.pop(name, None)

    return leave_out


def _turn(message: Message) -> Body:
    return message.model_dump(exclude_none=True)


def _beyond_openai(params: Params) -> Body:
    """Some servers have two names for one thing; what a server does not know it passes over, or names."""
    repeat = params.repeat_penalty
    return {"top_k": params.top_k, "min_p": params.min_p, "repeat_penalty": repeat, "repetition_penalty": repeat}


def _choice(params: Params) -> Any:
    choice = params.tool_choice if params.tools else None
    return choice if choice is None or isinstance(choice, str) else choice.model_dump()


def _renamed(old: str, new: str) -> Callable[[Body], None]:
    def rename(fields: Body) -> None:
        if old in fields:
            fields[new] = fields.pop(old)

    return rename


QUIRKS: Mapping[str, Callable[[Body], None]] = {
    "max_tokens": _renamed("max_tokens", "max_completion_tokens"),  # OpenAI's reasoning models
    "max_completion_tokens": _renamed("max_completion_tokens", "max_tokens"),  # older servers
    "response_format": without("response_format"),  # the answer is held to the promise all the same
    "seed": without("seed"),
    "temperature": without("temperature"),  # reasoning models have only their own
    "top_p": without("top_p"),
    "top_k": without("top_k"),
    "min_p": without("min_p"),
    "frequency_penalty": without("frequency_penalty"),
    "presence_penalty": without("presence_penalty"),
    "repeat_penalty": without("repeat_penalty"),
    "repetition_penalty": without("repetition_penalty"),
    "parallel_tool_calls": without("parallel_tool_calls"),  # the answer is held to it all the same
    "stream_options": without("stream_options"),  # older servers: the usage is then not known
    "logprobs": without("logprobs", "top_logprobs"),  # the confidence is then not known
    "top_logprobs": without("logprobs", "top_logprobs"),
}
"""A field that a server may refuse -> the remedy: what only colours chance is left out.

`stop`, `logit_bias`, `tools` and `tool_choice` have none, nor have `logprobs` where the job asked for them: without
it the answer would be another one, and the job ends with the server's refusal.
"""

PASSED = ("top_p", "frequency_penalty", "presence_penalty", "logit_bias", "seed")
"""Fields that are OpenAI's by the same name."""

BEYOND_OPENAI = frozenset({"top_k", "min_p", "repeat_penalty", "repetition_penalty"})
"""Fields that llama.cpp's server, vLLM and others have. OpenAI itself is not asked: they only colour chance."""

OURS = frozenset({"stream_options", "logprobs", "top_logprobs"})
"""Fields that we add of our own: an answer without them is as good."""

UNSUPPORTED = (
    "unsupported",
    "not supported",
    "does not support",
    "unrecognized",
    "unknown_parameter",
    "unknown parameter",
    "unknown name",
    "unexpected keyword",
    "extra_forbidden",
    "extra inputs",
    "not permitted",
)
"""How servers say that they do not know a field, as against disliking its value."""
