"""Anthropic's answers, whole and in pieces: the same message, the same text told, whatever is missing or wrong."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ContentRefused, ContextOverflow, MalformedAnswer, Overloaded, RunError, SchemaInvalid
from tidegate.job import Params
from tidegate.result import Answer, Usage
from workers.managed.anthropic_api.answer import read
from workers.managed.anthropic_api.stops import Until, before
from workers.managed.anthropic_api.stream import MessageStream
from workers.managed.promise import broken
from workers.standin.messages import frames

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
FORM = {"type": "json_schema", "json_schema": {"schema": SCHEMA}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": SCHEMA}}
SAID = {"type": "text", "text": "hello"}
ASKED: dict[str, Any] = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "one two"}]}


def use(name: str = "look", **given_input: Any) -> dict[str, Any]:
    """A call."""
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": given_input}


def message(*blocks: Any, **changed: Any) -> bytes:
    """A sound answer, but for what is changed."""
    usage = {"input_tokens": 3, "output_tokens": 2}
    whole = {"type": "message", "role": "assistant", "model": "served", "content": list(blocks), "usage": usage}
    return json.dumps({**whole, "stop_reason": "end_turn", **changed}).encode()


def answer(content: bytes, **params: Any) -> Answer:
    """What is read of it."""
    return read(content, model="ordered", params=Params.model_validate(params))


def events(*said: dict[str, Any]) -> bytes:
    """A stream."""
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in said)


def heard(stream: bytes, *, step: int = 1_000, by_tool: bool = False, **params: Any) -> tuple[bytes, str]:
    """The body that a stream comes to, and the text that was told on the way."""
    told: list[str] = []
    made = MessageStream(told.append, Params.model_validate(params), by_tool=by_tool)
    for start in range(0, len(stream), step):
        made.feed(stream[start : start + step])
    return made.body(), "".join(told)


def test_an_answer_in_full() -> None:
    """Texts joined, thinking and what else there may be passed over, all tokens that were read counted."""
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 100,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 5},
    }
    found = answer(message({"type": "thinking", "thinking": "hm", "signature": "s"}, SAID, SAID, usage=usage))
    assert (found.text, found.finish_reason, found.model) == ("hellohello", "stop", "served")
    assert found.usage == Usage(prompt_tokens=113, completion_tokens=7, cached_tokens=100, reasoning_tokens=5)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("tool_use", "stop")],
)
def test_an_answer_ends_for_a_reason(reason: str, finish: str) -> None:
    """In our words."""
    assert answer(message(SAID, stop_reason=reason)).finish_reason == finish


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("refusal", ContentRefused),
        ("model_context_window_exceeded", ContextOverflow),
        ("pause_turn", MalformedAnswer),
        ("something new", MalformedAnswer),
        (None, MalformedAnswer),
    ],
)
def test_an_answer_that_is_none(reason: str | None, error: type[RunError]) -> None:
    """By its stop reason."""
    with pytest.raises(error):
        answer(message(SAID, stop_reason=reason))


def test_calls_come_as_calls() -> None:
    """In order, with what was said before them."""
    found = answer(message(SAID, use(n=1), use(n=2), stop_reason="tool_use"), tools=[TOOL])
    assert (found.text, found.finish_reason) == ("hello", "tool_calls")
    assert [call.function.arguments for call in found.tool_calls] == ['{"n": 1}', '{"n": 2}']


@pytest.mark.parametrize(
    ("content", "params"),
    [
        (message(use("other"), stop_reason="tool_use"), {"tools": [TOOL]}),
        (message(use(n="x"), stop_reason="tool_use"), {"tools": [TOOL]}),
        (message(use(n=1), stop_reason="max_tokens"), {"tools": [TOOL]}),
        (message(SAID), {"tools": [TOOL], "tool_choice": "required"}),
        (message(SAID), {"response_format": FORM}),
        (message(use("answer", n="x"), stop_reason="tool_use"), {"response_format": FORM}),
        (message(use("answer"), stop_reason="max_tokens"), {"response_format": FORM}),
    ],
)
def test_a_broken_promise_is_an_error(content: bytes, params: dict[str, Any]) -> None:
    """Calls and forms are held to their schemas, and none that was cut passes."""
    try:
        found = answer(content, **params)
    except SchemaInvalid:
        return
    assert broken(found, Params.model_validate(params)) is not None


def test_the_input_of_the_answers_tool_is_the_answer() -> None:
    """What was said beside it is not."""
    found = answer(message(SAID, use("answer", n=5), stop_reason="tool_use"), response_format=FORM)
    assert (found.text, found.finish_reason, found.tool_calls) == ('{"n": 5}', "stop", ())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        b'{"type": "message", "content": "hello", "stop_reason": "end_turn"}',
        b'{"choices": [{"message": {"content": "hello"}}]}',
        message({"type": "text", "text": 5}),
        message({"type": "text"}),
        message({"type": "tool_use", "id": "x", "name": "y", "input": "{}"}),
        message("hello"),
        message(),
        message({"type": "thinking", "thinking": "hm"}),
        message(SAID)[:-9],
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_malformed(content: bytes) -> None:
    """However it looks."""
    with pytest.raises(MalformedAnswer):
        answer(content)


@pytest.mark.parametrize("reason", ["stop_sequence", "max_tokens"])
def test_an_answer_may_have_no_text(reason: str) -> None:
    """Where it was stopped at once, or spent its tokens on thinking."""
    assert answer(message(stop_reason=reason)).text == ""


def test_an_error_in_an_answer_is_that_error() -> None:
    """Status 200, and an error in it."""
    with pytest.raises(Overloaded):
        answer(b'{"type": "error", "error": {"type": "overloaded_error", "message": "x"}}')


@pytest.mark.parametrize("usage", [None, {}, [], {"input_tokens": None}, {"input_tokens": "3"}, {"input_tokens": -3}])
def test_tokens_that_make_no_sense_are_not_known(usage: Any) -> None:
    """None are counted, and the answer stands."""
    assert answer(message(SAID, usage=usage)).usage == Usage()


@pytest.mark.parametrize(
    "asked",
    [
        ASKED,
        {**ASKED, "max_tokens": 3},
        {**ASKED, "stop_sequences": ["received"]},
        {**ASKED, "tools": [{"name": "look", "input_schema": SCHEMA}], "tool_choice": {"type": "any"}},
    ],
    ids=["text", "cut", "stop", "call"],
)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_a_stream_comes_to_the_same_answer(asked: dict[str, Any], step: int) -> None:
    """In whatever pieces; what was told is the text."""
    params = {"tools": [TOOL]} if "tools" in asked else {}
    body, told = heard("".join(frames(asked, 1)).encode(), step=step, **params)
    found = answer(body, **params)
    assert told == found.text
    assert found.usage.prompt_tokens == 2
    assert found.usage.completion_tokens > 1 or asked["max_tokens"] == 3 or "stop_sequences" in asked
    assert found.finish_reason in ("stop", "length", "tool_calls")


@given(st.binary(max_size=60), st.integers(0, 2000))
def test_whatever_comes_in_a_stream_ends_in_the_table(noise: bytes, at: int) -> None:
    """Noise in the middle, or an end too soon: an answer or an error of ours."""
    whole = "".join(frames(ASKED, 1)).encode()
    for stream in (whole[:at] + noise + whole[at:], whole[:at]):
        body, told = heard(stream)
        try:
            found = answer(body)
        except RunError:
            continue
        assert found.text == told


def test_a_stream_that_breaks_off_is_no_answer() -> None:
    """Without its last event; with an error within, it is that error."""
    whole = list(frames(ASKED, 1))
    with pytest.raises(MalformedAnswer):
        answer(heard("".join(whole[:-1]).encode())[0])
    with pytest.raises(MalformedAnswer):
        answer(heard("".join(whole[1:]).encode())[0])
    told = events({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})
    with pytest.raises(Overloaded):
        answer(heard("".join(whole[:5]).encode() + told)[0])


def stream_of(*blocks: tuple[dict[str, Any], list[dict[str, Any]]], stop_reason: str = "tool_use") -> bytes:
    """A stream of these blocks, each with its deltas."""
    begun = json.loads(message(stop_reason=None))
    said: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for index, (block, deltas) in enumerate(blocks):
        said.append({"type": "content_block_start", "index": index, "content_block": block})
        said += ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
    return events(*said, {"type": "message_delta", "delta": {"stop_reason": stop_reason}}, {"type": "message_stop"})


def pieces(*parts: str) -> list[dict[str, Any]]:
    """The pieces of an input."""
    return [{"type": "input_json_delta", "partial_json": part} for part in parts]


def test_an_answer_by_tool_is_told_while_it_grows() -> None:
    """Its input, as it was written; what was said beside it is not."""
    spoken = ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Sure: "}])
    body, told = heard(stream_of(spoken, (use("answer"), pieces('{"n":', " 5}"))), by_tool=True, response_format=FORM)
    assert told == answer(body, response_format=FORM).text == '{"n": 5}'


def test_a_call_in_place_of_an_answer_by_tool() -> None:
    """Then what was said is the text, all at the end."""
    spoken = ({"type": "text", "text": "I look."}, [])
    params = {"response_format": FORM, "tools": [TOOL]}
    body, told = heard(stream_of(spoken, (use(), pieces('{"n": 5}'))), by_tool=True, **params)
    found = answer(body, **params)
    assert told == found.text == "I look."
    assert [call.function.arguments for call in found.tool_calls] == ['{"n": 5}']


@pytest.mark.parametrize(("stop_reason", "error"), [("max_tokens", SchemaInvalid), ("tool_use", MalformedAnswer)])
def test_a_call_that_was_cut_in_a_stream_is_an_error(stop_reason: str, error: type[RunError]) -> None:
    """Whether by the limit or by a server that lost its thread."""
    body, _ = heard(stream_of((use(), pieces('{"n": ')), stop_reason=stop_reason), tools=[TOOL])
    with pytest.raises(error):
        answer(body, tools=[TOOL])


def test_a_call_without_arguments_has_an_empty_object() -> None:
    """Its input never came in pieces, or in one empty piece."""
    bare = {"type": "function", "function": {"name": "look"}}
    for parts in ((), ("",)):
        body, _ = heard(stream_of((use(), pieces(*parts))), tools=[bare])
        assert [call.function.arguments for call in answer(body, tools=[bare]).tool_calls] == ["{}"]


@given(st.text("a \n", max_size=12), st.lists(st.text(" \n", min_size=1, max_size=3), max_size=3), st.integers(1, 4))
def test_stop_strings_of_our_own(text: str, stops: list[str], step: int) -> None:
    """What is told is the text before the first of them, however it was cut, and no piece comes later than it must."""
    told: list[str] = []
    until = Until(told.append, stops)
    for start in range(0, len(text), step):
        until.feed(text[start : start + step])
    until.end()
    expected = before(text, stops)
    assert "".join(told) == expected
    assert "" not in told
    assert all(stop not in expected for stop in stops)


def test_an_answer_ends_before_white_space_that_was_to_stop_it() -> None:
    """Whole and in pieces alike."""
    said = {"type": "text", "text": "one\ntwo"}
    assert answer(message(said), stop=("\n",)).text == "one"
    deltas = [{"type": "text_delta", "text": piece} for piece in ("on", "e\n", "two")]
    body, told = heard(stream_of(({"type": "text", "text": ""}, deltas), stop_reason="end_turn"), stop=("\n",))
    assert told == answer(body, stop=("\n",)).text == "one"
