"""Anthropic's client against llama.cpp's own server, which speaks the Messages API too and was not written for us."""

import threading
from collections.abc import Iterator

import pytest
from backends import Served, run

from tidegate.errors import ContextOverflow, RunTimedOut
from tidegate.job import FunctionCall, Message, Params, ToolCall
from tidegate.lane import Lane, Zone
from tidegate.settings import load
from workers.backend import Run, open_backend

REVIEW = "What is the sentiment of this review? Answer positive, negative or neutral.\nThe food was great."
TOOLS = ({"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},)


@pytest.fixture(scope="module")
def messages(llama_server: Served) -> Iterator[Served]:
    """The server of the contract's lane `llama_server`, asked in Anthropic's words."""
    lane = Lane(
        name="own-messages",
        zone=Zone.INSIDE,
        backend="anthropic",
        model="auto",
        base_url=llama_server.lane.base_url,
        context_tokens=llama_server.lane.context_tokens,
    )
    backend = open_backend(lane, load())
    try:
        yield Served(backend, lane)
    finally:
        backend.close()


def test_both_apis_of_one_server_say_the_same(messages: Served, llama_server: Served) -> None:
    """The same words, the same count of tokens."""
    ours, theirs = messages.ask(run(REVIEW)), llama_server.ask(run(REVIEW))
    assert ours.text == theirs.text != ""
    assert ours.finish_reason == theirs.finish_reason == "stop"
    assert ours.usage.prompt_tokens == theirs.usage.prompt_tokens


def test_its_stream_is_its_answer(messages: Served) -> None:
    """Piece by piece."""
    pieces: list[str] = []
    answer = messages.ask(run(REVIEW), on_text=pieces.append)
    assert "".join(pieces) == answer.text == messages.ask(run(REVIEW)).text


def test_its_limits_are_told(messages: Served) -> None:
    """A prompt that is too long, an answer that was cut, a run that took too long."""
    with pytest.raises(ContextOverflow):
        messages.ask(run("word " * (2 * messages.lane.context_tokens)))
    assert messages.ask(run("Repeat: one two three four five six", max_tokens=2)).finish_reason == "length"
    with pytest.raises(RunTimedOut):
        messages.ask(run("hello", timeout_s=0.0001))


def test_a_stop_string_ends_its_answer(messages: Served) -> None:
    """One that goes along, and white space that does not."""
    whole = messages.ask(run(REVIEW)).text
    assert messages.ask(run(REVIEW, stop=(whole[2:5],))).text == whole[:2]
    assert "\n" not in messages.ask(run("Count to three, a line each.", stop=("\n",))).text


def test_it_takes_a_conversation_with_calls(messages: Served) -> None:
    """Calls, results in another order, and words after them."""
    calls = tuple(ToolCall(id=name, function=FunctionCall(name="look", arguments="{}")) for name in ("a", "b"))
    turns = (
        Message(role="system", content="Be short."),
        Message(role="user", content="Look."),
        Message(role="assistant", tool_calls=calls),
        Message(role="tool", tool_call_id="b", content="nothing"),
        Message(role="tool", tool_call_id="a", content="something"),
        Message(role="user", content=REVIEW),
    )
    params = Params.model_validate({"max_tokens": 8, "tools": TOOLS, "tool_choice": "none"})
    job = Run(job_id="job", attempt=1, messages=turns, params=params, timeout_s=60.0)
    assert messages.ask(job, stop=threading.Event()).usage.prompt_tokens > 30
