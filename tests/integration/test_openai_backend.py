"""The OpenAI backend: what it sends, what it makes of answers good and bad, and how it stops.

Most tests run against the stand-in; what a stand-in of OpenAI would never say comes from a server that says anything.
"""

import contextlib
import json
import logging
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from holding import held
from hypothesis import given
from hypothesis import strategies as st
from loopback import FAULTS, say, saying

from tidegate import errors
from tidegate.errors import InvalidSettings, RunError
from tidegate.job import FunctionCall, JsonSchema, Message, Params, ResponseFormat, TextPart, ToolCall
from tidegate.lane import Lane, Zone
from tidegate.result import Answer, Usage
from tidegate.settings import Settings
from workers.backend import Run, open_backend
from workers.managed import chat
from workers.managed.headers import RETRY_AFTER_CAP_S, retry_after_s
from workers.managed.openai import open_provider
from workers.managed.repairing import without_asking
from workers.managed.request import body, quirk, sdk
from workers.managed.translation import Rejection, rejected
from workers.standin.faults import Fault
from workers.standin.server import Running, running

KEY = "sk-very-secret-key"
CANARY = "canary-7f3a"
"""Text of a job: it may reach the provider, and nothing else."""
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]
TOOLS_CHOICE = {"type": "function", "function": {"name": "look"}}
PROMISED = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=SCHEMA))

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, and nothing else that the SDK would pick up."""
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "PROVIDER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def standin() -> Iterator[Running]:
    """A stand-in that keeps what it receives."""
    with running(record=True) as up:
        yield up


def lane(**changed: Any) -> Lane:
    """A lane outside, but for what is changed."""
    given = {"name": "far", "zone": Zone.OUTSIDE, "backend": "openai", "model": "gpt-4o-mini", "context_tokens": 8192}
    return Lane.model_validate({**given, **changed})


def a_run(*messages: Message, timeout_s: float = 10.0, **params: Any) -> Run:
    """One run with a canary in it."""
    turns = messages or (Message(role="user", content=f"say {CANARY}"),)
    return Run(job_id="job-1", attempt=1, messages=turns, params=Params.model_validate(params), timeout_s=timeout_s)


def ask(url: str, run: Run | None = None, *, stop: threading.Event | None = None, **changed: Any) -> Answer:
    """One answer of a server."""
    backend = open_backend(lane(base_url=url, **changed), Settings())
    try:
        return backend.answer(run or a_run(), stop=stop or threading.Event())
    finally:
        backend.close()


def completion(**changed: Any) -> dict[str, Any]:
    """A sound answer, but for what is changed in its message or choice."""
    message = {"role": "assistant", "content": changed.pop("content", "fine"), "refusal": changed.pop("refusal", None)}
    choice = {"index": 0, "message": message, "finish_reason": changed.pop("finish_reason", "stop")}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    return {"id": "x", "model": "served", "choices": [choice], "usage": usage, **changed}


# What is sent


def test_a_run_is_answered(standin: Running) -> None:
    """Text, end, usage and the model's own name come back."""
    answer = ask(standin.url)
    assert answer.text == "[stand-in] I received 2 words and would have summed them up here."
    assert answer.finish_reason == "stop"
    assert answer.usage == Usage(prompt_tokens=4, completion_tokens=17)
    assert answer.model == "stand-in:gpt-4o-mini"


def test_everything_that_was_asked_is_sent(standin: Running) -> None:
    """Messages go as they are, tool calls and parts included; parameters under OpenAI's names."""
    calling = ToolCall(id="c1", function=FunctionCall(name="look", arguments="{}"))
    turns = (
        Message(role="system", content=(TextPart(text="be brief"),)),
        Message(role="user", content="look"),
        Message(role="assistant", tool_calls=(calling,)),
        Message(role="tool", tool_call_id="c1", content="found"),
    )
    chance = {"top_p": 0.5, "frequency_penalty": 0.5, "presence_penalty": -0.5, "logit_bias": {"12": -1.0}}
    beyond = {"top_k": 3, "min_p": 0.25, "repeat_penalty": 1.5}
    told = {"logprobs": True, "top_logprobs": 5}
    asked = {"max_tokens": 99, "temperature": 0.5, "stop": ("END",), "seed": 7, "response_format": PROMISED}
    offered = {"tools": TOOLS, "tool_choice": TOOLS_CHOICE, "parallel_tool_calls": False}
    run = a_run(*turns, **asked, **chance, **beyond, **told, **offered)
    ask(standin.url, run)
    (received,) = standin.standin.received
    assert json.loads(received.body) == {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "be brief"}]},
            {"role": "user", "content": "look"},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "found"},
        ],
        "max_tokens": 99,
        "temperature": 0.5,
        "stop": ["END"],
        "seed": 7,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
        **chance,
        **beyond,
        "repetition_penalty": 1.5,  # the same, as vLLM and TGI call it
        **told,
        **offered,
    }
    assert received.headers["idempotency-key"] == "job-1"
    assert received.path == "/v1/chat/completions"


def test_openai_itself_is_not_sent_what_it_does_not_know() -> None:
    """What only colours chance is left out there; elsewhere it goes, where the SDK keeps room for it."""
    run = a_run(top_k=3, min_p=0.5, repeat_penalty=1.5, top_p=0.5)
    fields = body(run, model="m", limit_field="max_tokens", beyond=False)
    assert fields["top_p"] == 0.5
    assert not fields.keys() & {"top_k", "min_p", "repeat_penalty", "repetition_penalty"}
    elsewhere = sdk(body(run, model="m", limit_field="max_tokens"))
    assert elsewhere["extra_body"] == {"top_k": 3, "min_p": 0.5, "repeat_penalty": 1.5, "repetition_penalty": 1.5}
    assert "top_k" not in elsewhere


def test_log_probabilities_that_a_job_asked_for_are_not_given_up(standin: Running) -> None:
    """A lane inside that learnt to ask for none still asks for a job's own, and a refusal then is the answer."""
    fault = Fault(fault="unsupported_parameter", param="logprobs", times="forever")
    standin.standin.book.replace((fault,))
    backend = open_backend(lane(base_url=standin.url, zone=Zone.INSIDE), Settings())
    try:
        assert backend.answer(a_run(), stop=threading.Event()).confidence is None
        with pytest.raises(errors.BadRequest):
            backend.answer(a_run(logprobs=True), stop=threading.Event())
        standin.standin.book.replace(())
        assert backend.answer(a_run(logprobs=True), stop=threading.Event()).logprobs
    finally:
        backend.close()


def test_openai_itself_gets_its_new_name_of_the_limit() -> None:
    """OpenAI's newer models know max_completion_tokens only; other servers know max_tokens."""
    for url, field in ((None, "max_completion_tokens"), ("https://llm.example.com/v1", "max_tokens")):
        own = lane(base_url=url)
        provider: Any = open_provider(own, own.every_deployment[0], Settings())
        assert provider._dialect.limit_field == field


@pytest.mark.parametrize("param", ["max_tokens", "temperature", "seed", "response_format"])
def test_a_field_that_the_server_will_not_have_is_left_out(standin: Running, param: str) -> None:
    """One 400 that names it is enough, and the lane remembers."""
    standin.standin.book.replace((Fault(fault="unsupported_parameter", param=param, times="forever"),))
    backend = open_backend(lane(base_url=standin.url, repair=False), Settings())
    try:
        for _ in range(2):
            run = a_run(seed=1, response_format=ResponseFormat(type="json_object"))
            if param == "response_format":  # the answer is held to the promise even where it could not be asked for
                with pytest.raises(errors.SchemaInvalid):
                    backend.answer(run, stop=threading.Event())
            else:
                backend.answer(run, stop=threading.Event())
    finally:
        backend.close()
    assert [param in json.loads(received.body) for received in standin.standin.received] == [True, False, False]


def test_a_limit_is_renamed_and_not_dropped() -> None:
    """A request without a limit could cost anything."""
    fields = body(a_run(max_tokens=5), model="m", limit_field="max_tokens", quirks=frozenset({"max_tokens"}))
    assert fields["max_completion_tokens"] == 5
    assert "max_tokens" not in fields


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ({"code": "unsupported_parameter", "param": "max_tokens"}, "max_tokens"),
        ({"code": "unsupported_value", "param": "temperature"}, "temperature"),
        ({"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}, "max_tokens"),
        ({"code": "invalid_value", "param": "max_tokens", "message": "max_tokens is too large"}, None),
        ({"code": "unsupported_parameter", "param": "messages"}, None),
        ({"code": 7, "param": ["seed"], "message": None}, None),
        ({}, None),
    ],
)
def test_only_an_unknown_field_is_left_out(error: dict[str, Any], named: str | None) -> None:
    """A value that the server dislikes is the job's business, not a quirk of the server."""
    assert quirk(Rejection(status=400, error=error)) == named
    assert quirk(Rejection(status=500, error=error)) is None


# Errors of the provider


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
def test_each_fault_becomes_our_error(standin: Running, fault: str, kind: type[RunError]) -> None:
    """Once, without the vendor's words and without a second call behind the failure table's back."""
    standin.standin.book.replace((Fault.model_validate({"fault": fault, "times": "forever"}),))
    with pytest.raises(kind) as caught:
        ask(standin.url)
    assert type(caught.value) is kind
    assert "[stand-in]" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert standin.standin.calls == 1


def test_a_rate_limit_says_when_to_come_back(standin: Running) -> None:
    """The failure table gets the provider's time."""
    standin.standin.book.replace((Fault(fault="rate_limited", retry_after_s=7),))
    with pytest.raises(errors.RateLimited) as caught:
        ask(standin.url)
    assert caught.value.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (302, {}, errors.ProviderFailed),
        (400, {}, errors.BadRequest),
        (400, {"type": "exceed_context_size_error", "code": 400}, errors.ContextOverflow),
        (400, {"message": "This model's maximum context length is 10 tokens"}, errors.ContextOverflow),
        (400, {"code": "content_policy_violation"}, errors.ContentRefused),
        (402, {}, errors.QuotaExhausted),
        (403, {}, errors.AuthFailed),
        (404, {"code": "model_not_found"}, errors.ModelMissing),
        (404, {}, errors.ModelMissing),
        (408, {}, errors.RunTimedOut),
        (409, {}, errors.ProviderFailed),
        (413, {}, errors.ContextOverflow),
        (422, {}, errors.BadRequest),
        (429, {"code": "insufficient_quota"}, errors.QuotaExhausted),
        (429, {"code": ["odd"], "type": 3, "message": {}}, errors.RateLimited),
        (502, {}, errors.ProviderFailed),
        (504, {}, errors.ProviderFailed),
        (520, {}, errors.ProviderFailed),
        (529, {}, errors.Overloaded),
        (999, {}, errors.ProviderFailed),
    ],
)
def test_a_status_becomes_our_error(status: int, error: dict[str, Any], kind: type[RunError]) -> None:
    """The code first, then the words, then the status."""
    assert type(rejected(Rejection(status=status, error=error))) is kind


def test_nothing_of_a_vendors_text_gets_through(caplog: pytest.LogCaptureFixture) -> None:
    """A provider that quotes the job, in text or in code, is not quoted: not in the error, its chain or a log."""
    caplog.set_level(logging.DEBUG)
    said = {"error": {"message": f"bad: {CANARY}", "code": f"code_{CANARY}", "type": CANARY, "param": CANARY}}
    for status in (400, 403, 429, 500):
        with saying(lambda it, status=status: say(it, status, said)) as url, pytest.raises(RunError) as caught:  # type: ignore[misc]
            ask(url)
        shown = "".join(traceback.format_exception(caught.value))
        assert CANARY not in shown
        assert KEY not in shown
        assert str(status) in str(caught.value)
    assert CANARY not in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e9"}, RETRY_AFTER_CAP_S),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:09 GMT", "date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 9.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_retry_after_is_read_and_bounded(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds, seconds or a date by the provider's own clock; what makes no sense is nothing."""
    assert retry_after_s(headers) == seconds


def test_a_date_without_the_providers_clock_is_read_by_ours() -> None:
    """Better than nothing."""
    soon = retry_after_s({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=30))})
    assert soon is not None
    assert 25 <= soon <= 30


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text(max_size=40)))
def test_any_retry_after_is_bounded(headers: dict[str, str]) -> None:
    """No header raises, and none parks a job for ever."""
    seconds = retry_after_s(headers)
    assert seconds is None or 0 <= seconds <= RETRY_AFTER_CAP_S


# Answers


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


def test_a_broken_answer_is_mended_by_a_second_call(standin: Running) -> None:
    """Asked under another name, with what was wrong; the usage is that of both."""
    standin.standin.book.replace((Fault(fault="says", text='{"n": "1"}'),))
    backend = open_backend(lane(base_url=standin.url), Settings())
    try:
        found = backend.answer(a_run(response_format=PROMISED), stop=threading.Event())
    finally:
        backend.close()
    assert isinstance(json.loads(found.text)["n"], int)
    assert found.repaired == "asked_again"
    first, second = (json.loads(received.body)["messages"] for received in standin.standin.received)
    assert second[: len(first)] == first
    assert [turn["role"] for turn in second[len(first) :]] == ["assistant", "user"]
    assert sorted(standin.standin.idempotency_keys) == ["job-1", "job-1-repair"]
    spent = standin.standin.by_model["gpt-4o-mini"]
    assert found.usage.prompt_tokens == spent["prompt_tokens"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x" * 5000, errors.MalformedAnswer),
        (" \n ", errors.MalformedAnswer),
        ("Output blocked by content filtering policy", errors.ContentRefused),
    ],
    ids=["huge", "blank", "a notice"],
)
def test_what_is_no_answer_does_not_pass_for_one(standin: Running, text: str, kind: type[RunError]) -> None:
    """Whatever its status says."""
    standin.standin.book.replace((Fault(fault="says", text=text),))
    backend = open_backend(lane(base_url=standin.url, max_answer_chars=1000), Settings())
    try:
        with pytest.raises(kind):
            backend.answer(a_run(max_tokens=4000), stop=threading.Event())
    finally:
        backend.close()


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


def test_a_huge_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never stops talking fills no memory."""
    monkeypatch.setattr("workers.managed.exchange.MAX_ANSWER_BYTES", 1000)
    with saying(lambda it: say(it, 200, completion(content="x" * 2000))) as url, pytest.raises(errors.MalformedAnswer):
        ask(url)


# Time


def test_a_slow_server_is_given_up_in_time(standin: Running) -> None:
    """The limit is the run's, not the SDK's ten minutes."""
    standin.standin.book.replace((Fault(fault="slow", delay_s=30),))
    before = time.monotonic()
    with pytest.raises(errors.RunTimedOut):
        ask(standin.url, a_run(timeout_s=0.3))
    assert time.monotonic() - before < 25


def test_a_drip_does_not_outwit_the_limit() -> None:
    """A byte now and then satisfies a limit on each read, but not one on the whole."""
    done = threading.Event()

    def drip(it: BaseHTTPRequestHandler) -> None:
        it.send_response(200)
        it.send_header("content-length", "1000")
        it.end_headers()
        while not done.wait(0.05):
            try:
                it.wfile.write(b" ")
            except OSError:
                return

    before = time.monotonic()
    with saying(drip) as url:
        with pytest.raises(errors.RunTimedOut):
            ask(url, a_run(timeout_s=0.4))
        done.set()
    assert time.monotonic() - before < 25


def test_a_stop_hangs_up_at_once(standin: Running) -> None:
    """The caller returns soon, and the provider sees that nobody is there any more."""
    standin.standin.book.replace((Fault(fault="slow", delay_s=30),))
    stop = threading.Event()
    stopper = threading.Thread(target=lambda: came_true(lambda: bool(standin.standin.received)) and stop.set())
    stopper.start()
    before = time.monotonic()
    with pytest.raises(errors.RunTimedOut, match="cancelled"):
        ask(standin.url, stop=stop)
    assert time.monotonic() - before < 25
    stopper.join()
    assert came_true(lambda: standin.standin.hung_up == 1)


def came_true(holds: Callable[[], bool], *, within_s: float = 20) -> bool:
    """Whether something became true in good time."""
    until = time.monotonic() + within_s
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()


def test_a_stop_that_came_before_sends_nothing(standin: Running) -> None:
    """What nobody wants any more does not leave."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(errors.RunTimedOut, match="cancelled"):
        ask(standin.url, stop=stop)
    assert standin.standin.received == []


def test_closing_ends_what_is_in_flight(standin: Running) -> None:
    """A worker that goes down waits for no provider; later calls are told so."""
    standin.standin.book.replace((Fault(fault="slow", delay_s=30),))
    backend = open_backend(lane(base_url=standin.url), Settings())
    ended: list[BaseException] = []

    def call() -> None:
        try:
            backend.answer(a_run(), stop=threading.Event())
        except RunError as error:
            ended.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while standin.standin.calls == 0:
        time.sleep(0.01)
    backend.close()
    backend.close()
    thread.join(25)
    assert [type(error) for error in ended] == [errors.RunTimedOut]
    with pytest.raises(errors.RunTimedOut, match="closed"):
        backend.answer(a_run(), stop=threading.Event())


def test_many_threads_share_one_backend(standin: Running) -> None:
    """Calls run beside each other: twenty are with the provider before one of them is answered."""
    standin.standin.book.replace((Fault(fault="slow", delay_s=60, times="forever"),))
    go = held(standin.standin)
    backend = open_backend(lane(base_url=standin.url, concurrency=20), Settings())
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(backend.answer(a_run(timeout_s=60), stop=threading.Event())))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    assert came_true(lambda: standin.standin.calls == 20)
    assert answers == []
    go.set()
    for thread in threads:
        thread.join()
    backend.close()
    assert len(answers) == 20


def test_a_process_that_closes_nothing_still_ends(standin: Running) -> None:
    """A worker that crashes must not hang in its own end."""
    script = (
        "import sys, threading\n"
        "from tidegate.job import Message, Params\n"
        "from tidegate.lane import Lane\n"
        "from tidegate.settings import Settings\n"
        "from workers.backend import Run, open_backend\n"
        f"backend = open_backend(Lane.model_validate_json({lane(base_url=standin.url).to_json()!r}), Settings())\n"
        "turns = (Message(role='user', content='hi'),)\n"
        "run = Run(job_id='j', attempt=1, messages=turns, params=Params(), timeout_s=60)\n"
        "backend.answer(run, stop=threading.Event())\n"
        "sys.exit(3)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=90, check=False)
    assert ended.returncode == 3


# Where it calls, and with which key


def test_nobody_there_is_a_network_failure() -> None:
    """A refused connection can pass."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.NetworkFailed):
        ask(f"http://127.0.0.1:{port}/v1")


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_the_url_may_be_written_as_people_do(standin: Running, ending: str) -> None:
    """With and without `/v1`, with and without a slash."""
    ask(standin.url + ending)
    assert standin.standin.received[0].path == "/v1/chat/completions"


def test_the_settings_say_where_a_lane_calls_that_does_not(standin: Running) -> None:
    """One setting points every managed lane at a gateway or a stand-in."""
    backend = open_backend(lane(), Settings(openai_base_url=standin.url))
    try:
        assert backend.answer(a_run(), stop=threading.Event()).model == "stand-in:gpt-4o-mini"
    finally:
        backend.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"zone": Zone.INSIDE},
        {"zone": Zone.INSIDE, "base_url": "https://api.openai.com/v1", "public_host_is_ours": True},
        {"base_url": "ftp://127.0.0.1/v1"},
        {"base_url": "127.0.0.1:8080"},
    ],
)
def test_a_lane_that_could_call_the_wrong_place_is_refused(changed: dict[str, Any]) -> None:
    """A lane inside names its own server itself: no setting and no default may choose for it."""
    with pytest.raises(InvalidSettings, match="far"):
        open_backend(lane(**changed), Settings(openai_base_url="https://llm.example.com/v1"))


def test_no_key_says_what_to_do(standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named; nothing was sent."""
    with pytest.raises(errors.AuthFailed, match="environment variable PROVIDER_KEY"):
        ask(standin.url, key_env="PROVIDER_KEY")
    monkeypatch.setenv("PROVIDER_KEY", " ")
    with pytest.raises(errors.AuthFailed):
        ask(standin.url, key_env="PROVIDER_KEY")
    monkeypatch.setenv("PROVIDER_KEY", "broken\nkey")
    with pytest.raises(errors.AuthFailed) as caught:
        ask(standin.url, key_env="PROVIDER_KEY")
    assert "broken" not in str(caught.value)
    assert standin.standin.calls == 0


def test_keys_go_only_where_they_belong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane's own key; OpenAI's by default; and an own server without a key learns no provider's."""
    monkeypatch.setenv("PROVIDER_KEY", "lane-key")
    seen: list[str] = []

    def reply(it: BaseHTTPRequestHandler) -> None:
        seen.append(it.headers["authorization"])
        say(it, 200, completion())

    with saying(reply) as url:
        ask(url)
        ask(url, key_env="PROVIDER_KEY")
        ask(url, zone=Zone.INSIDE)
        ask(url, zone=Zone.INSIDE, key_env="PROVIDER_KEY")
    assert seen == [f"Bearer {KEY}", "Bearer lane-key", "Bearer none", "Bearer lane-key"]


def test_a_new_key_is_used_without_a_restart(standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is read for every call."""
    backend = open_backend(lane(base_url=standin.url), Settings())
    try:
        monkeypatch.delenv("OPENAI_API_KEY")
        with pytest.raises(errors.AuthFailed):
            backend.answer(a_run(), stop=threading.Event())
        monkeypatch.setenv("OPENAI_API_KEY", "new")
        backend.answer(a_run(), stop=threading.Event())
    finally:
        backend.close()


def test_the_key_shows_nowhere(standin: Running) -> None:
    """Not in how the backend looks in a traceback."""
    backend = open_backend(lane(base_url=standin.url), Settings())
    try:
        backend.answer(a_run(), stop=threading.Event())
        assert KEY not in repr(backend) + repr(vars(backend))
    finally:
        backend.close()


def test_a_redirect_is_not_followed(standin: Running) -> None:
    """A server must not be able to send a payload on to another one."""
    target = f"{standin.url}/v1/chat/completions"
    with saying(lambda it: say(it, 307, {}, location=target)) as url, pytest.raises(errors.ProviderFailed):
        ask(url, zone=Zone.INSIDE)
    assert standin.standin.calls == 0


def test_a_lane_inside_uses_no_proxy(standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is somebody else's machine: a lane outside takes it, a lane inside never does."""
    proxied: list[str] = []

    def reply(it: BaseHTTPRequestHandler) -> None:
        proxied.append(it.path)
        say(it, 200, completion())

    with saying(reply) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.removesuffix("/v1"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        ask(standin.url, zone=Zone.INSIDE)
        assert (proxied, standin.standin.calls) == ([], 1)
        ask("http://llm.example.com/v1")
        assert proxied == ["http://llm.example.com/v1/chat/completions"]


# Servers of one's own


def inside(url: str, *, on_text: Callable[[str], None] | None = None, **changed: Any) -> Answer:
    """One answer of a server of one's own."""
    backend = open_backend(lane(zone=Zone.INSIDE, base_url=url, **changed), Settings())
    try:
        return backend.answer(a_run(), stop=threading.Event(), on_text=on_text)
    finally:
        backend.close()


def serving(*models: str, asked: list[dict[str, Any]]) -> Callable[[BaseHTTPRequestHandler], None]:
    """A server with these models, which notes what it is asked."""

    def reply(handler: Any) -> None:
        if handler.path == "/v1/models":
            say(handler, 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in models]})
        else:
            asked.append(json.loads(handler.asked))
            say(handler, 200, completion(usage=None))

    return reply


def test_the_model_of_a_server_with_one_is_found() -> None:
    """`model: auto` saves copying a path or an alias; what the server says of itself is asked once."""
    asked: list[dict[str, Any]] = []
    with saying(serving("/models/some-7b.gguf", asked=asked)) as url:
        assert inside(url, model="auto").text == "fine"
    assert asked[0]["model"] == "/models/some-7b.gguf"


@pytest.mark.parametrize("models", [(), ("a", "b")])
def test_a_server_with_none_or_several_models_must_be_told(models: tuple[str, ...]) -> None:
    """Nobody guesses which one was meant."""
    with saying(serving(*models, asked=[])) as url, pytest.raises(errors.ModelMissing, match="must name one"):
        inside(url, model="auto")


def test_a_server_that_refuses_what_we_added_is_asked_without_it() -> None:
    """Log-probabilities and the usage of a stream are wishes of ours: the job does not fail for them."""
    asked: list[dict[str, Any]] = []

    def reply(handler: Any) -> None:
        fields = json.loads(handler.asked)
        asked.append(fields)
        for name in ("logprobs", "stream_options"):
            if name in fields:
                say(handler, 400, {"error": {"message": f"{name} is not for this server: {CANARY}"}})
                return
        say(handler, 200, completion(usage=None))

    pieces: list[str] = []
    with saying(reply) as url:
        answer = inside(url, on_text=pieces.append)
    assert (answer.text, answer.usage, answer.confidence) == ("fine", Usage(), None)
    assert pieces == ["fine"]
    assert set(asked[-1]) & {"logprobs", "top_logprobs", "stream_options"} == set()


def test_a_stream_is_handed_on_while_it_comes(standin: Running) -> None:
    """In the caller's own thread, piece by piece; the whole is the answer, with its usage."""
    pieces: list[tuple[str, int]] = []
    whole = ask(standin.url)
    backend = open_backend(lane(base_url=standin.url), Settings())
    try:
        told = backend.answer(
            a_run(), stop=threading.Event(), on_text=lambda text: pieces.append((text, threading.get_ident()))
        )
    finally:
        backend.close()
    assert told == whole
    assert "".join(text for text, _ in pieces) == whole.text
    assert len(pieces) > 1
    assert {thread for _, thread in pieces} == {threading.get_ident()}


def test_a_reader_that_has_gone_ends_the_call(standin: Running) -> None:
    """What on_text raises comes back to its caller, and the next call is answered."""

    def gone(_text: str) -> None:
        raise BufferError("the reader has gone")

    backend = open_backend(lane(base_url=standin.url), Settings())
    try:
        with pytest.raises(BufferError):
            backend.answer(a_run(), stop=threading.Event(), on_text=gone)
        assert backend.answer(a_run(), stop=threading.Event()).text
    finally:
        backend.close()
