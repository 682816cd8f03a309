"""A run as the body of OpenAI's chat completions, and the fields that some servers and models will not have."""

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.job import Message
from workers.backend import Run
from workers.managed.translation import Rejection

Body = dict[str, Any]


def body(
    run: Run,
    *,
    model: str,
    limit_field: str,
    quirks: frozenset[str] = frozenset(),
    stream: bool = False,
    logprobs: bool = False,
) -> Body:
    """The request, without what this server was seen to refuse."""
    params = run.params
    wanted = {
        "model": model,
        "messages": [_turn(message) for message in run.messages],
        limit_field: params.max_tokens,
        "temperature": params.temperature,
        "stop": list(params.stop) or None,
        "seed": params.seed,
        "response_format": params.response_format and params.response_format.model_dump(exclude_none=True),
        "stream": stream or None,
        "stream_options": {"include_usage": True} if stream else None,
        "logprobs": logprobs or None,
        "top_logprobs": 2 if logprobs else None,
    }
    fields = {name: value for name, value in wanted.items() if value is not None}
    for quirk in sorted(quirks):
        QUIRKS[quirk](fields)
    return fields


def quirk(said: Rejection) -> str | None:
    """The field that a rejection names as unknown or unsupported, where we have a remedy for it."""
    code, text = (str(said.error.get(name) or "").lower() for name in ("code", "message"))
    if said.status not in (400, 422):
        return None
    unsupported = any(word in code or word in text for word in UNSUPPORTED)
    # What no job asked for is left out whatever a server has against it.
    remedies = [name for name in QUIRKS if unsupported or name in OURS]
    named = said.error.get("param")
    if isinstance(named, str) and named.split(".")[0] in remedies:
        return named.split(".")[0]
    places = {text.find(name): name for name in remedies if name in text}
    return places[min(places)] if places else None  # the first one named: the second is often the advice


def _turn(message: Message) -> Body:
    return message.model_dump(exclude_none=True)


def _renamed(old: str, new: str) -> Callable[[Body], None]:
    def rename(fields: Body) -> None:
        if old in fields:
            fields[new] = fields.pop(old)

    return rename


def _without(*names: str) -> Callable[[Body], None]:
    def leave_out(fields: Body) -> None:
        for name in names:
            fields.pop(name, None)

    return leave_out


QUIRKS: Mapping[str, Callable[[Body], None]] = {
    "max_tokens": _renamed("max_tokens", "max_completion_tokens"),  # OpenAI's reasoning models
    "max_completion_tokens": _renamed("max_completion_tokens", "max_tokens"),  # older servers
    "response_format": _without("response_format"),  # the answer is held to the promise all the same
    "seed": _without("seed"),
    "temperature": _without("temperature"),  # reasoning models have only their own
    "stream_options": _without("stream_options"),  # older servers: the usage is then not known
    "logprobs": _without("logprobs", "top_logprobs"),  # the confidence is then not known
    "top_logprobs": _without("logprobs", "top_logprobs"),
}
"""A field that a server may refuse -> the remedy. `stop` has none: an answer that runs on would be another answer."""

OURS = frozenset({"stream_options", "logprobs", "top_logprobs"})
"""Fields that we add of our own: an answer without them is as good."""

UNSUPPORTED = (
    "unsupported",
    "not supported",
    "does not support",
    "unrecognized",
    "unknown_parameter",
    "unknown parameter",
    "unexpected keyword",
    "extra_forbidden",
    "extra inputs",
    "not permitted",
)
"""How servers say that they do not know a field, as against disliking its value."""
