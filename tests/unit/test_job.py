"""The job's contract: strict, closed, frozen, versioned; and it survives the wire."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate.job import Hints, Job, JsonSchema, Message, Params, PromptRef, ResponseFormat, TextPart
from tidegate.signals import Level
from tidegate.tools import Function, Tool
from tidegate.value import problems

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", fullmatch=True)
CONTENT = TEXT | st.lists(st.builds(TextPart, text=TEXT), max_size=3).map(tuple)
MESSAGES = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant", "tool"]), content=CONTENT, name=st.none()),
    min_size=1,
    max_size=3,
).map(tuple)
FORMATS = st.sampled_from(
    [
        None,
        ResponseFormat(type="json_object"),
        ResponseFormat(type="json_schema", json_schema=JsonSchema.model_validate({"schema": {"type": "object"}})),
    ]
)
TOKENS = st.integers(0, 9_999_999)
TOOLS = st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), max_size=3, unique=True).map(
    lambda names: tuple(Tool(function=Function(name=name, parameters={"type": "object"})) for name in names)
)
BODIES = st.one_of(
    st.fixed_dictionaries({"text": TEXT.filter(bool)}),
    st.fixed_dictionaries({"messages": MESSAGES}),
    st.fixed_dictionaries(
        {"prompt": st.builds(PromptRef, name=NAME, variables=st.dictionaries(TEXT, TEXT, max_size=2))}
    ),
)
REST = st.fixed_dictionaries(
    {
        "params": st.builds(
            Params,
            max_tokens=st.integers(1, 131_072),
            temperature=st.floats(0, 2) | st.integers(0, 2),
            response_format=FORMATS,
            stop=st.lists(TEXT.filter(bool), max_size=4).map(tuple),
            seed=st.none() | st.integers(0, 2**31 - 1),
            top_p=st.none() | st.floats(0, 1),
            top_k=st.none() | st.integers(0, 100_000),
            frequency_penalty=st.none() | st.floats(-2, 2),
            repeat_penalty=st.none() | st.floats(0.1, 2),
            logit_bias=st.none()
            | st.dictionaries(st.integers(0, 9_999_999).map(str), st.floats(-100, 100), max_size=3),
            stop_tokens=st.lists(TOKENS, max_size=3).map(tuple),
            tools=TOOLS,
        ),
        "hints": st.builds(
            Hints,
            min_sensitivity=st.none() | st.sampled_from(Level),
            latency=st.sampled_from(["interactive", "batch"]),
            deadline_s=st.floats(0.001, 30 * 86_400),
            priority=st.integers(0, 9),
        ),
        "tenant": NAME,
        "idempotency_key": st.none() | TEXT.filter(bool),
    }
)


@given(body=BODIES, rest=REST)
def test_a_job_survives_the_wire(body: dict[str, Any], rest: dict[str, Any]) -> None:
    """Whatever a job may hold, its JSON reads back as the same job."""
    job = Job(**body, **rest)
    assert Job.from_json(job.to_json()) == job
    assert Job.from_json(job.to_json().encode()) == job


WRONG: dict[str, tuple[str, str]] = {
    "a later version": ('{"v":2,"text":"x"}', "v"),
    "a version in words": ('{"v":"1","text":"x"}', "v"),
    "no body": ("{}", "(the whole)"),
    "null body": ('{"text":null}', "(the whole)"),
    "two bodies": ('{"text":"x","prompt":{"name":"a"}}', "(the whole)"),
    "empty text": ('{"text":""}', "text"),
    "no messages": ('{"messages":[]}', "messages"),
    "an unknown field": ('{"text":"x","model":"m"}', "model"),
    "an unknown field inside": ('{"text":"x","params":{"top_a":1}}', "params.top_a"),
    "a number as text": ('{"text":"x","params":{"max_tokens":"1"}}', "params.max_tokens"),
    "a fraction of a token": ('{"text":"x","params":{"max_tokens":1.5}}', "params.max_tokens"),
    "a truth as a number": ('{"text":"x","params":{"temperature":true}}', "params.temperature"),
    "too many tokens": ('{"text":"x","params":{"max_tokens":131073}}', "params.max_tokens"),
    "too hot": ('{"text":"x","params":{"temperature":2.1}}', "params.temperature"),
    "an empty stop": ('{"text":"x","params":{"stop":[""]}}', "params.stop[0]"),
    "five stops": ('{"text":"x","params":{"stop":["a","b","c","d","e"]}}', "params.stop"),
    "an unknown level": ('{"text":"x","hints":{"min_sensitivity":"cosy"}}', "hints.min_sensitivity"),
    "no time": ('{"text":"x","hints":{"deadline_s":0}}', "hints.deadline_s"),
    "time without end": ('{"text":"x","hints":{"deadline_s":Infinity}}', "hints.deadline_s"),
    "a priority beyond": ('{"text":"x","hints":{"priority":10}}', "hints.priority"),
    "a tenant with blanks": ('{"text":"x","tenant":"a b"}', "tenant"),
    "a tenant with a line's end": ('{"text":"x","tenant":"a\\n"}', "tenant"),
    "an empty key": ('{"text":"x","idempotency_key":""}', "idempotency_key"),
    "a callback": ('{"text":"x","callback_url":"http://x"}', "callback_url"),
    "a silent message": ('{"messages":[{"role":"user"}]}', "messages[0]"),
    "an unknown role": ('{"messages":[{"role":"wizard","content":"x"}]}', "messages[0].role"),
    "a schema that is not promised": (
        '{"text":"x","params":{"response_format":{"type":"text","json_schema":{"schema":{}}}}}',
        "params.response_format",
    ),
    "a promise without a schema": (
        '{"text":"x","params":{"response_format":{"type":"json_schema"}}}',
        "params.response_format",
    ),
}


@pytest.mark.parametrize(("text", "field"), WRONG.values(), ids=WRONG.keys())
def test_what_breaks_the_contract_is_told_by_its_field(text: str, field: str) -> None:
    """Each breach is refused, and its one problem names just the field."""
    with pytest.raises(ValidationError) as caught:
        Job.from_json(text)
    assert [problem.partition(": ")[0] for problem in problems(caught.value)] == [field]


@given(secret=st.text(st.characters(categories=["Lu", "Ll"]), min_size=12), data=st.data())
def test_no_error_quotes_a_value(secret: str, data: st.DataObject) -> None:
    """Wherever a text stands where it must not, the error does not repeat it."""
    wrong = data.draw(
        st.sampled_from(
            [
                {"text": [secret]},
                {"messages": secret},
                {"messages": [{"role": secret, "content": "x"}]},
                {"messages": [{"role": "user", "content": {"text": secret}}]},
                {"text": "x", "tenant": f" {secret}"},
                {"text": "x", "hints": {"latency": secret}},
                {"text": "x", "params": {"max_tokens": secret}},
                {"prompt": {"name": f" {secret}"}},
            ]
        )
    )
    with pytest.raises(ValidationError) as caught:
        Job.model_validate(wrong)
    assert secret not in str(caught.value)
    assert secret not in "".join(problems(caught.value))


@pytest.mark.parametrize("field", ["text", "params", "tenant"])
def test_a_job_is_frozen(field: str) -> None:
    """Change makes a copy."""
    with pytest.raises(ValidationError):
        setattr(Job(text="x"), field, None)


def test_turns_are_what_a_model_is_sent() -> None:
    """A text is one user's turn; messages are themselves; a prompt's name has none before it is resolved."""
    turns = (Message(role="system", content="a"), Message(role="user", content="b"))
    prompted = Job(prompt=PromptRef(name="p"), tenant="acme")
    assert Job(text="x").turns() == (Message(role="user", content="x"),)
    assert Job(messages=turns).turns() == turns
    assert prompted.turns() == ()
    resolved = prompted.resolved(turns)
    assert (resolved.turns(), resolved.prompt, resolved.tenant) == (turns, None, "acme")
    assert Job.from_json(resolved.to_json()) == resolved


def test_a_message_s_parts_are_one_text() -> None:
    """OpenAI's list form of content reads as its parts' lines."""
    assert Message(role="user", content=(TextPart(text="a"), TextPart(text="b"))).text == "a\nb"
    assert Message.from_json('{"role":"user","content":[{"type":"text","text":"a"}]}').text == "a"
