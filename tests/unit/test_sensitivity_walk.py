"""The walk: every string of a job is looked at, whatever field it stands in."""

import json
from datetime import date
from typing import Any

import pytest

from router.signals.sensitivity.walk import MAX_DEPTH, problems, seams, strings, walk
from tidegate.job import Job, Message
from tidegate.value import Value

VALUE = "alice@hospital.local"

CALL = {"id": "call-1", "function": {"name": "lookup", "arguments": "{}"}}


def chat(**message: Any) -> dict[str, Any]:
    """A job of one message with something special."""
    return {"messages": [{"role": "user", "content": "hello", **message}]}


def schema(**body: Any) -> dict[str, Any]:
    """A job whose answer must follow a schema."""
    wanted = {"type": "json_schema", "json_schema": {"schema": body}}
    return {"text": "hello", "params": {"response_format": wanted}}


def tool(**function: Any) -> dict[str, Any]:
    """A job that offers a tool with something special."""
    return {"text": "hello", "params": {"tools": [{"function": {"name": "look", **function}}]}}


PLACES: dict[str, dict[str, Any]] = {
    "text": {"text": f"write to {VALUE}"},
    "system": {"messages": [{"role": "system", "content": VALUE}, {"role": "user", "content": "hi"}]},
    "earlier turn": {"messages": [{"role": "user", "content": VALUE}, {"role": "user", "content": "hi"}]},
    "assistant": {"messages": [{"role": "assistant", "content": VALUE}]},
    "tool": {"messages": [{"role": "tool", "content": VALUE, "tool_call_id": "call-1"}]},
    "part": chat(content=[{"type": "text", "text": "hi"}, {"type": "text", "text": VALUE}]),
    "name": chat(name=VALUE),
    "tool_call_id": {"messages": [{"role": "tool", "content": "ok", "tool_call_id": VALUE}]},
    "call id": chat(role="assistant", tool_calls=[{**CALL, "id": VALUE}]),
    "call name": chat(role="assistant", tool_calls=[{**CALL, "function": {"name": VALUE, "arguments": "{}"}}]),
    "call arguments": chat(
        role="assistant", tool_calls=[{**CALL, "function": {"name": "f", "arguments": json.dumps({"to": VALUE})}}]
    ),
    "call argument's key": chat(
        role="assistant", tool_calls=[{**CALL, "function": {"name": "f", "arguments": json.dumps({VALUE: 1})}}]
    ),
    "schema value": schema(type="object", description=VALUE),
    "schema enum": schema(enum=[VALUE]),
    "schema key": schema(type="object", properties={VALUE: {"type": "string"}}),
    "schema type": schema(type=VALUE),
    "schema's description": {
        "text": "hello",
        "params": {
            "response_format": {"type": "json_schema", "json_schema": {"schema": {}, "description": VALUE}},
        },
    },
    "tool's description": tool(description=VALUE),
    "tool's argument": tool(parameters={"properties": {VALUE: {"type": "string"}}}),
    "tool's argument's description": tool(parameters={"properties": {"a": {"description": f"as {VALUE}"}}}),
    "tool's argument's values": tool(parameters={"properties": {"a": {"enum": [VALUE]}}}),
    "stop": {"text": "hello", "params": {"stop": [VALUE]}},
    "conversation": {"text": "hello", "conversation_id": VALUE},
    "idempotency key": {"text": "hello", "idempotency_key": VALUE},
    "variable": {"prompt": {"name": "greet", "variables": {"who": VALUE}}},
    "variable's name": {"prompt": {"name": "greet", "variables": {VALUE: "x"}}},
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_looked_at(place: str) -> None:
    """A value is seen wherever a job can carry it."""
    assert VALUE in "\n".join(strings(Job.model_validate(PLACES[place])))


def test_our_own_words_are_not_text() -> None:
    """Roles, types and field names are in every job and say nothing."""
    assert strings(Job.model_validate(chat())) == ("hello",)


def test_names_of_tools_are_text_wherever_they_stand() -> None:
    """The name of a function and the choice of it may be somebody's name."""
    offered = {"tools": [{"function": {"name": "look_anna"}}], "tool_choice": {"function": {"name": "look_anna"}}}
    assert "look_anna" in strings(Job.model_validate({"text": "hello", "params": offered}))


def test_the_contract_s_own_numbers_and_choices_are_not_text() -> None:
    """How a model samples, and the numbers of tokens in its vocabulary."""
    params = {
        "n": 1,
        "temperature": 0.5,
        "top_p": 0.5,
        "top_k": 9,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "seed": 4711,
        "frequency_penalty": 0.5,
        "presence_penalty": 0.5,
        "logit_bias": {"4711": -100.0},
        "stop_tokens": [12, 34],
        "logprobs": True,
        "top_logprobs": 3,
        "parallel_tool_calls": False,
        "tool_choice": "auto",
    }
    offered = {"tools": [{"function": {"name": "look"}}]}
    assert strings(Job.model_validate({"text": "hello", "params": params | offered})) == ("hello", "look")


def test_numbers_in_a_schema_are_text() -> None:
    """A number that a producer wrote may be somebody's, whatever its key is called."""
    job = Job.model_validate(schema(examples=[{"id": 4111111111111111, "cards": [4111111111111112]}]))
    assert {"id: 4111111111111111", "4111111111111112"} <= set(strings(job))


def test_a_key_stands_beside_its_value() -> None:
    """`ssn` gives away nine digits that mean nothing alone."""
    job = Job.model_validate({"prompt": {"name": "greet", "variables": {"ssn": "078051120"}}})
    assert "ssn: 078051120" in strings(job)


def test_json_in_a_string_is_opened() -> None:
    """Escapes in a tool's arguments hide line ends and letters from patterns."""
    arguments = json.dumps({"note": "DOB\u00a01990", "to": "J\u00f6rg"})
    job = Job.model_validate(
        chat(role="assistant", tool_calls=[{**CALL, "function": {"name": "f", "arguments": arguments}}])
    )
    assert "to: J\u00f6rg" in strings(job)


def test_a_value_split_over_two_messages_is_whole_at_the_seam() -> None:
    """Once over all turns, and once over the user's when somebody spoke in between."""
    said = [("user", "my number is 078-05-"), ("assistant", "go on"), ("user", "1120, thanks")]
    job = Job.model_validate({"messages": [{"role": role, "content": text} for role, text in said]})
    assert any("078-05-1120" in seam for seam in seams(job))
    assert seams(Job(text="alone")) == ()


def test_long_messages_meet_with_their_ends_only() -> None:
    """Glueing is cheap: a seam of two books is two paragraphs."""
    messages = [
        {"role": "user", "content": "a" * 50_000 + "078-05-"},
        {"role": "user", "content": "1120" + "b" * 50_000},
    ]
    (seam,) = seams(Job.model_validate({"messages": messages}))
    assert "078-05-1120" in seam
    assert len(seam) < 1_000


def test_each_role_is_glued_to_itself() -> None:
    """A tool may answer in pieces, with an assistant's turns between."""
    said = [("tool", "078-05-"), ("assistant", "next"), ("tool", "1120")]
    messages = [{"role": role, "content": text, "tool_call_id": "c"} for role, text in said]
    assert any("078-05-1120" in seam for seam in seams(Job.model_validate({"messages": messages})))


def test_digits_that_meet_keep_a_blank() -> None:
    """Two numbers in a row are no one number, unless words say so: that is a reading's business."""
    job = Job.model_validate(
        {"messages": [{"role": "user", "content": "it is 4003"}, {"role": "user", "content": "2675 indeed"}]}
    )
    assert seams(job)[0] == "it is 4003 2675 indeed"


def called(arguments: Any) -> Job:
    """A job with a tool call of these arguments."""
    call = {"id": "call-1", "function": {"name": "f", "arguments": json.dumps(arguments)}}
    return Job.model_validate({"messages": [{"role": "assistant", "tool_calls": [call]}]})


@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        (
            {"first": "4003", "second": "2675", "third": "3342", "last": "4895"},
            "first second third last: 4003 2675 3342 4895",
        ),
        ({"card": ["4003", "2675", "3342", "4895"]}, "4003 2675 3342 4895"),
        ({"area": "078-05", "serial": "-1120"}, "area serial: 078-05-1120"),
        ({"user": "john.smith", "domain": "acme.com"}, "john.smith@acme.com"),
        (["john.smith", "@", "acme.com"], "john.smith@acme.com"),
        ({"a": {"b": [{"p": 4003, "q": 2675}]}}, "p q: 4003 2675"),
    ],
)
def test_a_value_split_over_fields_is_whole_at_the_seam(arguments: Any, whole: str) -> None:
    """JSON takes a value apart as well as two messages do."""
    assert any(whole in seam for seam in seams(called(arguments)))


def test_long_fields_are_no_pieces() -> None:
    """Two paragraphs side by side are not glued: nobody splits a value into two of those."""
    assert seams(called({"a": "x" * 500, "b": "y" * 500})) == ()


def test_json_in_json_in_a_string_is_opened() -> None:
    """An escaped string of JSON is opened as often as it was written."""
    job = called({"body": json.dumps({"inner": json.dumps({"to": "J\u00f6rg"})})})
    assert "to: J\u00f6rg" in strings(job)


@pytest.mark.parametrize("text", ["[" * 50_000 + "]" * 50_000, json.dumps("x") * 3, "{broken", '"', "[1, 2"])
def test_odd_json_is_still_text(text: str) -> None:
    """What cannot be opened is looked at as it is written; what lies too deep is said."""
    walked = walk(Job(text=text))
    assert text in walked.strings
    assert walked.problems in ((), ("nesting",))


def test_what_lies_too_deep_is_a_problem() -> None:
    """Nobody looks at what is packed in a hundred lists, and the result says so."""
    value: Any = VALUE
    for _ in range(MAX_DEPTH + 10):
        value = [value]
    assert problems(Job.model_validate(schema(examples=value))) == ("nesting",)
    assert problems(Job(text="hello")) == ()


class Picture(Value):
    """A part that the contract does not have yet."""

    type: str = "image"
    data: bytes = b""
    caption: str = ""
    taken: date | None = None


class Later(Message):
    """A message that got a field."""

    attachment: Picture | None = None


def test_a_new_field_is_looked_at_by_itself() -> None:
    """Strings of a part that somebody adds are seen; what is no text in it is a problem, and so is its kind."""
    picture = Picture.of({"type": "picture", "data": b"\x89PNG", "caption": VALUE, "taken": date(2026, 1, 1)})
    message = Later(role="user", content="hello", attachment=picture)
    walked = walk(Job.of({**Job(text="x").__dict__, "text": None, "messages": (message,)}))
    assert VALUE in walked.strings
    assert set(walked.problems) == {"unknown content", "binary"}
