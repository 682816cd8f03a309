"""The walk: every string of a job is looked at, whatever field it stands in."""

import json
from typing import Any

import pytest

from router.signals.sensitivity.views import views
from router.signals.sensitivity.walk import seams, strings
from tidegate.job import Job

VALUE = "alice@hospital.local"

CALL = {"id": "call-1", "function": {"name": "lookup", "arguments": "{}"}}


def chat(**message: Any) -> dict[str, Any]:
    """A job of one message with something special."""
    return {"messages": [{"role": "user", "content": "hello", **message}]}


def schema(**body: Any) -> dict[str, Any]:
    """A job whose answer must follow a schema."""
    wanted = {"type": "json_schema", "json_schema": {"schema": body}}
    return {"text": "hello", "params": {"response_format": wanted}}


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


def test_numbers_in_a_schema_are_text() -> None:
    """A number that a producer wrote may be somebody's, whatever its key is called."""
    job = Job.model_validate(schema(examples=[{"id": 4111111111111111, "cards": [4111111111111112]}]))
    assert {"4111111111111111", "4111111111111112"} <= set(strings(job))


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


@pytest.mark.parametrize(
    ("disguised", "plain"),
    [
        ("4\u200b1\u00ad1\u20601", "4111"),
        ("\uff41lice\uff20example.com", "alice@example.com"),
        ("\u0660\u0661\u0662", "012"),
        ("123\u201345\u22126789", "123-45-6789"),
        ("a\u00a0b", "a b"),
    ],
)
def test_a_view_shows_what_is_meant(disguised: str, plain: str) -> None:
    """Invisible characters, full width, other scripts' digits and dashes do not hide a value."""
    assert list(views(disguised)) == [disguised, plain]


def test_plain_text_has_one_view() -> None:
    """Nothing is scanned twice for nothing."""
    assert list(views("hello, world")) == ["hello, world"]
    assert list(views("Grüße, wörld")) == ["Grüße, wörld"]


def test_half_a_character_cannot_be_read() -> None:
    """A lone surrogate is no text."""
    with pytest.raises(UnicodeEncodeError):
        list(views("a\ud83d"))
