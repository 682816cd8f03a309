"""The Responses API: what is sent of a run, what is left out, and that nothing is kept."""

import base64
import json
import threading

import pytest
from provider_lanes import a_run, ask, lane, surround

from tidegate import errors
from tidegate.lane import Zone
from tidegate.settings import Settings
from workers.backend import open_backend
from workers.managed.responses.request import LEAST_TOKENS, body
from workers.standin.faults import Fault
from workers.standin.server import Running

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}
BARE = {"type": "function", "function": {"name": "wait", "strict": True}}

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the shell's."""
    surround(monkeypatch)


def test_all_of_a_conversation_is_sent_as_items(standin: Running) -> None:
    """Turns, images, calls and their results; the parameters under its own names; and nothing is kept."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}
    run = a_run(
        {"role": "system", "content": [{"text": "be"}, {"text": "brief"}]},
        {"role": "user", "content": [{"type": "text", "text": "what is it?"}, image]},
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        {"role": "user", "content": "and now?"},
        max_tokens=99,
        temperature=0.5,
        top_p=0.25,
        response_format={"type": "json_schema", "json_schema": {"name": "found", "schema": SCHEMA}},
        tools=[TOOL, BARE],
        tool_choice="auto",
        parallel_tool_calls=False,
        logprobs=True,
        top_logprobs=3,
        seed=7,
        frequency_penalty=0.5,
        top_k=3,
    )
    ask(lane("openai_responses", base_url=standin.url), run)
    (received,) = standin.standin.received
    assert received.path == "/v1/responses"
    assert received.headers["idempotency-key"] == "job-1"
    assert json.loads(received.body) == {
        "model": "gpt-4o-mini",
        "input": [
            {"role": "system", "content": "be\nbrief"},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "what is it?"},
                    {"type": "input_image", "image_url": PNG, "detail": "low"},
                ],
            },
            {"role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
            {"role": "user", "content": "and now?"},
        ],
        "max_output_tokens": 99,
        "temperature": 0.5,
        "top_p": 0.25,
        "text": {"format": {"type": "json_schema", "name": "found", "schema": SCHEMA, "strict": True}},
        "tools": [
            {"type": "function", "name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": False},
            {"type": "function", "name": "wait", "parameters": {"type": "object", "properties": {}}, "strict": True},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 3,
        "store": False,
    }


@pytest.mark.parametrize("field", ["stop", "logit_bias", "stop_tokens"])
def test_what_the_api_lacks_is_told_before_anything_is_sent(standin: Running, field: str) -> None:
    """By the job's own name of it."""
    given = {"stop": ("END",), "logit_bias": {"5": 1.0}, "stop_tokens": (5,)}[field]
    with pytest.raises(errors.BadRequest, match=rf"params\.{field}:"):
        ask(lane("openai_responses", base_url=standin.url), a_run(**{field: given}))
    assert standin.standin.received == []


@pytest.mark.parametrize("param", ["temperature", "top_p", "text", "parallel_tool_calls", "include"])
def test_a_field_that_a_model_will_not_have_is_left_out_from_then_on(standin: Running, param: str) -> None:
    """As with chat completions: once refused, never sent again; the promise is held to all the same."""
    standin.standin.book.replace((Fault(fault="unsupported_parameter", param=param, times="forever"),))
    asked = a_run(
        top_p=0.5,
        tools=[TOOL],
        parallel_tool_calls=False,
        response_format={"type": "json_schema", "json_schema": {"schema": SCHEMA}},
    )
    zone = {"zone": Zone.INSIDE} if param == "include" else {}
    backend = open_backend(lane("openai_responses", base_url=standin.url, **zone), Settings())
    try:
        for _ in range(2):
            try:
                backend.answer(asked, stop=threading.Event())
            except errors.SchemaInvalid:
                assert param == "text"
    finally:
        backend.close()
    first, *others = (param in json.loads(received.body) for received in standin.standin.received)
    assert first
    assert not any(others)  # an answer against its promise is asked for once more


def test_what_must_be_forgotten_is_never_asked_without() -> None:
    """Whatever a server has against `store: false`."""
    for quirks in (frozenset[str](), frozenset({"temperature", "top_p", "text", "include", "parallel_tool_calls"})):
        assert body(a_run(), model="m", quirks=quirks)["store"] is False


def test_openai_itself_writes_sixteen_tokens_at_least() -> None:
    """It refuses less; others do not."""
    assert body(a_run(max_tokens=5), model="m", openai=True)["max_output_tokens"] == LEAST_TOKENS
    assert body(a_run(max_tokens=5), model="m")["max_output_tokens"] == 5
