"""The stand-in's batches, by the vendors' own clients: how they get on, what their lines come to, what goes wrong."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from workers.standin.faults import Fault, When
from workers.standin.server import Running, running

pytestmark = pytest.mark.integration


@pytest.fixture
def standin() -> Iterator[Running]:
    """A stand-in of its own for each test."""
    with running(control_token="token", record=True) as up:
        yield up


@pytest.fixture
def far(standin: Running) -> Iterator[openai.OpenAI]:
    """OpenAI's client."""
    with openai.OpenAI(base_url=f"{standin.url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def sea(standin: Running) -> Iterator[anthropic.Anthropic]:
    """Anthropic's client."""
    with anthropic.Anthropic(base_url=standin.url, api_key="any", max_retries=0) as client:
        yield client


def asked(text: str) -> dict[str, Any]:
    """One request's body, in words that both APIs have."""
    return {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": text}]}


def jsonl(*texts: str, **changed: Any) -> bytes:
    """An input file: a line for each text, whose custom id it is."""
    lines = (
        {"custom_id": text, "method": "POST", "url": "/v1/chat/completions", "body": asked(text)} for text in texts
    )
    return b"".join(json.dumps({**line, **changed}).encode() + b"\n" for line in lines)


def sent(far: openai.OpenAI, content: bytes, **changed: Any) -> Any:
    """A batch of an input file."""
    file = far.files.create(file=("in.jsonl", content), purpose="batch")
    given = {"endpoint": "/v1/chat/completions", "completion_window": "24h", "input_file_id": file.id, **changed}
    return far.batches.create(**given)


def ended(far: openai.OpenAI, batch: Any) -> Any:
    """The same batch when it has ended."""
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        batch = far.batches.retrieve(batch.id)
    return batch


def results(far: openai.OpenAI, file_id: str | None) -> dict[str, Any]:
    """The lines of a result file by their custom ids."""
    assert file_id is not None
    lines = [json.loads(line) for line in far.files.content(file_id).read().splitlines()]
    return {line["custom_id"]: line for line in lines}


def put(sea: anthropic.Anthropic, *texts: str) -> Any:
    """A message batch: a request for each text, whose custom id it is."""
    return sea.messages.batches.create(requests=[{"custom_id": text, "params": asked(text)} for text in texts])  # type: ignore[typeddict-item]


def read(sea: anthropic.Anthropic, batch: Any) -> dict[str, Any]:
    """The results when it has ended."""
    while batch.processing_status != "ended":
        batch = sea.messages.batches.retrieve(batch.id)
    return {line.custom_id: line.result for line in sea.messages.batches.results(batch.id)}


# OpenAI's


def test_an_openai_batch_goes_through_its_stages(far: openai.OpenAI) -> None:
    """Validating, in progress, finalizing, completed, with its counts and its maker's metadata."""
    batch = sent(far, jsonl("a", "b", "c"), metadata={"key": "one"})
    seen = [batch.status]
    while batch.status != "completed":
        assert batch.output_file_id is None
        batch = far.batches.retrieve(batch.id)
        seen.append(batch.status)
    assert seen == ["validating", "in_progress", "finalizing", "completed"]
    assert batch.metadata == {"key": "one"}
    assert batch.request_counts.model_dump() == {"completed": 3, "failed": 0, "total": 3}
    assert batch.error_file_id is None
    found = results(far, batch.output_file_id)
    assert list(found) == ["c", "b", "a"]  # in no order that a reader may count on
    answer = found["b"]["response"]
    assert answer["status_code"] == 200
    assert answer["body"]["choices"][0]["message"]["content"].startswith("[stand-in] I received 1 words")


def test_lines_fail_alone(standin: Running, far: openai.OpenAI) -> None:
    """Each by the fault that its words call for; the others are answered."""
    words = {"bad": "server_error", "long": "context_too_long", "late": "expired", "gone": "missing", "two": "twice"}
    standin.standin.book.replace([Fault(fault=fault, when=When(contains=word)) for word, fault in words.items()])  # type: ignore[arg-type]
    batch = ended(far, sent(far, jsonl("good", *words)))
    assert batch.status == "completed"
    assert batch.request_counts.failed == 3
    errors = results(far, batch.error_file_id)
    assert errors["bad"]["response"]["status_code"] == 500
    assert errors["long"]["response"]["body"]["error"]["code"] == "context_length_exceeded"
    assert errors["late"]["response"] is None
    assert errors["late"]["error"]["code"] == "batch_expired"
    output = far.files.content(batch.output_file_id).read().splitlines()
    assert sorted(json.loads(line)["custom_id"] for line in output) == ["good", "two", "two"]


def test_a_batch_may_fail_expire_or_be_cancelled(standin: Running, far: openai.OpenAI) -> None:
    """Each ends in its own state; what was done by then is there."""
    standin.standin.book.replace([Fault(fault="batch_failed"), Fault(fault="batch_expired")])
    failed = ended(far, sent(far, jsonl("a")))
    assert (failed.status, failed.output_file_id, failed.error_file_id) == ("failed", None, None)
    assert failed.errors.data[0].code == "invalid_file"
    expired = ended(far, sent(far, jsonl("a", "b", "c", "d")))
    assert (expired.status, expired.request_counts.completed, expired.request_counts.failed) == ("expired", 2, 2)
    assert set(results(far, expired.error_file_id)) == {"c", "d"}
    running_one = far.batches.retrieve(sent(far, jsonl("a", "b")).id)
    assert far.batches.cancel(running_one.id).status == "cancelling"
    cancelled = ended(far, running_one)
    assert (cancelled.status, cancelled.error_file_id) == ("cancelled", None)
    assert set(results(far, cancelled.output_file_id)) == {"a"}
    with pytest.raises(openai.ConflictError):
        far.batches.cancel(cancelled.id)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no json\n", "invalid_json_line"),
        (b"", "empty_file"),
        (jsonl("a") + jsonl("a"), "duplicate_custom_id"),
        (jsonl("a", url="/v1/embeddings"), "invalid_request"),
        (jsonl("a", body=7), "invalid_request"),
    ],
)
def test_a_wrong_input_file_fails_the_batch(far: openai.OpenAI, content: bytes, code: str) -> None:
    """Not at its creation, but when it is validated, with the line."""
    batch = ended(far, sent(far, content))
    assert batch.status == "failed"
    assert batch.errors.data[0].code == code


@pytest.mark.parametrize(
    "changed",
    [
        {"completion_window": "1h"},
        {"endpoint": "/v1/messages"},
        {"input_file_id": "file-nowhere"},
        {"metadata": {"key": "x" * 513}},
        {"metadata": {str(number): "" for number in range(17)}},
    ],
)
def test_a_wrong_batch_is_refused(far: openai.OpenAI, changed: dict[str, Any]) -> None:
    """By the field that is wrong."""
    with pytest.raises(openai.BadRequestError) as caught:
        sent(far, jsonl("a"), **changed)
    assert caught.value.param in changed


def test_batches_are_found_again(far: openai.OpenAI) -> None:
    """The newest first, page by page."""
    ids = [sent(far, jsonl("a")).id for _ in range(3)]
    first = far.batches.list(limit=2)
    assert [batch.id for batch in first.data] == ids[:0:-1]
    assert first.has_more
    assert [batch.id for batch in far.batches.list(limit=1)] == ids[::-1]


def test_a_batch_may_be_made_and_its_maker_never_hear_of_it(standin: Running, far: openai.OpenAI) -> None:
    """The connection breaks after the deed: the batch is there, and is found by its metadata."""
    standin.standin.book.replace([Fault(fault="dropped", when=When(step="create"))])
    with pytest.raises(openai.APIConnectionError):
        sent(far, jsonl("a"), metadata={"key": "lost"})
    assert [batch.metadata for batch in far.batches.list()] == [{"key": "lost"}]
    assert standin.standin.batching.lines_received == {"a": 1}


def test_steps_fail_one_by_one(standin: Running, far: openai.OpenAI) -> None:
    """Upload, create, poll, cancel and results each have faults of their own, once; half a result file is cut."""
    book = standin.standin.book
    book.replace([Fault(fault="server_error", when=When(step="upload"))])
    with pytest.raises(openai.InternalServerError):
        sent(far, jsonl("a"))
    book.replace([Fault(fault="rate_limited", retry_after_s=3, when=When(step="create"))])
    with pytest.raises(openai.RateLimitError):
        sent(far, jsonl("a"))
    batch = sent(far, jsonl("a"))
    book.replace([Fault(fault="overloaded", when=When(step="poll")), Fault(fault="dropped", when=When(step="results"))])
    with pytest.raises(openai.InternalServerError):
        far.batches.retrieve(batch.id)
    batch = ended(far, batch)
    with pytest.raises(openai.APIConnectionError):
        far.files.content(batch.output_file_id).read()
    assert set(results(far, batch.output_file_id)) == {"a"}


def test_a_slow_line_holds_its_batch(standin: Running, far: openai.OpenAI) -> None:
    """In progress for as long as it takes, however often it is looked at."""
    standin.standin.book.replace([Fault(fault="slow", delay_s=3600, when=When(step="line"))])
    batch = sent(far, jsonl("a"))
    assert {far.batches.retrieve(batch.id).status for _ in range(5)} == {"in_progress"}
    far.batches.cancel(batch.id)
    assert ended(far, batch).status == "cancelled"


# Anthropic's


def test_a_message_batch_goes_through_its_stages(sea: anthropic.Anthropic) -> None:
    """In progress, then ended with all results at once."""
    batch = put(sea, "a", "b")
    assert (batch.processing_status, batch.request_counts.processing, batch.results_url) == ("in_progress", 2, None)
    found = read(sea, batch)
    assert list(found) == ["b", "a"]
    assert found["a"].message.content[0].text.startswith("[stand-in] I received 1 words")
    assert sea.messages.batches.retrieve(batch.id).request_counts.succeeded == 2


def test_messages_fail_alone(standin: Running, sea: anthropic.Anthropic) -> None:
    """Errored, expired, canceled, missing and twice beside those that succeed; a wrong request is known only then."""
    fates = {"bad": "overloaded", "late": "expired", "off": "canceled", "gone": "missing", "two": "twice"}
    standin.standin.book.replace([Fault(fault=fault, when=When(contains=word)) for word, fault in fates.items()])  # type: ignore[arg-type]
    requests = [{"custom_id": text, "params": asked(text)} for text in ("good", *fates)]
    requests.append({"custom_id": "wrong", "params": {"model": "m", "messages": []}})
    batch = sea.messages.batches.create(requests=requests)  # type: ignore[arg-type]
    found = read(sea, batch)
    assert {name: result.type for name, result in found.items()} == {
        "good": "succeeded",
        "bad": "errored",
        "late": "expired",
        "off": "canceled",
        "two": "succeeded",
        "wrong": "errored",
    }
    assert found["bad"].error.error.type == "overloaded_error"
    assert "max_tokens: Field required" in found["wrong"].error.error.message
    assert len(list(sea.messages.batches.results(batch.id))) == 7


def test_a_message_batch_is_cancelled(sea: anthropic.Anthropic) -> None:
    """At once, or half done; ended either way, and what was not done says so."""
    batch = put(sea, "a", "b")
    assert sea.messages.batches.cancel(batch.id).processing_status == "canceling"
    assert {result.type for result in read(sea, batch).values()} == {"canceled"}
    half = sea.messages.batches.retrieve(put(sea, "a", "b").id)
    sea.messages.batches.cancel(half.id)
    assert {name: result.type for name, result in read(sea, half).items()} == {"a": "succeeded", "b": "canceled"}
    assert sea.messages.batches.cancel(half.id).processing_status == "ended"


def test_message_batches_are_found_again(standin: Running, sea: anthropic.Anthropic) -> None:
    """The newest first, also one whose maker never heard of it."""
    first = put(sea, "a")
    standin.standin.book.replace([Fault(fault="dropped", when=When(step="create"))])
    with pytest.raises(anthropic.APIConnectionError):
        put(sea, "b")
    found = [batch.id for batch in sea.messages.batches.list(limit=1)]
    assert len(found) == 2
    assert found[1] == first.id
    assert [batch.id for batch in sea.messages.batches.list(before_id=first.id).data] == found[:1]


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [{"custom_id": "with space", "params": {}}],
        [{"custom_id": "a" * 65, "params": {}}],
        [{"custom_id": "a", "params": {}}, {"custom_id": "a", "params": {}}],
        [{"custom_id": "a"}],
        [7],
    ],
)
def test_a_wrong_message_batch_is_refused(sea: anthropic.Anthropic, requests: Any) -> None:
    """As a whole, with the place."""
    with pytest.raises(anthropic.BadRequestError, match="requests"):
        sea.messages.batches.create(requests=requests)


def test_results_that_are_not_there_yet_are_refused(standin: Running, sea: anthropic.Anthropic) -> None:
    """A batch in progress has none; another API's batch is none of this one's."""
    batch = put(sea, "a")
    with pytest.raises(anthropic.BadRequestError):
        sea.get(f"/v1/messages/batches/{batch.id}/results", cast_to=object)
    with pytest.raises(anthropic.NotFoundError):
        sea.messages.batches.retrieve("batch_standin_1")


def test_a_line_of_the_results_may_be_broken(standin: Running, sea: anthropic.Anthropic) -> None:
    """Half a line of JSON among whole ones."""
    standin.standin.book.replace([Fault(fault="malformed", when=When(contains="bad"))])
    batch = put(sea, "good", "bad")
    for _ in range(2):
        sea.messages.batches.retrieve(batch.id)
    raw = sea.messages.batches.with_raw_response.results(batch.id).http_response.read()
    lines = raw.splitlines()
    assert len(lines) == 2
    with pytest.raises(ValueError, match=r"[Uu]nterminated|[Ee]xpecting"):
        json.loads(lines[0])
    assert json.loads(lines[1])["custom_id"] == "good"
