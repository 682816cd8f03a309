"""Providers at their worst: whatever an adapter is answered, it ends in the right error of ours, soon and quietly.

One table for all adapters; what only one API can get wrong stands in its form.
"""

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import rogue
from backends import CANARY, run
from managed_lanes import managed
from rogue import Reply, said
from wire_forms import FORMS, TEXT, Form

from tidegate import errors
from tidegate.errors import RunError
from tidegate.result import Answer
from tidegate.settings import load
from workers.backend import Heard, Run, open_backend
from workers.managed import exchange
from workers.standin.server import Running

QUICK_S = 0.5
"""The time of a run that a slow server outlasts."""

SOON_S = 25.0

MANY = 200_000
"""Bytes, where the test's limit is less."""


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One way of answering badly."""

    kind: type[RunError]
    reply: Callable[[Form], Reply]
    streams: bool = False
    """Whether pieces were asked for."""
    timeout_s: float = 30.0


def body(form: Form) -> bytes:
    """A sound answer's bytes."""
    return json.dumps(form.sound).encode()


PAGE = f"<html><body>{CANARY}</body></html>".encode()
TOLD = {"error": {"message": CANARY, "code": CANARY, "type": CANARY, "param": CANARY, "status": CANARY}}

ANYTHING: dict[str, Bad] = {
    "nothing": Bad(kind=errors.MalformedAnswer, reply=lambda _: said(b"")),
    "no content": Bad(kind=errors.MalformedAnswer, reply=lambda _: said(b"", status=204)),
    "an empty object": Bad(kind=errors.MalformedAnswer, reply=lambda _: said({})),
    "null": Bad(kind=errors.MalformedAnswer, reply=lambda _: said(b"null")),
    "a list": Bad(kind=errors.MalformedAnswer, reply=lambda _: said([CANARY])),
    "a number": Bad(kind=errors.MalformedAnswer, reply=lambda _: said(b"1e999")),
    "text": Bad(kind=errors.MalformedAnswer, reply=lambda _: said(CANARY.encode())),
    "not a number": Bad(kind=errors.MalformedAnswer, reply=lambda _: said(b"NaN")),
    "depths": Bad(kind=errors.MalformedAnswer, reply=lambda _: said(b"[" * 50_000)),
    "bytes": Bad(kind=errors.MalformedAnswer, reply=lambda _: said(b"\xff\xfe\x00" * 99)),
    "a page": Bad(kind=errors.MalformedAnswer, reply=lambda _: said(PAGE, content_type="text/html")),
    "truncated": Bad(kind=errors.MalformedAnswer, reply=lambda form: said(body(form)[: len(body(form)) // 2])),
    "two answers": Bad(kind=errors.MalformedAnswer, reply=lambda form: said(body(form) * 2)),
    "no characters": Bad(
        kind=errors.MalformedAnswer,
        reply=lambda form: said(body(form).replace(TEXT.encode(), b"\xc3\x28")),
    ),
    "half a character": Bad(
        kind=errors.MalformedAnswer, reply=lambda form: said(body(form).replace(TEXT.encode(), b"\\ud800"))
    ),
    "huge": Bad(kind=errors.MalformedAnswer, reply=lambda form: said(body(form) + b" " * MANY)),
    "endless": Bad(kind=errors.MalformedAnswer, reply=lambda form: rogue.endless(body(form))),
    "a bomb": Bad(kind=errors.MalformedAnswer, reply=lambda form: rogue.packed(body(form) + b" " * 50_000_000)),
    "no gzip": Bad(kind=errors.MalformedAnswer, reply=lambda form: said(body(form), content_encoding="gzip")),
    "events unasked": Bad(kind=errors.MalformedAnswer, reply=lambda form: rogue.streamed(*form.events)),
    "an error's text": Bad(kind=errors.MalformedAnswer, reply=lambda _: said({"error": CANARY})),
    "an error": Bad(kind=errors.ProviderFailed, reply=lambda _: said(TOLD)),
    "cut": Bad(kind=errors.NetworkFailed, reply=lambda form: rogue.cut(body(form))),
    "a hang-up": Bad(kind=errors.NetworkFailed, reply=lambda _: rogue.hung_up),
    "no HTTP": Bad(kind=errors.NetworkFailed, reply=lambda _: rogue.raw(b"\x16\x03\x01" + CANARY.encode())),
    "wrong chunks": Bad(
        kind=errors.NetworkFailed,
        reply=lambda _: rogue.raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
    ),
    "a drip": Bad(kind=errors.RunTimedOut, reply=lambda _: rogue.dripping, timeout_s=QUICK_S),
    "silence": Bad(kind=errors.RunTimedOut, reply=lambda _: rogue.silent, timeout_s=QUICK_S),
    "elsewhere": Bad(
        kind=errors.ProviderFailed, reply=lambda _: said(b"", status=307, location="http://127.0.0.1:9/v1")
    ),
    "401": Bad(kind=errors.AuthFailed, reply=lambda _: said(TOLD, status=401)),
    "401 in a page": Bad(kind=errors.AuthFailed, reply=lambda _: said(PAGE, status=401, content_type="text/html")),
    "403 without end": Bad(kind=errors.AuthFailed, reply=lambda _: rogue.endless(b'{"error": "', status=403)),
    "404": Bad(kind=errors.ModelMissing, reply=lambda _: said(b"", status=404)),
    "400": Bad(kind=errors.BadRequest, reply=lambda _: said(TOLD, status=400)),
    "400 in a list": Bad(kind=errors.BadRequest, reply=lambda _: said([TOLD], status=400)),
    "400 with odd types": Bad(
        kind=errors.BadRequest,
        reply=lambda _: said({"error": {"message": [CANARY], "code": {}, "type": 3, "innererror": []}}, status=400),
    ),
    "413": Bad(kind=errors.ContextOverflow, reply=lambda _: said(PAGE, status=413)),
    "429 in a page": Bad(kind=errors.RateLimited, reply=lambda _: said(PAGE, status=429, content_type="text/html")),
    "500": Bad(kind=errors.ProviderFailed, reply=lambda _: said(TOLD, status=500)),
    "502 in a page": Bad(kind=errors.ProviderFailed, reply=lambda _: said(PAGE, status=502, content_type="text/html")),
    "503": Bad(kind=errors.Overloaded, reply=lambda _: said(b"", status=503)),
    "a status that is none": Bad(kind=errors.ProviderFailed, reply=lambda _: said(TOLD, status=799)),
    "a stream that stops": Bad(
        kind=errors.MalformedAnswer, reply=lambda form: rogue.streamed(*form.events[:2]), streams=True
    ),
    "a stream that falls silent": Bad(
        kind=errors.RunTimedOut,
        reply=lambda form: rogue.streamed(*form.events[:2], holds=True),
        streams=True,
        timeout_s=QUICK_S,
    ),
    "an empty stream": Bad(kind=errors.MalformedAnswer, reply=lambda _: rogue.streamed(), streams=True),
    "comments": Bad(kind=errors.MalformedAnswer, reply=lambda _: rogue.streamed(b": keep\n\n" * 9), streams=True),
    "events of nothing": Bad(
        kind=errors.MalformedAnswer, reply=lambda _: rogue.streamed(b"data: {}\n\n"), streams=True
    ),
    "an event that is none": Bad(
        kind=errors.MalformedAnswer,
        reply=lambda form: rogue.streamed(form.events[0], f"data: {CANARY}\n\n".encode()),
        streams=True,
    ),
    "an event without end": Bad(
        kind=errors.MalformedAnswer,
        reply=lambda form: rogue.endless(form.events[0] + b"data: ", kind="text/event-stream"),
        streams=True,
    ),
    "a page for a stream": Bad(
        kind=errors.MalformedAnswer, reply=lambda _: said(PAGE, content_type="text/html"), streams=True
    ),
    "429 for a stream": Bad(kind=errors.RateLimited, reply=lambda _: said(TOLD, status=429), streams=True),
}
"""What befalls every API alike."""


@pytest.fixture(autouse=True)
def _less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can exceed."""
    monkeypatch.setattr(exchange, "MAX_ANSWER_BYTES", MANY // 2)
    monkeypatch.setattr(exchange, "MAX_STREAM_BYTES", MANY)


@pytest.fixture(params=[name for name in FORMS if name != "vertex_openai"])
def called(request: pytest.FixtureRequest, lengthy: Running) -> Any:
    """Each adapter in turn, Vertex in one of its two dialects; the stand-in gives Google's tokens."""
    return request.param


def ask(url: str, called: str, *, job: Run | None = None, pieces: list[str] | None = None) -> Answer:
    """One answer of a server."""
    backend = open_backend(managed(url, called), load())
    try:
        return backend.answer(
            job or run(CANARY), stop=threading.Event(), on_text=None if pieces is None else pieces.append
        )
    finally:
        backend.close()


@pytest.mark.parametrize("name", ANYTHING)
def test_each_ends_in_its_error(called: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of the right class, in time, with nothing of the job or the provider in it or in a log."""
    caplog.set_level(logging.DEBUG)
    bad = ANYTHING[name]
    with rogue.saying(bad.reply(FORMS[called])) as url:
        before = time.monotonic()
        with pytest.raises(RunError) as caught:
            ask(url, called, job=run(CANARY, timeout_s=bad.timeout_s), pieces=[] if bad.streams else None)
        assert time.monotonic() - before < SOON_S
    assert type(caught.value) is bad.kind
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "Mustermann" not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("called", FORMS)
def test_a_form_is_sound_where_nothing_is_wrong(called: str, lengthy: Running) -> None:
    """At once, in pieces, all at once though pieces were asked for, and with the wrong content type."""
    form = FORMS[called]
    for reply, streams in (
        (said(form.sound), False),
        (said(form.sound), True),
        (rogue.streamed(*form.events), True),
        (rogue.streamed(b"".join(form.events).replace(b"\n", b"\r\n")), True),
        (said(form.sound, content_type="text/plain"), False),
        (rogue.packed(body(form)), False),
    ):
        pieces: list[str] | None = [] if streams else None
        with rogue.saying(reply) as url:
            answer = ask(url, called, pieces=pieces)
        assert answer.text == TEXT
        assert pieces is None or "".join(pieces) == TEXT


@pytest.mark.parametrize("called", FORMS)
def test_what_makes_no_sense_is_malformed(called: str, lengthy: Running) -> None:
    """Wrong types, missing parts, ends that are none."""
    for odd in FORMS[called].nonsense:
        with rogue.saying(said(odd)) as url, pytest.raises(errors.MalformedAnswer):
            ask(url, called)


@pytest.mark.parametrize("called", FORMS)
def test_an_error_with_status_200_is_told(called: str, lengthy: Running) -> None:
    """By its code, and as the provider's failure where it has none."""
    for content, kind in FORMS[called].errors:
        with rogue.saying(said(content)) as url, pytest.raises(RunError) as caught:
            ask(url, called)
        assert type(caught.value).__name__ == kind, content


@pytest.mark.parametrize("called", FORMS)
def test_an_error_in_mid_stream_is_told(called: str, lengthy: Running) -> None:
    """After some of the text was handed on."""
    form = FORMS[called]
    pieces: list[str] = []
    events = (*form.events[:2], form.error_event)
    with rogue.saying(rogue.streamed(*events)) as url, pytest.raises((errors.ProviderFailed, errors.Overloaded)):
        ask(url, called, pieces=pieces)
    assert "".join(pieces) in TEXT


@pytest.mark.parametrize("called", FORMS)
def test_a_refusal_is_a_refusal(called: str, lengthy: Running) -> None:
    """However it is told."""
    for content in FORMS[called].refused:
        with rogue.saying(said(content)) as url, pytest.raises(errors.ContentRefused):
            ask(url, called)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1998 00:00:09 GMT", "date": "Thu, 01 Jan 1998 00:00:00 GMT"}, 9.0),
        ({"retry-after": "Thu, 01 Jan 2099 00:00:09 GMT", "date": "Thu, 01 Jan 2099 00:00:00 GMT"}, 9.0),
        ({"retry-after": "Thu, 01 Jan 1998 00:00:00 GMT", "date": "Thu, 01 Jan 1998 00:00:30 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
    ],
)
def test_a_provider_s_clock_may_be_wrong(called: str, headers: dict[str, str], seconds: float | None) -> None:
    """When to come back is told by its own clock; and its limits are told also where it answers nothing."""
    told: list[Heard] = []
    job = replace(run(CANARY), tell=told.append)
    headers |= {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m"}
    with rogue.saying(said({}, status=429, **headers)) as url, pytest.raises(errors.RateLimited) as caught:
        ask(url, called, job=job)
    assert caught.value.retry_after_s == seconds
    (heard,) = told
    assert (heard.retry_after_s, heard.requests.left, heard.requests.reset_s) == (seconds, 0, 60.0)


def test_an_answer_tells_of_limits_and_of_the_first_byte(called: str) -> None:
    """For whoever shares them out."""
    told: list[Heard] = []
    headers = {"x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "7", "retry-after": "3"}
    with rogue.saying(said(FORMS[called].sound, **headers)) as url:
        ask(url, called, job=replace(run(CANARY), tell=told.append))
    assert any((heard.tokens.limit, heard.tokens.left, heard.retry_after_s) == (1000, 7, 3.0) for heard in told)
    first_bytes_s = [heard.first_byte_s for heard in told if heard.first_byte_s is not None]
    assert first_bytes_s
    assert all(0 < first_byte_s < SOON_S for first_byte_s in first_bytes_s)
