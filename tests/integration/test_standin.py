"""The stand-in speaks OpenAI's API to OpenAI's own client, says what it is, and fails on demand."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.standin.faults import FAULTS, Fault, FaultBook
from workers.standin.instance import Unanswerable, instance
from workers.standin.server import Running, running
from workers.standin.wire import HEADER

TOKEN = "control-me"
MESSAGES: Any = [{"role": "user", "content": "one two three"}]

pytestmark = pytest.mark.integration


@pytest.fixture
def standin() -> Iterator[Running]:
    """A stand-in of its own for each test."""
    with running(control_token=TOKEN, record=True) as up:
        yield up


@pytest.fixture
def client(standin: Running) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, as a user would point it at the stand-in."""
    with openai.OpenAI(base_url=f"{standin.url}/v1", api_key="any", max_retries=0) as made:
        yield made


def call(url: str, method: str = "GET", body: Any = None, token: str | None = TOKEN) -> tuple[int, Any, Any]:
    """Status, JSON and headers of a plain request."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, None if body is None else json.dumps(body).encode(), timeout=60) as said:
            return said.status, json.load(said), said.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


def test_a_chat_answer_says_what_it_is(client: openai.OpenAI) -> None:
    """Text, model and header all bear the mark, and the usage is plausible."""
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=MESSAGES)
    answer = raw.parse()
    assert raw.headers[HEADER] == "1"
    assert answer.model == "stand-in:gpt-4o-mini"
    assert answer.choices[0].message.content is not None
    assert answer.choices[0].message.content.startswith("[stand-in] I received 3 words")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 4
    assert answer.usage.completion_tokens > 0


def test_a_stream_adds_up_to_the_same_answer(client: openai.OpenAI) -> None:
    """Chunks, a finish, and the usage in a last chunk without choices."""
    whole = client.chat.completions.create(model="m", messages=MESSAGES)
    chunks = list(
        client.chat.completions.create(
            model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage


def test_an_answer_is_cut_at_the_limit(client: openai.OpenAI) -> None:
    """Tokens that were not granted are not written."""
    answer = client.chat.completions.create(model="m", messages=MESSAGES, max_completion_tokens=4)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4


def test_embeddings_are_the_same_for_the_same_text(client: openai.OpenAI) -> None:
    """Unit vectors, in both encodings, of the size that was asked for."""
    one, other = client.embeddings.create(model="e", input=["tide", "gate"], dimensions=8).data
    plain = client.embeddings.create(model="e", input="tide", dimensions=8, encoding_format="float").data[0]
    assert one.embedding == pytest.approx(plain.embedding, abs=1e-6)
    assert one.embedding != other.embedding
    assert sum(value**2 for value in plain.embedding) == pytest.approx(1.0)


def test_models_can_be_listed(client: openai.OpenAI) -> None:
    """Clients that discover models find some."""
    assert "gpt-4o-mini" in [model.id for model in client.models.list()]


def test_a_promised_schema_is_kept(client: openai.OpenAI) -> None:
    """The answer to a json_schema is an instance of it."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    answer = client.chat.completions.create(model="m", messages=MESSAGES, response_format=wanted)
    assert json.loads(answer.choices[0].message.content or "") == {"city": "[stand-in]"}


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"fault": "rate_limited", "retry_after_s": 7}, 429, "rate_limit_exceeded"),
        ({"fault": "rate_limited"}, 429, "rate_limit_exceeded"),
        ({"fault": "insufficient_quota"}, 429, "insufficient_quota"),
        ({"fault": "server_error"}, 500, None),
        ({"fault": "overloaded"}, 503, None),
        ({"fault": "unauthorized"}, 401, "invalid_api_key"),
        ({"fault": "context_too_long"}, 400, "context_length_exceeded"),
        ({"fault": "content_filter"}, 400, "content_filter"),
    ],
)
def test_a_fault_happens_once_and_says_what_it_is(
    standin: Running, client: openai.OpenAI, fault: dict[str, Any], status: int, code: str | None
) -> None:
    """A rejection looks like OpenAI's, bears the mark, and is used up by the request that it befell."""
    call(f"{standin.url}/_standin/faults", "PUT", [fault])
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="m", messages=MESSAGES)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert "[stand-in]" in caught.value.message
    assert caught.value.response.headers[HEADER] == "1"
    wanted = fault.get("retry_after_s")
    assert caught.value.response.headers.get("retry-after") == (None if wanted is None else str(wanted))
    client.chat.completions.create(model="m", messages=MESSAGES)


def test_a_fault_befalls_whom_it_names(standin: Running, client: openai.OpenAI) -> None:
    """By words and by model, as often as was said."""
    faults = [
        {"fault": "server_error", "times": "forever", "when": {"model": "bad"}},
        {"fault": "overloaded", "when": {"contains": "two"}},
    ]
    call(f"{standin.url}/_standin/faults", "PUT", faults)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="m", messages=MESSAGES)
    client.chat.completions.create(model="m", messages=MESSAGES)
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="bad", messages=MESSAGES)
    assert call(f"{standin.url}/_standin/faults")[1] == [{**faults[0], "delay_s": 30.0}]
    assert call(f"{standin.url}/_standin/faults", "DELETE")[1] == []
    client.chat.completions.create(model="bad", messages=MESSAGES)


def test_the_control_api_wants_its_token(standin: Running) -> None:
    """Who may call the model may not therefore break it."""
    for method, path in (("GET", "faults"), ("PUT", "faults"), ("DELETE", "faults"), ("GET", "calls")):
        status, said, headers = call(f"{standin.url}/_standin/{path}", method, token="guess")
        assert (status, headers[HEADER]) == (403, "1")
        assert "control token" in said["error"]["message"]


def test_without_a_token_nobody_controls_it() -> None:
    """No token given at the start means no control, not control for all."""
    with running() as up:
        assert call(f"{up.url}/_standin/faults", token="")[0] == 403
        assert call(f"{up.url}/_standin/faults", token="None")[0] == 403


def test_a_wrong_fault_changes_nothing(standin: Running) -> None:
    """A list with a mistake is refused whole, and the field is named."""
    call(f"{standin.url}/_standin/faults", "PUT", [{"fault": "overloaded"}])
    status, said, _ = call(f"{standin.url}/_standin/faults", "PUT", [{"fault": "slow"}, {"fault": "nonsense"}])
    assert status == 400
    assert "[1].fault" in said["error"]["message"]
    assert [fault["fault"] for fault in call(f"{standin.url}/_standin/faults")[1]] == ["overloaded"]


def test_calls_are_counted_without_their_text(standin: Running, client: openai.OpenAI) -> None:
    """Per model and per idempotency key; what was asked is not there."""
    for _ in range(2):
        client.chat.completions.create(model="m", messages=MESSAGES, extra_headers={"Idempotency-Key": "job-1"})
    said = call(f"{standin.url}/_standin/calls")[1]
    assert said["calls"] == 2
    assert said["models"]["m"]["answered"] == 2
    assert said["models"]["m"]["prompt_tokens"] == 8
    assert said["idempotency_keys"] == {"job-1": 2}
    assert "three" not in json.dumps(said)


def test_the_record_holds_what_left_but_the_key(standin: Running, client: openai.OpenAI) -> None:
    """A leak test can search every byte that arrived."""
    client.chat.completions.create(model="m", messages=MESSAGES)
    (received,) = standin.standin.received
    assert b"one two three" in received.body
    assert "authorization" not in received.headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"model": "m"}',
        b'{"model": 1, "messages": []}',
        b'{"model":"m","messages":7}',
        b'{"model":"m","messages":[{"content":"x"}],"response_format":{"type":"json_schema"}}',
        b"[" * 100_000,
        b'{"model":"\\ud800","messages":[{}]}',
    ],
)
def test_bad_requests_are_told_so(standin: Running, body: bytes) -> None:
    """Whatever comes in, a 400 goes out."""
    request = urllib.request.Request(
        f"{standin.url}/v1/chat/completions", data=body, headers={"authorization": "Bearer any"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught, urllib.request.urlopen(request, timeout=60):
        pass
    with caught.value as error:
        assert error.code == 400
        assert error.headers[HEADER] == "1"


def test_it_wants_a_key_like_the_real_one(standin: Running) -> None:
    """Any key will do, none will not."""
    assert call(f"{standin.url}/v1/models", token=None)[0] == 401
    assert call(f"{standin.url}/v1/models", token="any")[0] == 200


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 3, "exclusiveMaximum": 4},
        {"type": "number", "exclusiveMinimum": 2},
        {"type": "string", "minLength": 40},
        {"type": "string", "maxLength": 3},
        {"type": "string", "format": "date"},
        {"enum": ["a", "b"]},
        {"const": None},
        {"type": ["null", "string"]},
        {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"b": {}}, "required": ["b"]}}},
        {"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}], "type": "object"},
        {},
    ],
)
def test_an_instance_fits_its_schema(schema: dict[str, Any]) -> None:
    """The usual schemas have an answer."""
    jsonschema.validate(instance(schema, text="[stand-in]"), schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^[0-9]{4}$"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1:1/schema"},
        {"type": "nonsense"},
        False,
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    ],
)
def test_what_it_cannot_make_it_refuses(schema: Any) -> None:
    """A schema beyond a stand-in is told so; a false instance is never given."""
    with pytest.raises(Unanswerable):
        instance(schema, text="[stand-in]")


@given(st.lists(st.integers(min_value=1, max_value=5), max_size=5))
def test_faults_are_used_up_in_order(times: list[int]) -> None:
    """A book gives each fault as often as it says, then none."""
    book = FaultBook([Fault(fault="slow", times=count, delay_s=index) for index, count in enumerate(times)])
    taken = [book.take(model="m", text="", fields=()) for _ in range(sum(times) + 1)]
    assert [fault and fault.delay_s for fault in taken] == [
        *(float(index) for index, count in enumerate(times) for _ in range(count)),
        None,
    ]


def test_the_command_serves_on_loopback_only(tmp_path: Path) -> None:
    """It tells its port when it can be called, obeys its rules, and ends on a signal."""
    ready, rules, record = (tmp_path / name for name in ("port", "rules.json", "record.jsonl"))
    rules.write_bytes(FAULTS.dump_json((Fault(fault="overloaded"),)))
    options = ("--rules", str(rules), "--record", str(record))
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.standin", "--port", "0", "--ready-file", str(ready), *options],
        env={**os.environ, "TIDEGATE_STANDIN_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        until = time.monotonic() + 60
        while not ready.exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert url == f"http://127.0.0.1:{ready.read_text().strip()}/v1"
        with openai.OpenAI(base_url=url, api_key="sk-secret", max_retries=0) as client:
            with pytest.raises(openai.InternalServerError):
                client.chat.completions.create(model="m", messages=MESSAGES)
            client.chat.completions.create(model="m", messages=MESSAGES)
        written = record.read_text()
        assert written.count("one two three") == 2
        assert "sk-secret" not in written
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--host", "0.0.0.0"], "127.0.0.1 only"),
        (["--rules", "/nowhere/rules.json"], "No such file"),
        (["--port", "70000"], "65535"),
    ],
)
def test_the_command_refuses_what_it_must_not_do(args: list[str], told: str) -> None:
    """Exit code 2, and the reason."""
    ended = subprocess.run(
        [sys.executable, "-m", "workers.standin", *args],
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 2
    assert told in ended.stderr
