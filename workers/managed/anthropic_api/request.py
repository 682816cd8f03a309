"""A run as the body of a request for a message, and the fields that some models and servers will not have."""

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.errors import BadRequest
from tidegate.job import Params
from workers.backend import Run
from workers.managed.anthropic_api import form, turns
from workers.managed.request import UNSUPPORTED
from workers.managed.translation import Rejection

Body = dict[str, Any]

SAMPLING = ("temperature", "top_p", "top_k")
"""Fields of the API's first version alone, which the SDK has no arguments for."""
SAMPLING_VERSION = "2023-06-01"
"""The API's version that has them; the SDK's own takes none of them at any value."""


def body(run: Run, *, model: str, quirks: frozenset[str] = frozenset(), stream: bool = False) -> Body:
    """The request, without what this server was seen to refuse. Raises BadRequest for what Anthropic has not."""
    _check(run)
    params = run.params
    system = turns.system(run.messages)
    spoken = turns.turns(run.messages)
    if spoken == [{"role": "user", "content": [turns.OPENING]}] and system:
        system, spoken = [], [{"role": "user", "content": system}]  # a job of instructions alone: they are the question
    if params.response_format is not None and params.response_format.type == "json_object":
        system = [*system, {"type": "text", "text": form.JSON_OBJECT}]
    wanted = {
        "model": model,
        "max_tokens": params.max_tokens,
        "messages": spoken,
        "system": system or None,
        "stop_sequences": [stop for stop in params.stop if not stop.isspace()] or None,
        "stream": stream or None,
        **_sampling(params),
        **form.tools(params, called=turns.called(run.messages), quirks=quirks),
    }
    fields = {name: value for name, value in wanted.items() if value is not None}
    for name in sorted(quirks):
        QUIRKS[name](fields)
    return fields


def sdk(fields: Body) -> Body:
    """The same as the arguments of the SDK, with the version of the API that knows them all."""
    extra = {name: value for name, value in fields.items() if name in SAMPLING}
    ours = {name: value for name, value in fields.items() if name not in SAMPLING}
    return {**ours, "extra_body": extra} if extra else ours


def headers(fields: Body) -> dict[str, str]:
    """The version of the API that a request needs, where it is not the SDK's own."""
    return {"anthropic-version": SAMPLING_VERSION} if any(name in fields for name in SAMPLING) else {}


def own_stops(params: Params) -> tuple[str, ...]:
    """Stop strings of white space, which Anthropic refuses: the answer is cut at them here."""
    return tuple(stop for stop in params.stop if stop.isspace())


def quirk(said: Rejection) -> str | None:
    """The field that a rejection names as unknown or unsupported, where we have a remedy for it."""
    text = str(said.error.get("message") or "").lower()
    if said.status not in (400, 422):
        return None
    for words, name in BY_WORDS:
        if words in text:
            return name
    if not any(word in text for word in (*UNSUPPORTED, "deprecated")):
        return None
    places = {text.find(name): name for name in QUIRKS if name in text}
    return places[min(places)] if places else None


def _check(run: Run) -> None:
    """What an answer would be another one without."""
    params = run.params
    refused = {
        "input": bool(run.input),
        "params.stop_tokens": bool(params.stop_tokens),
        "params.logit_bias": bool(params.logit_bias),
        "params.logprobs": params.logprobs,
    }
    if name := next((name for name, given in refused.items() if given), None):
        raise BadRequest(f"{name}: Anthropic's API has no such thing")


def _sampling(params: Params) -> Body:
    """What colours chance. Anthropic's temperature ends at 1, and its models take one way of choosing at a time."""
    temperature = min(params.temperature, 1.0)
    if temperature == 0:
        return {"temperature": temperature}  # nothing is left to choose from
    cut = {"top_p": params.top_p} if temperature == 1 else {"temperature": temperature}
    return {**cut, "top_k": params.top_k or None}


def _without(*names: str) -> Callable[[Body], None]:
    def leave_out(fields: Body) -> None:
        for name in names:
            fields.pop(name, None)

    return leave_out


def _answered(fields: Body) -> None:
    """The assistant's turn is not continued, but answered."""
    if fields["messages"][-1]["role"] == "assistant":
        fields["messages"] = [*fields["messages"], {"role": "user", "content": [turns.OPENING]}]


def _unthinking(fields: Body) -> None:
    """A model that thinks cannot be made to call a tool."""
    if fields.get("tool_choice", {}).get("type") in ("any", "tool"):
        fields["thinking"] = {"type": "disabled"}


def _several(fields: Body) -> None:
    """The answer is held to one call all the same."""
    choice = {**fields.get("tool_choice", {})}
    if choice.pop("disable_parallel_tool_use", None):
        fields["tool_choice"] = choice


QUIRKS: Mapping[str, Callable[[Body], None]] = {
    **dict.fromkeys(SAMPLING, _without(*SAMPLING)),  # a model without one of them has none
    form.AS_TOOL: lambda _fields: None,  # `form` has the remedy
    form.THIS_SCHEMA: lambda _fields: None,
    "prefill": _answered,
    "thinking": _unthinking,
    "disable_parallel_tool_use": _several,
}
"""A field that a model may refuse -> the remedy."""

BY_WORDS = (
    ("prefill", "prefill"),
    ("thinking may not be enabled when tool_choice", "thinking"),
    ("may only be set to 1", "temperature"),  # while a model thinks, as the next
    ("must be unset when thinking", "top_k"),
    ("structured output", form.AS_TOOL),
    ("output format", form.AS_TOOL),
    ("schema", form.THIS_SCHEMA),
    ("output_config", form.AS_TOOL),
)
"""What the text of a 400 says -> the field that it means. A schema that is not taken goes as a tool's."""

UNLEARNT = frozenset({form.THIS_SCHEMA})
"""What says nothing of the next job."""
