"""The OpenAI backend over real HTTP: what arrives there, what comes back whole or in pieces, and its errors as ours.

Most tests run against the stand-in; what a stand-in of OpenAI would never say comes from a server that says anything.
"""

import json
import logging
import threading

import pytest
from loopback import FAULTS, say, saying, shown_of_refusals
from openai_asked import CANARY, KEY, PROMISED, SCHEMA, a_run, ask, completion, lane, surround

from tidegate import errors
from tidegate.errors import RunError
from tidegate.job import FunctionCall, Message, ResponseFormat, TextPart, ToolCall
from tidegate.lane import Zone
from tidegate.result import Usage
from tidegate.settings import Settings
from workers.backend import open_backend
from workers.standin.faults import Fault
from workers.standin.server import Running

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]
TOOLS_CHOICE = {"type": "function", "function": {"name": "look"}}

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of ours, and nothing of the shell's."""
    surround(monkeypatch)


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


def test_nothing_of_a_vendors_text_gets_through(caplog: pytest.LogCaptureFixture) -> None:
    """A provider that quotes the job, in text or in code, is not quoted: not in the error, its chain or a log."""
    caplog.set_level(logging.DEBUG)
    said = {"error": {"message": f"bad: {CANARY}", "code": f"code_{CANARY}", "type": CANARY, "param": CANARY}}
    told = shown_of_refusals(ask, said) + caplog.text
    assert CANARY not in told
    assert KEY not in told


def test_a_broken_answer_is_mended_by_a_second_call(standin: Running) -> None:
    """Asked under another name, with what was wrong; the usage is that of both."""
    standin.standin.book.replace((Fault(fault="says", text='{"n": "1"}'),))
    found = ask(standin.url, a_run(response_format=PROMISED))
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
    with pytest.raises(kind):
        ask(standin.url, a_run(max_tokens=4000), max_answer_chars=1000)


def test_a_huge_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never stops talking fills no memory."""
    monkeypatch.setattr("workers.managed.exchange.MAX_ANSWER_BYTES", 1000)
    with saying(lambda it: say(it, 200, completion(content="x" * 2000))) as url, pytest.raises(errors.MalformedAnswer):
        ask(url)


def test_a_stream_is_handed_on_while_it_comes(standin: Running) -> None:
    """In the caller's own thread, piece by piece; the whole is the answer, with its usage."""
    pieces: list[tuple[str, int]] = []
    whole = ask(standin.url)
    told = ask(standin.url, on_text=lambda text: pieces.append((text, threading.get_ident())))
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
