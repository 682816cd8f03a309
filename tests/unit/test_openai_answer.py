"""OpenAI's answers: what of them is read, what is none, and that the promised form is kept."""

import contextlib
import json
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_asked import PROMISED, completion, lane

from tidegate import errors
from tidegate.errors import RunError
from tidegate.job import JsonSchema, Params, ResponseFormat
from tidegate.result import Answer, Usage
from workers.backend import Run
from workers.managed import chat
from workers.managed.repairing import without_asking


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"null",
        b"[]",
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [{}]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"content": 7}, "finish_reason": "stop"}]},
        {"error": "text only"},
        completion(content=None),
        completion(content=None, finish_reason="tool_calls"),
        completion(finish_reason="error"),
        completion(finish_reason=3),
        completion(model=7),
        b"\xff\xfe\x00",
        b'{"choices": [{"message": {"content": "\\ud800"}, "finish_reason": "stop"}]}',
        b"[" * 100_000,
    ],
)
def test_an_answer_without_sense_is_malformed(said: Any) -> None:
    """The SDK would take `{}` for an answer; we do not."""
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    with pytest.raises(errors.MalformedAnswer):
        chat.read(content, model="m", params=Params())


@pytest.mark.parametrize("usage", [None, {}, "many", {"prompt_tokens": -1}, {"prompt_tokens": "3"}, 7])
def test_an_answer_without_a_count_is_still_an_answer(usage: Any) -> None:
    """Some servers count nothing; the answer is worth having, its price is unknown."""
    answer = chat.read(json.dumps(completion(usage=usage)).encode(), model="m", params=Params())
    assert (answer.text, answer.usage) == ("fine", Usage())


def test_what_servers_leave_out_is_filled_in() -> None:
    """No model, no finish reason, and a limit that was spent on thinking."""
    answer = chat.read(json.dumps(completion(model=None, finish_reason=None)).encode(), model="m", params=Params())
    assert (answer.model, answer.finish_reason) == ("m", "stop")
    silent = chat.read(
        json.dumps(completion(content=None, finish_reason="length")).encode(), model="m", params=Params()
    )
    assert (silent.text, silent.finish_reason) == ("", "length")
    tgi = chat.read(json.dumps(completion(finish_reason="eos_token")).encode(), model="m", params=Params())
    assert tgi.finish_reason == "stop"


def test_a_filtered_answer_is_refused() -> None:
    """By the finish reason or by a refusal."""
    for said in (completion(finish_reason="content_filter"), completion(content=None, refusal="no")):
        with pytest.raises(errors.ContentRefused):
            chat.read(json.dumps(said).encode(), model="m", params=Params())


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda it: json.dumps(it).encode()))
def test_any_body_ends_in_an_answer_or_in_our_error(content: bytes) -> None:
    """Nothing else leaves the reader."""
    with contextlib.suppress(RunError):
        assert isinstance(chat.read(content, model="m", params=Params()), Answer)


def kept(text: str, promised: ResponseFormat) -> Answer:
    """An answer of this text, held to its promise."""
    params = Params(response_format=promised)
    run = Run(job_id="j", attempt=1, messages=(), params=params, timeout_s=1.0)
    read = chat.read(json.dumps(completion(content=text)).encode(), model="m", params=params)
    return without_asking(read, run, lane())


@pytest.mark.parametrize(
    ("text", "promised", "kind"),
    [
        ('{"n": 1}', PROMISED, None),
        ('{"n": "1"}', PROMISED, errors.SchemaInvalid),
        ('{"n": 1, "m": 2}', PROMISED, errors.SchemaInvalid),
        ('{"n": 1', PROMISED, errors.SchemaInvalid),
        ("", PROMISED, errors.MalformedAnswer),
        ("[" * 100_000, PROMISED, errors.SchemaInvalid),
        ('{"any": 1}', ResponseFormat(type="json_object"), None),
        ("[1]", ResponseFormat(type="json_object"), errors.SchemaInvalid),
        ("no JSON", ResponseFormat(type="text"), None),
        ("1", ResponseFormat(type="json_schema", json_schema=JsonSchema(schema={"type": "oops"})), errors.BadRequest),
    ],
)
def test_the_promised_form_is_kept(text: str, promised: ResponseFormat, kind: type[RunError] | None) -> None:
    """An answer of another form is no answer, and a schema that cannot be applied is the job's mistake."""
    if kind is None:
        assert kept(text, promised).text == text
        return
    with pytest.raises(kind):
        kept(text, promised)


def test_a_schema_cannot_send_us_anywhere() -> None:
    """A reference to another machine is refused, not fetched."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        away = {"$ref": f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"}
        promised = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=away))
        with pytest.raises(errors.BadRequest):
            kept("1", promised)
        with pytest.raises(BlockingIOError):
            listener.accept()
