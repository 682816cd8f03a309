"""Answers in pieces: whatever ways a server has, the whole is the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import MalformedAnswer, ProviderFailed, RunError
from tidegate.job import Params
from tidegate.result import Answer, Confidence, Usage
from workers.managed import chat
from workers.managed.promise import broken
from workers.managed.request import quirk
from workers.managed.stream import Stream
from workers.managed.sureness import confidence
from workers.managed.translation import Rejection


def event(**said: Any) -> bytes:
    """One event of a server."""
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def delta(text: str | None, finish: str | None = None, **more: Any) -> bytes:
    """One piece of text."""
    return event(model="m", choices=[{"delta": {"content": text}, "finish_reason": finish, **more}])


USAGE = {"prompt_tokens": 3, "completion_tokens": 2}
DONE = b"data: [DONE]\n\n"


def read(raw: bytes, *, at: int = 7, params: Params | None = None) -> tuple[Answer, list[str]]:
    """The answer of a stream that comes in chunks of so many bytes, and its pieces."""
    pieces: list[str] = []
    stream = Stream(pieces.append)
    for start in range(0, len(raw), at):
        stream.feed(raw[start : start + at])
    return chat.read(stream.body(), model="lane", params=params or Params()), pieces


@pytest.mark.parametrize(
    "raw",
    [
        delta("he") + delta("llo", "stop") + event(choices=[], usage=USAGE) + DONE,
        delta("he") + delta("llo") + delta(None, "stop") + event(usage=USAGE),
        b": hello\r\nevent: x\r\n"
        + delta("hello", "stop", usage=None).replace(b"\n", b"\r\n")
        + event(usage=USAGE)
        + DONE,
        event(choices=[{"delta": {"role": "assistant"}}], usage=None, model="m")
        + delta("hello")
        + event(usage=USAGE)
        + DONE,
        delta("hello", "stop") + event(choices=None, usage=USAGE).rstrip(),
    ],
    ids=["openai", "no done", "comments", "null usage", "no last line"],
)
@given(at=st.integers(1, 200))
def test_pieces_are_the_whole(raw: bytes, at: int) -> None:
    """Cut anywhere, with the last chunk or without: text, end and usage are read."""
    answer, pieces = read(raw, at=at)
    assert (answer.text, answer.finish_reason, answer.model) == ("hello", "stop", "m")
    assert answer.usage == Usage(prompt_tokens=3, completion_tokens=2)
    assert "".join(pieces) == "hello"


def called(*parts: dict[str, Any], finish: str | None = None) -> bytes:
    """One piece of calls."""
    return event(model="m", choices=[{"delta": {"tool_calls": list(parts)}, "finish_reason": finish}])


def part(index: int | None, id_: str | None = None, **function: str) -> dict[str, Any]:
    """One part of a call."""
    known = {"index": index, "id": id_, "type": "function"}
    return {name: value for name, value in known.items() if value is not None} | {"function": function}


LOOK = Params.model_validate({"tools": [{"function": {"name": "look", "parameters": {}}}]})


@pytest.mark.parametrize(
    "raw",
    [
        called(part(0, "a", name="look", arguments=""))
        + called(part(0, arguments='{"at"'), part(1, "b", name="look"))
        + called(part(1, arguments='{"at": 2}'), part(0, arguments=": 1}"))
        + called(finish="tool_calls")
        + DONE,
        called(part(None, "a", name="look", arguments='{"at": '))
        + called(part(None, arguments="1}"))
        + called(part(None, "b", name="look", arguments='{"at": 2}'), finish="stop")
        + DONE,
    ],
    ids=["openai", "no index, and stop"],
)
@given(at=st.integers(1, 200))
def test_calls_are_put_together(raw: bytes, at: int) -> None:
    """Their arguments come in pieces, in any order of the calls, and nothing of them is shown as text."""
    answer, pieces = read(raw, at=at, params=LOOK)
    assert [(call.id, call.function.arguments) for call in answer.tool_calls] == [
        ("a", '{"at": 1}'), ("b", '{"at": 2}'),
    ]  # fmt: skip
    assert (answer.text, pieces, answer.finish_reason) == ("", [], "tool_calls")


@pytest.mark.parametrize(
    "parts", [[part(0, "a", name="spy", arguments="{}")], [part(0, "a", name="look", arguments='{"at"')]]
)
def test_a_call_of_nothing_that_was_offered_is_no_answer(parts: list[dict[str, Any]]) -> None:
    """No provider is trusted to have checked it."""
    answer, _ = read(called(*parts, finish="tool_calls") + DONE, params=LOOK)
    assert broken(answer, LOOK) is not None


@pytest.mark.parametrize("nonsense", [[None], ["x"], [{}], [{"index": "a", "function": {"name": 1}}], {}, "x"])
def test_nonsense_among_calls_is_our_error(nonsense: Any) -> None:
    """Whatever stands where calls should be."""
    with pytest.raises(RunError):
        read(event(choices=[{"delta": {"tool_calls": nonsense}, "finish_reason": "tool_calls"}]) + DONE, params=LOOK)


def test_a_stream_that_breaks_off_is_no_answer() -> None:
    """Half a text must never pass for the whole."""
    with pytest.raises(MalformedAnswer, match="did not come to an end"):
        read(delta("he"))


def test_an_error_within_is_told() -> None:
    """A gateway that fails after the first words."""
    with pytest.raises(ProviderFailed):
        read(delta("he") + event(error={"code": 502, "message": "a secret"}) + DONE)
    with pytest.raises(MalformedAnswer):
        read(delta("he") + b"data: {nonsense\n\n" + DONE)


def token(word: str, chance: float, **others: float) -> dict[str, Any]:
    """A token as servers tell it."""
    told = [{"token": name, "logprob": value} for name, value in ({word: chance} | others).items()]
    return {"token": word, "logprob": chance, "top_logprobs": told}


def test_log_probabilities_become_a_confidence() -> None:
    """Of a whole answer and of one in pieces."""
    sure = Confidence(mean_logprob=-0.75, lowest_logprob=-1.0, mean_margin=0.75)
    told = [token("a", -0.5, b=-2.0), token("c", -1.0, d=-1.0)]
    assert confidence({"content": told}) == sure
    raw = delta("a", logprobs={"content": told[:1]}) + delta("c", "stop", logprobs={"content": told[1:]})
    assert read(raw)[0].confidence == sure


@pytest.mark.parametrize(
    "said", [None, {}, [], {"content": None}, {"content": []}, {"content": [3]}, {"content": [{"logprob": "high"}]}]
)
def test_nonsense_is_no_confidence(said: Any) -> None:
    """Whatever a server says there."""
    assert confidence(said) is None


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ({"message": "Requested sample logprobs of 2, which is greater than max allowed: 0"}, "logprobs"),
        ({"message": "nope", "param": "top_logprobs"}, "top_logprobs"),
        ({"message": "stream_options can only be set if stream is true"}, "stream_options"),
        ({"message": "response_format: your schema is wrong"}, None),
        ({"message": "unknown parameter: response_format"}, "response_format"),
    ],
)
def test_what_we_added_is_left_out_whatever_a_server_has_against_it(error: dict[str, Any], named: str | None) -> None:
    """What the job asked for is only left out where the server does not know it."""
    assert quirk(Rejection(status=400, error=error)) == named
    assert quirk(Rejection(status=500, error=error)) is None
