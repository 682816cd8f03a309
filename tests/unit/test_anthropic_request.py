"""What a run asks of Anthropic: parameters in its words and bounds, tools, promised forms; its errors in our words."""

from contextlib import suppress
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import (
    AuthFailed,
    BadRequest,
    ContentRefused,
    ContextOverflow,
    ModelMissing,
    Overloaded,
    ProviderFailed,
    QuotaExhausted,
    RateLimited,
    RunError,
)
from tidegate.job import FunctionCall, Message, Params, ToolCall
from workers.backend import Run
from workers.managed.anthropic_api import form
from workers.managed.anthropic_api.failures import told
from workers.managed.anthropic_api.request import QUIRKS, body, headers, quirk, sdk
from workers.managed.translation import Rejection, rejected
from workers.standin.messages_check import problem, problem_of_version

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
MAP = {"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "integer"}}}}
LOOK = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}
BARE = {"type": "function", "function": {"name": "bare"}}
CHOSEN = {"type": "function", "function": {"name": "look"}}


def a_run(*messages: Message, **params: Any) -> Run:
    """One run."""
    turns = messages or (Message(role="user", content="hi"),)
    return Run(job_id="job", attempt=1, messages=turns, params=Params.model_validate(params), timeout_s=5)


def asked(*messages: Message, quirks: frozenset[str] = frozenset(), **params: Any) -> dict[str, Any]:
    """The request of one run, which Anthropic would take."""
    made = body(a_run(*messages, **params), model="m", quirks=quirks)
    assert problem(made) is None
    assert problem_of_version(made, {"anthropic-version": "2026-10-21"} | headers(made)) is None
    return made


def schema_of(schema: Any) -> dict[str, Any]:
    """A promised form."""
    return {"type": "json_schema", "json_schema": {"schema": schema}}


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


def test_a_schema_goes_as_structured_output() -> None:
    """Closed and without bounds, as Anthropic takes it; beside tools, too."""
    made = asked(response_format=schema_of(SCHEMA), tools=[LOOK])
    sent = made["output_config"]["format"]["schema"]
    assert sent["additionalProperties"] is False
    assert "minimum: 1" in sent["properties"]["n"]["description"]
    assert [tool["name"] for tool in made["tools"]] == ["look"]


LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "maxLength": 5, "format": "date"},
        {"type": "string", "pattern": "^a"},
        {"type": "integer", "minimum": 1, "multipleOf": 2},
        {"type": "number", "exclusiveMaximum": 3.5},
        {"type": "boolean", "default": True},
        {"type": "null"},
        {"enum": ["a", 1, None]},
        {"const": "x"},
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {},
    ]
)


def _object(found: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": found, "required": list(found)} | more


def _branches(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    named = st.dictionaries(st.sampled_from(["a", "b", "enum", "properties"]), inner, max_size=3)
    return st.one_of(
        st.builds(
            lambda found, more: {"type": "object", "properties": found, "required": list(found)} | more, named, MORE
        ),
        st.builds(lambda item, most: {"type": "array", "items": item, "maxItems": most}, inner, st.integers(0, 3)),
        st.builds(lambda found: {"anyOf": found}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda found: {"oneOf": found}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda found: {"allOf": found}, st.lists(inner, min_size=1, max_size=2)),
    )


MORE = st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": True}, {"minProperties": 1}])


@given(st.recursive(LEAVES, _branches, max_leaves=8))
def test_whatever_the_schema_anthropic_takes_the_request(schema: dict[str, Any]) -> None:
    """As structured output in the form that it takes, else as a tool's input; or it is refused here, by name."""
    jsonschema.Draft202012Validator.check_schema(schema)
    with suppress(BadRequest):
        asked(response_format=schema_of(schema))
        asked(response_format=schema_of(schema), tools=[LOOK], quirks=frozenset({"output_config"}))


@pytest.mark.parametrize(
    "schema",
    [
        MAP,
        {"type": "object"},
        {"type": "object", "additionalProperties": True, "properties": {"a": {"type": "string"}}},
        {"type": "object", "patternProperties": {"a": {}}, "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {"a": {"not": {"type": "string"}}}},
        {"properties": {"a": {}}},
    ],
)
def test_a_schema_that_would_mean_another_thing_goes_as_a_tool(schema: dict[str, Any]) -> None:
    """An open object would be closed: the model gets the schema as it is, as the input of a tool it must call."""
    made = asked(response_format=schema_of(schema))
    assert made["tool_choice"] == {"type": "tool", "name": "answer", "disable_parallel_tool_use": True}
    assert made["tools"][0]["input_schema"] == {"type": "object", **schema}
    assert "output_config" not in made


def test_a_model_without_structured_outputs_gets_a_tool() -> None:
    """Beside the job's tools the model may also call those; a tool of that name is not taken for the answer."""
    made = asked(response_format=schema_of(SCHEMA), quirks=frozenset({"output_config"}))
    assert made["tool_choice"]["name"] == "answer"
    other = {"type": "function", "function": {"name": "answer"}}
    made = asked(response_format=schema_of(SCHEMA), tools=[other], quirks=frozenset({"output_config"}))
    assert [tool["name"] for tool in made["tools"]] == ["answer", "answer_"]
    assert made["tool_choice"] == {"type": "any"}
    made = asked(response_format=schema_of(SCHEMA), tools=[LOOK], tool_choice="none", quirks=frozenset({"schema"}))
    assert made["tool_choice"] == {"type": "tool", "name": "answer", "disable_parallel_tool_use": True}


def test_a_form_is_none_where_only_a_call_is_an_answer() -> None:
    """A demanded call has no text to keep a form."""
    assert "output_config" not in asked(response_format=schema_of(SCHEMA), tools=[LOOK], tool_choice="required")


def test_a_list_cannot_be_the_input_of_a_tool() -> None:
    """Refused by name where the model has no structured outputs."""
    with pytest.raises(BadRequest, match=r"params\.response_format\.json_schema\.schema"):
        asked(response_format=schema_of({"type": "array"}), quirks=frozenset({"output_config"}))


def test_any_json_object_is_asked_for_in_words() -> None:
    """Anthropic has no field for it."""
    made = asked(
        Message(role="system", content="be"),
        Message(role="user", content="hi"),
        response_format={"type": "json_object"},
    )
    assert [block["text"] for block in made["system"]] == ["be", form.JSON_OBJECT]


@pytest.mark.parametrize("schema", [{"type": "secret"}, {"a": 1}, {"properties": 7}, {"type": ["object"]}, {"$ref": 5}])
def test_a_schema_that_is_none_harms_nobody(schema: dict[str, Any]) -> None:
    """It goes as it is, to be refused by Anthropic, or is refused here by name; nothing else is raised."""
    with suppress(BadRequest):
        assert body(a_run(response_format=schema_of(schema)), model="m")


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


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (401, "authentication_error", "invalid x-api-key", AuthFailed),
        (403, "permission_error", "no", AuthFailed),
        (402, "billing_error", "no", QuotaExhausted),
        (404, "not_found_error", "model: claude-x", ModelMissing),
        (413, "request_too_large", "Request exceeds the maximum size", ContextOverflow),
        (429, "rate_limit_error", "slow down", RateLimited),
        (500, "api_error", "oops", ProviderFailed),
        (504, "timeout_error", "late", ProviderFailed),
        (529, "overloaded_error", "Overloaded", Overloaded),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ContextOverflow),
        (
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
            ContextOverflow,
        ),
        (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", QuotaExhausted),
        (400, "invalid_request_error", "You have reached your specified API usage limits.", QuotaExhausted),
        (400, "invalid_request_error", "Output blocked by content filtering policy", ContentRefused),
        (400, "invalid_request_error", "messages: roles must alternate", BadRequest),
    ],
)
def test_errors_are_translated(status: int, kind: str, message: str, expected: type[RunError]) -> None:
    """By status and kind where they came with one, by kind where they did not; none of their words is kept."""
    error = {"type": kind, "message": f"{message} canary"}
    found = rejected(Rejection(status=status, error=error))
    assert type(found) is expected
    assert "canary" not in str(found)
    assert type(told({"type": "error", "error": error})) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("enforced_spend_limit_reached", QuotaExhausted),
        ("contract_spend_limit_reached", QuotaExhausted),
        ("ramp_limit_exceeded", RateLimited),
    ],
)
def test_a_code_among_the_details_is_the_more_exact(code: str, expected: type[RunError]) -> None:
    """A spend limit comes as a 429, and no waiting helps."""
    error = {"type": "rate_limit_error", "message": "x", "details": {"error_code": code}}
    assert type(told({"error": error})) is expected


@pytest.mark.parametrize("body_", [None, "text", {}, {"error": None}, {"error": "x"}, {"error": {"type": 5}}, [1]])
def test_an_error_without_sense_is_the_providers(body_: Any) -> None:
    """Whatever came: a retry may help."""
    assert isinstance(told(body_), ProviderFailed)
