"""One suite for every client: what becomes of a job is the same on a real store and in memory, sync and async."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from clients import ANSWER, BOUND_S, MAX_BYTES, SIDES, Side
from doubles import SECRET

from tidegate import Hints, Job, Message, State
from tidegate.errors import Conflict, IdempotencyConflict, InvalidJob, JobFailed, ResultTimeout, UnknownJob


@pytest.fixture(params=["store", "store async", "memory", "memory async"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Each client in turn."""
    with contextlib.ExitStack() as stack:
        yield SIDES[request.param](request, stack)


@pytest.mark.parametrize(
    "job",
    [
        Job(text="good"),
        {"text": "good"},
        '{"text":"good"}',
        {"messages": [{"role": "user", "content": "good"}]},
        {"messages": (Message(role="user", content="good"),)},
        {"text": "good", "hints": {"min_sensitivity": "personal", "deadline_s": 60}, "params": {"stop": ["x"]}},
    ],
    ids=["job", "mapping", "json", "messages", "message values", "everything"],
)
def test_a_job_comes_back_as_its_result(side: Side, job: Any) -> None:
    """A job may be given as a value, a mapping or JSON; its result carries what the model said and what it took."""
    job_id = side.submit(job)
    result = side.result(job_id)
    assert (result.job_id, result.text, result.model) == (job_id, "positive", "m-1")
    assert result.usage == ANSWER.usage
    assert result.attempts == 1
    assert result.lane
    assert result.timings.total_s >= 0
    assert side.record(job_id).state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("job", "field"),
    [
        ({"text": SECRET, "params": {"max_tokens": "5"}}, "params.max_tokens"),
        ({"text": SECRET, "params": {"temperature": "0.5"}}, "params.temperature"),
        ({"text": SECRET.encode()}, "(the whole)"),
        ({"messages": [{"role": SECRET, "content": "x"}]}, "messages[0].role"),
        ({"text": SECRET, "tenant": SECRET}, "tenant"),
        ({"text": SECRET, "surprise": 1}, "surprise"),
        ({"text": SECRET, "hints": {"deadline_s": float("nan")}}, "hints.deadline_s"),
        ({"text": SECRET, "messages": []}, "(the whole)"),
        ({"text": SECRET * MAX_BYTES}, "(the whole)"),
        ({"text": SECRET, "callback_url": SECRET}, "callback_url"),
        (SECRET, "(the whole)"),
        (json.dumps([SECRET]), "(the whole)"),
        ({}, "(the whole)"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
def test_a_malformed_job_is_told_by_its_field(side: Side, job: Any, field: str) -> None:
    """What breaks the contract is refused with the field's name and never with its value."""
    with pytest.raises(InvalidJob) as caught:
        side.submit(job, job_id="the-id")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [field]
    assert SECRET not in str(caught.value)
    with pytest.raises(UnknownJob):
        side.record("the-id")


def test_many_are_submitted_all_or_none(side: Side) -> None:
    """One malformed or oversized job among many: none is sent, and each is named by its place."""
    with pytest.raises(InvalidJob) as caught:
        side.submit_many([{"text": "good", "idempotency_key": "k"}, {"text": ""}, {"text": "x" * MAX_BYTES}])
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["[1].text", "[2].(the whole)"]
    ids = side.submit_many([{"text": "good", "idempotency_key": "k"}, Job(text="refused")])
    assert side.result(ids[0]).text == "positive"
    assert side.record(ids[1]).state is State.DEAD


def test_the_same_key_is_the_same_job(side: Side) -> None:
    """An idempotency key gives the first job's id again, also after its end, and once only within a tenant."""
    job = Job(text="good", idempotency_key="k", tenant="acme")
    first = side.submit(job)
    assert side.submit(job) == first
    side.result(first)
    assert side.submit(json.loads(job.to_json())) == first
    assert side.submit(Job(text="good", idempotency_key="k", tenant="other")) != first
    assert side.submit(Job(text="good", tenant="acme")) != side.submit(Job(text="good", tenant="acme"))


@pytest.mark.parametrize("change", [{"text": SECRET}, {"hints": Hints(priority=1)}], ids=["text", "hints"])
def test_the_same_key_with_another_job_is_a_conflict(side: Side, change: dict[str, Any]) -> None:
    """Other content under a key that is taken is refused without quoting it; the first job stays what it was."""
    job = Job(text="open", idempotency_key="k")
    first = side.submit(job)
    with pytest.raises(IdempotencyConflict) as caught:
        side.submit(job.model_copy(update=change))
    assert "Quillfeather" not in str(caught.value)
    side.finish(first, "done")
    assert side.result(first).text == "done"


def test_a_caller_may_choose_the_id(side: Side) -> None:
    """A given id is kept and makes the submit idempotent; one that cannot stand in a key is refused."""
    assert side.submit({"text": "good"}, job_id="order-17") == "order-17"
    assert side.submit({"text": "good"}, job_id="order-17") == "order-17"
    with pytest.raises(IdempotencyConflict):
        side.submit({"text": "other"}, job_id="order-17")
    for bad in ("", "a b", "order-17:history", "x" * 65, "ü"):
        with pytest.raises(InvalidJob, match="job_id"):
            side.submit({"text": "good"}, job_id=bad)


def test_a_dead_letter_says_why(side: Side) -> None:
    """There is no result of a dead letter; the error names state, reason and cause."""
    with pytest.raises(JobFailed) as caught:
        side.result(side.submit({"text": "refused"}))
    failed = caught.value
    assert (failed.state, failed.reason, failed.cause) == ("dead", "content_refused", "ContentRefused on local")


def test_an_expired_job_has_no_result(side: Side) -> None:
    """A job whose deadline passed is told as expired."""
    with pytest.raises(JobFailed, match="expired"):
        side.result(side.submit({"text": "late"}))


def test_a_cancelled_job_stays_cancelled(side: Side) -> None:
    """Cancelling ends a job; nobody can end it once more, and there is no result."""
    job_id = side.submit({"text": "open"})
    side.cancel(job_id)
    with pytest.raises(Conflict):
        side.cancel(job_id)
    with pytest.raises(Conflict):
        side.finish(job_id, "too late")
    with pytest.raises(JobFailed, match="cancelled"):
        side.result(job_id)


@pytest.mark.parametrize("text", ["good", "refused", "late"])
def test_an_end_is_final(side: Side, text: str) -> None:
    """A job that has ended cannot be cancelled, and its end stays the same."""
    job_id = side.submit({"text": text})
    before = side.record(job_id)
    with pytest.raises(Conflict):
        side.cancel(job_id)
    assert side.record(job_id) == before
    assert before.state.ended
    assert before.ended_at is not None


def test_waiting_is_bounded(side: Side) -> None:
    """A job that does not end is waited for as long as was asked, and then told by its state."""
    job_id = side.submit({"text": "open"})
    began = time.monotonic()
    with pytest.raises(ResultTimeout, match="accepted"):
        side.result(job_id, timeout_s=0.2)
    assert 0.2 <= time.monotonic() - began < BOUND_S
    with pytest.raises(ResultTimeout):
        side.result(job_id, timeout_s=0.0)


def test_states_come_until_the_end(side: Side) -> None:
    """A watcher sees the state at once, then each change, and is let go at the end."""
    job_id = side.submit({"text": "open"})
    seen: list[State] = []

    def then(state: State) -> None:
        seen.append(state)
        if state is State.ACCEPTED:
            side.finish(job_id, "done")

    side.watch(job_id, then)
    assert seen[0] is State.ACCEPTED
    assert seen[-1] is State.SUCCEEDED
    assert len(set(seen)) == len(seen)
    assert sum(state.ended for state in seen) == 1
    assert side.result(job_id, timeout_s=0).text == "done"


def test_an_unknown_job_is_an_error(side: Side) -> None:
    """Nobody waits for a job that is not on record."""
    calls: list[Callable[[], object]] = [
        lambda: side.record("nobody"),
        lambda: side.result("nobody"),
        lambda: side.cancel("nobody"),
        lambda: side.watch("nobody", lambda _: None),
    ]
    for call in calls:
        with pytest.raises(UnknownJob):
            call()


def test_a_record_tells_everything_but_the_text(side: Side) -> None:
    """Tenant, urgency, times and the end's reason are on record; the text is not."""
    job = Job(text=SECRET, tenant="acme", hints=Hints(latency="batch", priority=2, deadline_s=60))
    record = side.record(side.submit(job))
    assert (record.tenant, record.latency, record.priority) == ("acme", "batch", 6)
    assert record.deadline_at == pytest.approx(record.accepted_at + 60, abs=0.001)
    assert record.deadline_s == 60
    assert (record.state, record.reason) == (State.DEAD, "malformed")
    assert SECRET not in record.to_json()
    assert "Quillfeather" not in repr(record)
