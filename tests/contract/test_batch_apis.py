"""What each provider's batches keep, on the stand-in over real HTTP: sent, found again, read by line, cleaned up."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

import httpx2
import pytest
from doubles import lane

from tidegate.errors import (
    AuthFailed,
    BadRequest,
    ContextOverflow,
    NetworkFailed,
    ProviderFailed,
    RateLimited,
    RunError,
)
from tidegate.job import JsonSchema, Message, Params, ResponseFormat
from tidegate.lane import Batch, Zone
from tidegate.settings import load
from tidegate.tools import Function, Tool
from workers.backend import Run
from workers.managed.batches.api import Answered, BatchApi, Line, Mark, NotYet, Phase, open_batches
from workers.standin.faults import Fault, When
from workers.standin.server import Running

T = TypeVar("T")

BACKENDS = ("openai", "openai_responses", "azure", "anthropic")
FILES = ("openai", "openai_responses", "azure")


class Desk:
    """One adapter, called from a test."""

    def __init__(self, api: BatchApi) -> None:
        self.api = api
        self._runner = asyncio.Runner()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for it; errors come as the adapter translates them."""
        try:
            return self._runner.run(work)
        except RunError:
            raise
        except Exception as error:  # noqa: BLE001 - as the desk does
            raise self.api.failure(error) from None

    def results(self, provider_id: str) -> list[Answered]:
        """All of them."""

        async def read() -> list[Answered]:
            async with aclosing(self.api.results(provider_id)) as results:  # type: ignore[type-var]
                return [one async for one in results]

        return self.call(read())

    def ended(self, provider_id: str) -> str:
        """Look until it has ended."""
        for _ in range(10):
            if self.call(self.api.status(provider_id)).phase is not Phase.WORKING:
                return provider_id
        raise AssertionError("the batch does not end")

    def close(self) -> None:
        """Let go of connections."""
        self.call(self.api.close())
        self._runner.close()


@contextmanager
def _opened(backend: str, standin: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setattr("workers.managed.batches.azure.LOOK_S", 0.01)
    told = {"api_version": "2024-10-21"} if backend == "azure" else {}
    far = lane("far", zone=Zone.OUTSIDE, backend=backend, model="m-1", base_url=standin.url, batch=Batch(), **told)
    desk = Desk(open_batches(far, far.every_deployment[0], load()))
    try:
        yield desk
    finally:
        desk.close()


@pytest.fixture(params=BACKENDS)
def desk(request: pytest.FixtureRequest, standin: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Each provider's adapter."""
    with _opened(request.param, standin, monkeypatch) as made:
        yield made


def run(text: str = "hello there", **params: Any) -> Run:
    """A run of a batch job."""
    return Run(
        job_id="j", attempt=1, messages=(Message(role="user", content=text),), params=Params(**params), timeout_s=30.0
    )


def mark(*custom_ids: str, batch_id: str = "b" * 24, **changes: Any) -> Mark:
    """A batch that was tried a moment ago."""
    return Mark(batch_id=batch_id, custom_ids=frozenset(custom_ids), lines=len(custom_ids), **changes)


def fine() -> None:
    """It is still ours to send."""


def lines(desk: Desk, *texts: str, **params: Any) -> list[Line]:
    """A line each, named by number."""
    return [desk.api.line(f"j{number}-1", run(text, **params)) for number, text in enumerate(texts)]


def sent(desk: Desk, *texts: str, **params: Any) -> str:
    """A batch of these, by the provider's name for it."""
    made = lines(desk, *texts, **params)
    return desk.call(desk.api.submit(mark(*(line.custom_id for line in made)), made, check=fine)).provider_id


def foreign_batch(desk: Desk) -> str:
    """Another's batch in the same account, of one line."""
    made = [desk.api.line("x-1", run())]
    return desk.call(desk.api.submit(mark("x-1", batch_id="c" * 24), made, check=fine)).provider_id


def test_a_batch_is_answered_line_by_line(desk: Desk, standin: Running) -> None:
    """Each line comes back under its name, and reads as the answer of a call would."""
    provider_id = sent(desk, "first of all", "second to none here")
    answers = {one.custom_id: one for one in desk.results(desk.ended(provider_id))}
    assert set(answers) == {"j0-1", "j1-1"}
    read = desk.api.read(answers["j0-1"].content or b"", run("first of all"))
    assert "3 words" in read.text
    assert read.usage.prompt_tokens > 0
    assert standin.standin.batching.lines_received == {"j0-1": 1, "j1-1": 1}


def test_schemas_and_tools_travel_with_a_line(desk: Desk) -> None:
    """What a job promised its reader is asked for, and its answer is held to it."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    promised = ResponseFormat(type="json_schema", json_schema=JsonSchema(name="s", schema=schema))
    tool = Tool(type="function", function=Function(name="look", parameters=schema))
    for params in ({"response_format": promised}, {"tools": (tool,), "tool_choice": "required"}):
        made = [desk.api.line("j0-1", run("x", **params))]
        provider_id = desk.call(desk.api.submit(mark("j0-1"), made, check=fine)).provider_id
        (answered,) = desk.results(desk.ended(provider_id))
        read = desk.api.read(answered.content or b"", run("x", **params))
        assert read.tool_calls if "tools" in params else json.loads(read.text) == {"a": 0}


def test_what_no_lane_of_this_kind_can_do_is_the_job_s_fault(desk: Desk) -> None:
    """A line that cannot be made says so before anything is sent."""
    with pytest.raises(BadRequest):
        desk.api.line("j0-1", run(stop_tokens=(7,)))


def test_half_a_character_is_the_job_s_fault(desk: Desk) -> None:
    """A lone surrogate is no text that could be sent; the batch of all others must not fail for it."""
    with pytest.raises(BadRequest):
        desk.api.line("j0-1", run("half \ud83d of it"))


def test_lines_that_fail_say_why(desk: Desk, standin: Running) -> None:
    """Refused lines come with our error, lines that were not tried with none; the others are answered."""
    faults = ("context_too_long", "rate_limited", "expired", "server_error", "malformed", "missing")
    book = [Fault(fault=name, when=When(contains=f"please {name}")) for name in faults]
    standin.standin.book.replace(book)
    provider_id = sent(desk, "fine", *(f"please {name}" for name in faults))
    found = {one.custom_id: one for one in desk.results(desk.ended(provider_id))}
    assert found["j0-1"].content is not None
    assert isinstance(found["j1-1"].error, ContextOverflow)
    assert isinstance(found["j2-1"].error, RateLimited)
    assert (found["j3-1"].content, found["j3-1"].error) == (None, None)
    assert isinstance(found["j4-1"].error, ProviderFailed)
    assert {"j5-1", "j6-1"}.isdisjoint(found)
    assert not any("please" in str(one.error) for one in found.values())


def test_a_batch_that_may_have_been_made_is_found(desk: Desk, standin: Running) -> None:
    """The provider made it and its maker never heard: it is found, among others, and only that one."""
    assert desk.call(desk.api.find(mark("j0-1"))) is None
    other = foreign_batch(desk)
    standin.standin.book.replace([Fault(fault="dropped", when=When(step="create"))])
    with pytest.raises(NetworkFailed):
        sent(desk, "once")
    (lost,) = [one for one in standin.standin.batching.batches if one != other]
    wanted = mark("j0-1", others=frozenset({other}))
    for _ in range(10):
        try:
            found = desk.call(desk.api.find(wanted))
            break
        except NotYet:
            desk.call(desk.api.status(lost))
    assert found is not None
    assert found.provider_id == lost
    assert standin.standin.batching.lines_received["j0-1"] == 1


def test_another_s_batch_of_the_same_size_is_not_taken_for_ours(desk: Desk) -> None:
    """An account may have other users: what has not our lines is not ours."""
    foreign = foreign_batch(desk)
    desk.ended(foreign)
    assert desk.call(desk.api.find(mark("j0-1"))) is None


def test_nothing_is_made_where_the_last_look_says_no(desk: Desk, standin: Running) -> None:
    """It comes right before the request that makes the batch: after an upload, and before anything of the batch's."""

    def gone() -> None:
        raise RunError("it is another's turn")

    with pytest.raises(RunError, match="another's turn"):
        desk.call(desk.api.submit(mark("j0-1"), lines(desk, "never"), check=gone))
    assert [one.path for one in standin.standin.received if "batches" in one.path] == []
    assert standin.standin.batching.batches == {}


def test_a_second_batch_under_our_mark_is_recognised(desk: Desk) -> None:
    """By its metadata at once, or by its lines' names when it has ended; another's is none."""
    foreign_batch(desk)
    first, second = sent(desk, "twice"), sent(desk, "twice")
    for provider_id in (first, second):
        desk.ended(provider_id)
    assert desk.call(desk.api.twins(mark("j0-1"), first)) == [second]
    found = desk.call(desk.api.find(mark("j0-1")))
    assert found is not None
    assert found.provider_id in (first, second)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("rate_limited", RateLimited), ("server_error", ProviderFailed), ("unauthorized", AuthFailed)],
)
def test_a_provider_that_refuses_says_why(desk: Desk, standin: Running, fault: Any, error: type[RunError]) -> None:
    """What meets a call of the batch API is translated as for any call, and no batch is made."""
    asked_s = 2.0 if fault == "rate_limited" else None
    standin.standin.book.replace([Fault(fault=fault, when=When(step="create"), retry_after_s=asked_s)])
    with pytest.raises(error):
        sent(desk, "never")
    assert standin.standin.batching.batches == {}


def test_a_cancelled_batch_ends_with_what_was_done(desk: Desk) -> None:
    """What was answered by then is read, what was not comes back untried; to cancel twice does no harm."""
    provider_id = sent(desk, "one", "two", "three", "four")
    desk.call(desk.api.status(provider_id))
    desk.call(desk.api.cancel(provider_id))
    desk.call(desk.api.cancel(provider_id))
    desk.ended(provider_id)
    desk.call(desk.api.cancel(provider_id))
    found = desk.results(provider_id)
    assert all(one.error is None for one in found)
    assert sum(one.content is not None for one in found) < 4


def test_nothing_is_left_at_the_provider(desk: Desk, standin: Running, request: pytest.FixtureRequest) -> None:
    """After a batch its requests and results are deleted; to do so twice does no harm."""
    provider_id = desk.ended(sent(desk, "one"))
    for _ in range(2):
        desk.call(desk.api.clean(mark("j0-1"), provider_id))
    with pytest.raises(RunError):
        desk.results(provider_id)


@pytest.mark.parametrize("backend", FILES)
def test_an_upload_without_a_batch_is_deleted(backend: str, standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose batch was never made is found by its name, and others' are let alone."""
    with _opened(backend, standin, monkeypatch) as desk:
        other = sent(desk, "another's")
        standin.standin.book.replace([Fault(fault="server_error", when=When(step="create"))])
        with pytest.raises(ProviderFailed):
            desk.call(desk.api.submit(mark("j0-1", batch_id="d" * 24), lines(desk, "lost"), check=fine))
        before = _files(standin, backend)
        desk.call(desk.api.clean(mark("j0-1", batch_id="d" * 24), None))
        assert before - _files(standin, backend) == {f"tidegate-{'d' * 24}.jsonl"}
        assert desk.results(desk.ended(other))


@pytest.mark.parametrize("backend", FILES)
def test_a_batch_that_is_wrong_as_a_whole_has_failed(
    backend: str, standin: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider looks into the file after it was taken: none of its lines will be answered."""
    with _opened(backend, standin, monkeypatch) as desk:
        standin.standin.book.replace([Fault(fault="batch_failed", when=When(step="create"))])
        provider_id = desk.ended(sent(desk, "one"))
        assert desk.call(desk.api.status(provider_id)).phase is Phase.FAILED


def test_results_that_break_off_raise(desk: Desk, standin: Running) -> None:
    """A connection that ends in the middle is no end of the results: they are read again."""
    provider_id = desk.ended(sent(desk, *(f"number {number}" for number in range(20))))
    standin.standin.book.replace([Fault(fault="dropped", when=When(step="results"))])
    with pytest.raises(RunError):
        desk.results(provider_id)
    assert len(desk.results(provider_id)) == 20


def test_the_key_goes_to_the_lane_s_server_alone(desk: Desk, standin: Running) -> None:
    """Whatever address an answer names for its results, they are asked of the server that the lane names."""
    provider_id = desk.ended(sent(desk, "one"))
    desk.results(provider_id)
    hosts = {received.headers.get("host") for received in standin.standin.received}
    assert hosts == {standin.url.removeprefix("http://")}


def _files(standin: Running, backend: str) -> set[str]:
    path, key = ("openai", "api-key") if backend == "azure" else ("v1", "Authorization")
    given = {"limit": 100, "api-version": "2024-10-21"}
    said = httpx2.get(f"{standin.url}/{path}/files", params=given, headers={key: "Bearer any"})
    return {file["filename"] for file in said.json()["data"]}
