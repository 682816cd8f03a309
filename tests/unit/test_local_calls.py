"""Calls of tools as families of models write them, and what is held against them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.job import FunctionCall, Params, ToolCall
from workers import toolcalls
from workers.local.calls import FORMS, Form, Unreadable, form_of

CALL = '{"name": "look", "arguments": {"at": 1}}'

TEMPLATES = {
    "hermes": '<tool_call>\\n{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call>{{ tools }}',
    "mistral named": "[AVAILABLE_TOOLS]{{ tools }}[TOOL_CALLS]name[ARGS]",
    "mistral": "[AVAILABLE_TOOLS]{{ tools }}[TOOL_CALLS]",
    "functionary": "<function=example>{}</function>{{ tools }}",
    "llama": 'Respond as {"name": name, "parameters": dictionary of names and values}.{{ tools }}<|python_tag|>',
}

READ = [
    ("hermes", f"<tool_call>\n{CALL}\n</tool_call>", "", 1),
    ("hermes", f"Let me see. <tool_call>{CALL}</tool_call>\n<tool_call>{CALL}</tool_call>", "Let me see. ", 2),
    ("hermes", f"\n\n<tool_call>{CALL}", "", 1),
    ("hermes", "no call, though <tool is written", "no call, though <tool is written", 0),
    ("mistral", f"[TOOL_CALLS][{CALL}, {CALL}]", "", 2),
    ("mistral named", '[TOOL_CALLS]look[ARGS]{"at": 1}[TOOL_CALLS]look[ARGS] {"at": 1}', "", 2),
    ("functionary", '<function=look>{"at": 1}</function><function=look>{"at": 1}</function>', "", 2),
    ("llama", '{"name": "look", "parameters": {"at": 1}}', "", 1),
    (
        "llama",
        '<|python_tag|>{"name": "look", "parameters": {"at": 1}}; {"name": "look", "parameters": {"at": 1}}',
        "",
        2,
    ),
    ("llama", '{"name": "Erika", "age": 7}', '{"name": "Erika", "age": 7}', 0),
    ("llama", "{ no JSON", "{ no JSON", 0),
]


def form(family: str) -> Form:
    """The form of a family, by what its template says."""
    found = form_of(TEMPLATES[family])
    assert found is not None
    return found


def call(name: str = "look", arguments: str = '{"at": 1}') -> ToolCall:
    """A call."""
    return ToolCall(id="abcdefghi", function=FunctionCall(name=name, arguments=arguments))


def params(*, choice: Any = None, **tools: Any) -> Params:
    """Parameters that offer tools by name and schema."""
    offered = [{"function": {"name": name, "parameters": schema}} for name, schema in tools.items()]
    return Params.model_validate({"tools": offered, "tool_choice": choice})


@pytest.mark.parametrize(("family", "said", "text", "count"), READ)
def test_each_family_s_calls_are_read(family: str, said: str, text: str, count: int) -> None:
    """The text before them stays text, and each has an id of its own that Mistral's templates take, too."""
    spoken = form(family).taken_apart(said)
    assert spoken.text == text
    assert [(one.function.name, json.loads(one.function.arguments)) for one in spoken.calls] == [
        ("look", {"at": 1})
    ] * count
    assert len({one.id for one in spoken.calls}) == count
    assert all(len(one.id) == 9 and one.id.isalnum() for one in spoken.calls)


@pytest.mark.parametrize(
    ("family", "said"),
    [
        ("hermes", "<tool_call>"),
        ("hermes", '<tool_call>{"name": "look", "argu'),
        ("hermes", f"<tool_call>{CALL}</tool_call> and so on"),
        ("hermes", '<tool_call>{"name": "look", "arguments": "at 1"}</tool_call>'),
        ("hermes", "<tool_call>[1]</tool_call>"),
        ("hermes", "<tool_call>" + "[" * 100_000),
        ("mistral", "[TOOL_CALLS]{}"),
        ("mistral", "[TOOL_CALLS][]"),
        ("mistral named", "[TOOL_CALLS]look{}"),
        ("functionary", "<function=look"),
        ("llama", "<|python_tag|>print(1)"),
    ],
)
def test_a_call_that_began_and_is_none_is_no_answer(family: str, said: str) -> None:
    """Half a call is never taken for a text."""
    with pytest.raises(Unreadable):
        form(family).taken_apart(said)


@given(st.sampled_from(FORMS), st.text(max_size=60), st.data())
def test_what_is_shown_of_a_growing_answer_is_its_text(found: Form, text: str, data: st.DataObject) -> None:
    """However it is cut into pieces: nothing is shown that turns out to be a call, and nothing is taken back."""
    inside = data.draw(st.sampled_from(("", found.opening, found.opening[:4], f"{found.opening}{CALL}")))
    at = data.draw(st.integers(0, len(text)))
    whole = text[:at] + inside + text[at:]
    shown = 0
    for end in range(len(whole) + 1):
        shown = max(shown, found.safe(whole[:end]))
    try:
        spoken = found.taken_apart(whole)
    except Unreadable:
        return
    assert spoken.text.startswith(whole[:shown])


def test_a_family_that_is_not_known_is_none() -> None:
    """No guess: calls in tags without JSON, or none at all."""
    assert form_of("{{ tools }} <tool_call>\n<function=x>\n<parameter=y>") is None
    assert form_of("{{ tools }}") is None


@pytest.mark.parametrize(
    ("calls", "asked", "words"),
    [
        ([call()], params(look={"properties": {"at": {"type": "integer"}}}), None),
        ([call(arguments="{}")], params(look=None), None),
        ([call()], params(look=None), "break the tool's schema: additionalProperties"),
        ([call()], params(look={"properties": {"at": {"type": "string"}}}), "break the tool's schema: type"),
        ([call(arguments='"at"')], params(look={}), "break the tool's schema: type"),
        ([call(arguments="at 1")], params(look={}), "no JSON"),
        ([call("spy")], params(look={}), "does not offer"),
        ([call("spy")], Params(), "does not offer"),
        ([call("other")], params(look={}, other={}, choice={"function": {"name": "look"}}), "does not offer"),
        ([], params(look={}, choice="required"), "wants a call"),
        ([], params(look={}), None),
        ([call(), call()], params(look={}).model_copy(update={"parallel_tool_calls": False}), "several"),
        ([call()], params(look={"$ref": "https://example.invalid/x"}), "cannot be applied"),
    ],
)
def test_a_call_is_held_to_the_job(calls: list[ToolCall], asked: Params, words: str | None) -> None:
    """It is of a tool that was offered, and its arguments keep the schema; what is said of it quotes nothing."""
    problem = toolcalls.problem(calls, asked)
    assert (problem is None) if words is None else words in (problem or "")
