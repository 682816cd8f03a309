"""Forms that a job promises, asked of Anthropic: as structured output, as a tool, in words, or refused by name."""

from contextlib import suppress
from typing import Any

import jsonschema
import pytest
from anthropic_requests import LOOK, SCHEMA, a_run, asked
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import BadRequest
from tidegate.job import Message
from workers.managed.anthropic_api import form
from workers.managed.anthropic_api.request import body

MAP = {"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "integer"}}}}


def schema_of(schema: Any) -> dict[str, Any]:
    """A promised form."""
    return {"type": "json_schema", "json_schema": {"schema": schema}}


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
