"""What a run asks of Anthropic: parameters in its words and bounds, tools, and what a model will not have."""

from typing import Any

import pytest
from anthropic_requests import LOOK, SCHEMA, a_run, asked

from tidegate.errors import BadRequest
from tidegate.job import FunctionCall, Message, Params, ToolCall
from workers.backend import Run
from workers.managed.anthropic_api.request import QUIRKS, body, headers, quirk, sdk
from workers.managed.translation import Rejection

BARE = {"type": "function", "function": {"name": "bare"}}
CHOSEN = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("params", "sampling"),
    [
        ({}, {"temperature": 0.0}),
        ({"temperature": 0.0, "top_p": 0.5, "top_k": 3}, {"temperature": 0.0}),
        ({"temperature": 0.7, "top_p": 0.5}, {"temperature": 0.7}),
        ({"temperature": 0.7, "top_k": 3}, {"temperature": 0.7, "top_k": 3}),
        ({"temperature": 1.0}, {}),
        ({"temperature": 1.0, "top_p": 0.5, "top_k": 0}, {"top_p": 0.5}),
        ({"temperature": 1.7}, {}),
    ],
)
def test_chance_is_told_in_anthropics_bounds(params: dict[str, Any], sampling: dict[str, Any]) -> None:
    """At most 1, one way of choosing at a time, and by the version of the API that has them."""
    made = asked(**params)
    assert {name: made[name] for name in ("temperature", "top_p", "top_k") if name in made} == sampling
    assert headers(made) == ({"anthropic-version": "2023-06-01"} if sampling else {})
    assert sdk(made).get("extra_body", {}) == sampling


def test_what_only_colours_chance_is_left_out() -> None:
    """A seed, penalties and the like make no field."""
    wanted = {"seed": 1, "min_p": 0.1, "frequency_penalty": 1.0, "presence_penalty": 1.0, "repeat_penalty": 1.1}
    assert asked(**wanted) == asked()


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"logprobs": True}, "params.logprobs"),
        ({"logit_bias": {"1": 2.0}}, "params.logit_bias"),
        ({"stop_tokens": (1,)}, "params.stop_tokens"),
    ],
)
def test_what_the_answer_hangs_on_is_refused_by_name(params: dict[str, Any], field: str) -> None:
    """Before anything is sent."""
    with pytest.raises(BadRequest, match=field):
        body(a_run(**params), model="m")


def test_embeddings_are_refused() -> None:
    """Anthropic has none."""
    run = Run(job_id="job", attempt=1, messages=(), params=Params(), timeout_s=5, input=("a",))
    with pytest.raises(BadRequest, match="input"):
        body(run, model="m")


def test_stop_strings_go_along_but_for_white_space() -> None:
    """Anthropic refuses those; they are looked for here."""
    assert asked(stop=("\n", "END"))["stop_sequences"] == ["END"]
    assert "stop_sequences" not in asked(stop=("\n\n",))


def test_instructions_alone_are_the_question() -> None:
    """A job of a system's turn only has something to be answered."""
    made = asked(Message(role="system", content="Say hi."))
    assert made["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Say hi."}]}]
    assert "system" not in made


@pytest.mark.parametrize(
    ("params", "choice"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, None),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": CHOSEN}, {"type": "tool", "name": "look"}),
        ({"parallel_tool_calls": True}, None),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"tool_choice": "required", "parallel_tool_calls": False}, {"type": "any", "disable_parallel_tool_use": True}),
    ],
)
def test_tools_and_their_choice(params: dict[str, Any], choice: Any) -> None:
    """Each form of the choice, with and without calls side by side."""
    made = asked(tools=[LOOK, BARE], **params)
    assert made["tools"][0] == {"name": "look", "description": "Looks.", "input_schema": SCHEMA}
    assert made["tools"][1]["input_schema"]["type"] == "object"
    assert made.get("tool_choice") == choice


def test_tools_of_the_past_are_named() -> None:
    """Calls that were made with tools that are offered no more: Anthropic wants to know them, and none is called."""
    calls = (ToolCall(id="c", function=FunctionCall(name="old", arguments="{}")),)
    made = asked(Message(role="assistant", tool_calls=calls), Message(role="tool", tool_call_id="c", content="x"))
    assert [tool["name"] for tool in made["tools"]] == ["old"]
    assert made["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("status", "message", "named"),
    [
        (400, "temperature: Extra inputs are not permitted", "temperature"),
        (400, "`temperature` is deprecated for this model.", "temperature"),
        (400, "`temperature` and `top_p` cannot both be specified for this model.", None),
        (400, "top_k: not supported for this model", "top_k"),
        (400, "`temperature` may only be set to 1 when thinking is enabled.", "temperature"),
        (400, "`top_k` must be unset when thinking is enabled.", "top_k"),
        (
            400,
            "This model does not support assistant message prefill. The conversation must end with a user message.",
            "prefill",
        ),
        (400, "Thinking may not be enabled when tool_choice forces tool use.", "thinking"),
        (400, "output_config.format: Extra inputs are not permitted", "output_config"),
        (400, "'claude-x' does not support output format", "output_config"),
        (400, "This model does not support structured outputs", "output_config"),
        (400, "output_config.format.schema: Schema is too complex", "schema"),
        (400, "tools.0.custom.strict: schema too complex", "schema"),
        (400, "messages: first message must use the user role", None),
        (500, "temperature: Extra inputs are not permitted", None),
        (400, None, None),
    ],
)
def test_what_a_model_will_not_have(status: int, message: str | None, named: str | None) -> None:
    """The field, where there is a remedy for it."""
    assert quirk(Rejection(status=status, error={"message": message})) == named
    assert named is None or named in QUIRKS


def test_each_remedy_is_one() -> None:
    """Without the field the request is another one, and still one that Anthropic takes."""
    assert headers(asked(quirks=frozenset({"top_k"}))) == {}
    ended = (Message(role="user", content="a"), Message(role="assistant", content="b"))
    assert [turn["role"] for turn in asked(*ended, quirks=frozenset({"prefill"}))["messages"]] == [
        "user",
        "assistant",
        "user",
    ]
    forced = body(a_run(tools=[LOOK], tool_choice="required"), model="m", quirks=frozenset({"thinking"}))
    assert forced["thinking"] == {"type": "disabled"}
    assert "thinking" not in asked(tools=[LOOK], quirks=frozenset({"thinking"}))
    many = asked(tools=[LOOK], parallel_tool_calls=False, quirks=frozenset({"disable_parallel_tool_use"}))
    assert many["tool_choice"] == {"type": "auto"}
