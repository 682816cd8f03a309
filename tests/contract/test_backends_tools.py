"""Tools: every backend offers them to its model, and what comes back is a call of one of them or an error."""

import json
from typing import Any

import jsonschema
import pytest
from backends import CANARY, Served, run

from tidegate.errors import RunError, SchemaInvalid

WEATHER = {
    "type": "object",
    "properties": {"city": {"enum": ["Bern", "Graz"]}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TIME = {"type": "object", "properties": {"utc": {"type": "boolean"}}, "required": ["utc"]}


def tool(name: str, parameters: dict[str, Any] | None) -> dict[str, Any]:
    """A function to offer."""
    return {
        "type": "function",
        "function": {"name": name, "description": f"Tells the {name}.", "parameters": parameters},
    }


TOOLS = {"weather": WEATHER, "time": TIME}
OFFERED = [tool(name, parameters) for name, parameters in TOOLS.items()]


def chosen(name: str) -> dict[str, Any]:
    """The choice of one function."""
    return {"type": "function", "function": {"name": name}}


def test_a_demanded_call_comes_or_an_error(served: Served) -> None:
    """What a backend makes of it may be wrong, but never passes for a call."""
    job = run("What now?", max_tokens=128, tools=OFFERED, tool_choice="required")
    try:
        calls = served.ask(job).tool_calls
    except SchemaInvalid:
        return
    assert {call.function.name for call in calls} <= TOOLS.keys()
    assert calls


@pytest.mark.parametrize("name", TOOLS)
def test_a_named_tool_is_called(certain: Served, name: str) -> None:
    """One call, of that function, with arguments that keep its schema."""
    answer = certain.ask(run("What now?", max_tokens=128, tools=OFFERED, tool_choice=chosen(name)))
    (call,) = answer.tool_calls
    assert call.function.name == name
    jsonschema.validate(json.loads(call.function.arguments), TOOLS[name])
    assert answer.finish_reason == "tool_calls"
    assert call.id
    assert not answer.text


def test_a_call_can_be_demanded(certain: Served) -> None:
    """Of whichever tool, and of one alone where only one is wanted."""
    job = run("What now?", max_tokens=128, tools=OFFERED, tool_choice="required", parallel_tool_calls=False)
    (call,) = certain.ask(job).tool_calls
    jsonschema.validate(json.loads(call.function.arguments), TOOLS[call.function.name])


def test_a_call_is_no_text_that_is_shown(certain: Served) -> None:
    """What is told while an answer grows is its text; calls come whole, with the answer."""
    pieces: list[str] = []
    job = run("What now?", max_tokens=128, tools=OFFERED, tool_choice=chosen("weather"))
    answer = certain.ask(job, on_text=pieces.append)
    assert "".join(pieces) == answer.text
    assert [call.function.name for call in answer.tool_calls] == ["weather"]


@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_where_the_model_may_choose_it_may_also_speak(served: Served, choice: str | None) -> None:
    """Text, calls or both; with `none` never a call."""
    answer = served.ask(run("hello", tools=OFFERED, tool_choice=choice))
    assert answer.text or answer.tool_calls
    assert not (choice == "none" and answer.tool_calls)


def test_tools_are_told_to_the_model(real: Served) -> None:
    """A prompt with tools is longer than the same without them."""
    with_tools = real.ask(run("hello", tools=OFFERED)).usage.prompt_tokens
    assert with_tools > real.ask(run("hello")).usage.prompt_tokens + 20


def test_a_call_that_was_cut_is_an_error(real: Served) -> None:
    """max_tokens that end in the middle of a call never come back as a call."""
    with pytest.raises(RunError):
        real.ask(run("What now?", max_tokens=3, tools=OFFERED, tool_choice="required"))


def test_a_tool_with_a_schema_that_is_none_is_refused(served: Served) -> None:
    """Without a word of it in the error."""
    broken = [tool("look", {"type": CANARY})]
    with pytest.raises(RunError) as caught:
        served.ask(run("hello", tools=broken, tool_choice=chosen("look")))
    assert "Mustermann" not in str(caught.value)
