"""The Anthropic backend over real HTTP: what it sends and with which key, what it makes of answers good and bad.

Most tests run against the stand-in, which is as strict as Anthropic; what that would never say comes from a server that
says anything.
"""

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from anthropic_asked import CANARY, FORM, KEY, TOOLS, a_run, ask, error, lane, message, surround
from loopback import FAULTS, say, saying, shown_of_refusals

from tidegate import errors
from tidegate.errors import RunError
from tidegate.images import ImagePart, ImageUrl
from tidegate.job import FunctionCall, Message, TextPart, ToolCall
from tidegate.result import Usage
from tidegate.settings import Settings
from workers.backend import Heard, open_backend
from workers.standin.faults import Fault, When
from workers.standin.server import Running

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of ours, and nothing of the shell's."""
    surround(monkeypatch)


# What is sent


def test_a_run_is_answered(standin: Running) -> None:
    """Text, end, usage and the model's own name come back, and what the headers say of limits is told."""
    heard: list[Heard] = []
    answer = ask(standin.url, a_run(tell=heard.append))
    assert answer.text == "[stand-in] I received 2 words and would have summed them up here."
    assert answer.finish_reason == "stop"
    assert answer.usage == Usage(prompt_tokens=4, completion_tokens=17)
    assert answer.model == "stand-in:claude-haiku-4-5"
    told = next(one for one in heard if one.requests.limit)
    assert (told.requests.limit, told.tokens.left) == (4000, 399_999)
    assert any(one.first_byte_s is not None for one in heard)


def test_what_arrives_is_anthropics(standin: Running) -> None:
    """Path, version, key and idempotency key; the key is nowhere else."""
    ask(standin.url)
    (received,) = standin.standin.received
    assert received.path == "/v1/messages"
    assert received.headers["anthropic-version"] == "2023-06-01"
    assert received.headers["idempotency-key"] == "job-1"
    assert json.loads(received.body) == {
        "model": "claude-haiku-4-5",
        "max_tokens": 256,
        "messages": [{"role": "user", "content": [{"type": "text", "text": f"say {CANARY}"}]}],
        "temperature": 0.0,
    }
    assert KEY not in repr(received)


def test_a_conversation_with_tools_goes_along(standin: Running) -> None:
    """Calls and their results, and the model's next call comes back."""
    calling = ToolCall(id="call.1", function=FunctionCall(name="look", arguments='{"n": 1}'))
    turns = (
        Message(role="system", content="be brief"),
        Message(role="user", content="look"),
        Message(role="assistant", tool_calls=(calling,)),
        Message(role="tool", tool_call_id="call.1", content="found"),
    )
    answer = ask(standin.url, a_run(*turns, tools=TOOLS, tool_choice="required"))
    assert [call.function.name for call in answer.tool_calls] == ["look"]
    assert json.loads(standin.standin.received[0].body)["messages"][-1]["content"][0]["tool_use_id"] == "call_1"


def test_an_image_goes_along(standin: Running) -> None:
    """With its bytes, beside the text."""
    pixel = ImagePart(image_url=ImageUrl(url="data:image/png;base64,iVBORw0KGgo="))
    turn = Message(role="user", content=(TextPart(text="what is this"), pixel))
    assert ask(standin.url, a_run(turn)).text
    source = json.loads(standin.standin.received[0].body)["messages"][0]["content"][1]["source"]
    assert source == {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}


def test_a_stream_is_the_same_answer(standin: Running) -> None:
    """Piece by piece, with the same count of tokens."""
    pieces: list[str] = []
    whole, streamed = ask(standin.url), ask(standin.url, on_text=pieces.append)
    assert whole == streamed
    assert "".join(pieces) == whole.text
    assert len(pieces) > 3


# What a model will not have


def refusing(field: str, text: str) -> tuple[list[dict[str, Any]], Callable[[BaseHTTPRequestHandler], None]]:
    """What a server is asked that will not have one field."""
    asked: list[dict[str, Any]] = []

    def reply(it: BaseHTTPRequestHandler) -> None:
        asked.append({**json.loads(it.asked), "version": it.headers["anthropic-version"]})  # type: ignore[attr-defined]
        if field in asked[-1]:
            say(it, 400, error("invalid_request_error", text))
        elif any(tool["name"] == "answer" for tool in asked[-1].get("tools", ())):
            block = {"type": "tool_use", "id": "t", "name": "answer", "input": {"n": 1}}
            say(it, 200, message(content=[block], stop_reason="tool_use"))
        else:
            say(it, 200, message())

    return asked, reply


def test_a_model_without_temperature_is_asked_without_from_then_on() -> None:
    """Once refused, never sent again; then the API's newer version serves."""
    asked, reply = refusing("temperature", "`temperature` is deprecated for this model.")
    with saying(reply) as url:
        ask(url, a_run(), a_run(temperature=0.5, top_k=4))
    assert [("temperature" in one, "top_k" in one) for one in asked] == [(True, False), (False, False), (False, False)]
    assert asked[0]["version"] == "2023-06-01"
    assert asked[1]["version"] == asked[2]["version"] > "2023-06-01"


def test_a_model_without_structured_outputs_answers_by_a_tool() -> None:
    """And is asked so at once the next time."""
    asked, reply = refusing("output_config", "output_config.format: Extra inputs are not permitted")
    with saying(reply) as url:
        assert ask(url, *[a_run(response_format=FORM)] * 2).text == '{"n": 1}'
    assert ["output_config" in one for one in asked] == [True, False, False]


def test_a_schema_that_is_not_taken_goes_by_a_tool_this_once() -> None:
    """It says nothing of the next job's schema."""
    asked, reply = refusing("output_config", "output_config.format.schema: Schema is too complex")
    with saying(reply) as url:
        ask(url, *[a_run(response_format=FORM)] * 2)
    assert ["output_config" in one for one in asked] == [True, False, True, False]


def test_what_is_refused_here_after_a_refusal_there_quotes_neither() -> None:
    """A list cannot be the input of a tool: our own word on it, and nothing of the provider's behind it."""
    reply = lambda it: say(it, 400, error("invalid_request_error", f"output_config: unsupported {CANARY}"))  # noqa: E731
    form = {"type": "json_schema", "json_schema": {"schema": {"type": "array", "items": {"type": "string"}}}}
    with saying(reply) as url, pytest.raises(errors.BadRequest, match="response_format") as caught:
        ask(url, a_run(response_format=form))
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_a_refusal_without_a_remedy_is_told_once() -> None:
    """What cannot be mended is not sent again."""
    asked: list[bytes] = []

    def reply(it: BaseHTTPRequestHandler) -> None:
        asked.append(it.asked)  # type: ignore[attr-defined]
        say(it, 400, error("invalid_request_error", "temperature: thinking may not be enabled when tool_choice"))

    with saying(reply) as url, pytest.raises(errors.BadRequest):
        ask(url)
    assert len(asked) == 1


# What comes back


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_each_fault_has_its_error(standin: Running, fault: Any, kind: type[RunError], streams: bool) -> None:  # noqa: FBT001
    """Whole or in mid-stream; the next call is answered."""
    standin.standin.book.replace((Fault(fault=fault),))
    run, on_text = a_run(), (lambda _piece: None) if streams else None
    expected = errors.Overloaded if fault == "error_in_200" and streams else kind
    with pytest.raises(expected) as caught:
        ask(standin.url, run, on_text=on_text)
    assert type(caught.value) is expected
    assert ask(standin.url, run, on_text=on_text).text


def test_a_provider_says_when_to_come_again(standin: Running) -> None:
    """With the rejection, and to whoever keeps the limits."""
    heard: list[Heard] = []
    standin.standin.book.replace((Fault(fault="rate_limited", retry_after_s=7),))
    with pytest.raises(errors.RateLimited) as caught:
        ask(standin.url, a_run(tell=heard.append))
    assert caught.value.retry_after_s == 7
    assert heard[-1].retry_after_s == 7


def test_no_text_of_a_provider_gets_out(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that quotes the job is not quoted: not in the error, its chain or a log, whatever is to be logged."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("anthropic").setLevel(logging.DEBUG)  # as its variable ANTHROPIC_LOG does
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content")
    said = {**error(CANARY, f"bad: {CANARY}"), "request_id": CANARY}
    said["error"]["details"] = {"error_code": CANARY}
    told = shown_of_refusals(ask, said) + caplog.text
    assert CANARY not in told
    assert KEY not in told


def test_a_redirect_is_not_followed(standin: Running) -> None:
    """A server must not be able to send a payload on to another one."""
    target = f"{standin.url}/v1/messages"
    with saying(lambda it: say(it, 307, {}, location=target)) as url, pytest.raises(errors.ProviderFailed):
        ask(url)
    assert standin.standin.calls == 0


def test_nothing_is_tried_twice_by_the_sdk() -> None:
    """Each attempt is ours, on record; whatever the server would like."""
    asked: list[bytes] = []

    def reply(it: BaseHTTPRequestHandler) -> None:
        asked.append(it.asked)  # type: ignore[attr-defined]
        say(it, 500, error("api_error"), x_should_retry="true")

    with saying(reply) as url, pytest.raises(errors.ProviderFailed):
        ask(url)
    assert len(asked) == 1


@pytest.mark.parametrize("answers", [True, False], ids=["headers first", "silent"])
def test_a_slow_server_is_given_up_in_time(answers: bool) -> None:  # noqa: FBT001
    """Whether it says nothing or drips: the limit is the run's, on the whole."""
    done = threading.Event()

    def drip(it: BaseHTTPRequestHandler) -> None:
        if answers:
            it.send_response(200)
            it.send_header("content-type", "text/event-stream")
            it.end_headers()
        while not done.wait(0.05):
            try:
                it.wfile.write(b": still here\n\n" if answers else b"")
            except OSError:
                return

    before = time.monotonic()
    with saying(drip) as url:
        with pytest.raises(errors.RunTimedOut):
            ask(url, a_run(timeout_s=0.4), on_text=lambda _piece: None)
        done.set()
    assert time.monotonic() - before < 25


def test_a_huge_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never stops talking fills no memory."""
    monkeypatch.setattr("workers.managed.exchange.MAX_ANSWER_BYTES", 1000)
    huge = message(content=[{"type": "text", "text": "x" * 2000}])
    with saying(lambda it: say(it, 200, huge)) as url, pytest.raises(errors.MalformedAnswer):
        ask(url)


def test_a_stop_in_mid_stream_hangs_up(standin: Running) -> None:
    """Who hears the first piece and goes away waits for no more."""
    stop = threading.Event()
    backend = open_backend(lane(base_url=standin.url), Settings())
    try:
        with pytest.raises(errors.RunTimedOut):
            backend.answer(a_run(), stop=stop, on_text=lambda _piece: stop.set())
    finally:
        backend.close()


def test_a_server_that_says_it_all_at_once_is_heard(standin: Running) -> None:
    """Asked for a stream, it answers in one body: that is told in one piece."""
    pieces: list[str] = []
    with saying(lambda it: say(it, 200, message())) as url:
        assert ask(url, on_text=pieces.append).text == "fine"
    assert pieces == ["fine"]


# What the stand-in refuses, as Anthropic would


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"seed": 1}, "seed: Extra inputs"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "first message"),
        ({"messages": [{"role": "user", "content": "a"}] * 2}, "alternate"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "content"),
        ({"stop_sequences": ["\n"]}, "non-whitespace"),
        ({"tool_choice": {"type": "any"}}, "providing tools"),
        ({"temperature": 0.5}, "temperature: Extra inputs"),
    ],
)
def test_the_standin_is_as_strict(standin: Running, changed: dict[str, Any], told: str) -> None:
    """A wrong request fails in tests, with the field, in Anthropic's words."""
    import anthropic  # noqa: PLC0415 - only this test calls it bare

    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}], **changed}
    body = {name: value for name, value in body.items() if value is not None}
    with (
        anthropic.Anthropic(base_url=standin.url, api_key="any", max_retries=0) as client,
        pytest.raises(anthropic.BadRequestError, match=told),
    ):
        client.post("/v1/messages", body=body, cast_to=object)


def test_a_fault_befalls_one_step_of_the_api(standin: Running) -> None:
    """`call` is a request for an answer."""
    standin.standin.book.replace((Fault(fault="overloaded", when=When(step="call")),))
    with pytest.raises(errors.Overloaded):
        ask(standin.url)
