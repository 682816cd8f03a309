"""Anthropic's message batches: requests and results without files. A batch cannot carry a name of ours.

So one that may have been made is found by what it must be (as many requests, made since, none of ours yet), and known
by its results, which carry our lines' names. While a batch runs that may be ours, it cannot be told, and is waited for.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any, Literal

import anthropic
import httpx2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.deployment import Deployment
from tidegate.errors import BadRequest, MalformedAnswer, RunError
from tidegate.lane import Lane
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Run
from workers.managed.anthropic_api import answer
from workers.managed.anthropic_api.adapter import authorization, open_client
from workers.managed.anthropic_api.failures import failure_of, told
from workers.managed.anthropic_api.request import UNLEARNT, body, headers, quirk
from workers.managed.batches.api import Answered, BatchApi, Line, Mark, NotYet, Phase, Progress
from workers.managed.batches.jsonl import lines_of
from workers.managed.connections import http_client
from workers.managed.credentials import Credential
from workers.managed.translation import Rejection, rejected

MESSAGES = "/v1/messages"
VERSION = "2023-06-01"

MOST_PAGES, PAGE = 50, 100
CLOCKS_S = 3600.0
"""How far the provider's clock and ours may be apart: batches that are older than that are not looked at."""


class _Part(BaseModel):
    """What we read of an answer; the provider may say more."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class _Counts(_Part):
    processing: int = 0
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0

    @property
    def done(self) -> int:
        return self.succeeded + self.errored + self.canceled + self.expired


class _Batch(_Part):
    id: str = Field(min_length=1)
    processing_status: str
    created_at: datetime
    request_counts: _Counts = _Counts()

    @property
    def progress(self) -> Progress:
        phase = Phase.ENDED if self.processing_status == "ended" else Phase.WORKING
        return Progress(provider_id=self.id, phase=phase, answered=self.request_counts.done)

    def may_be(self, mark: Mark) -> bool:
        """Whether it looks like the one that is looked for."""
        counts = self.request_counts
        as_many = counts.processing + counts.done == mark.lines
        return as_many and self.id not in mark.others and self.created_at.timestamp() >= (mark.since or 0.0) - CLOCKS_S


class _Batches(_Part):
    data: list[_Batch]
    has_more: bool = False


class _Told(_Part):
    type: Literal["succeeded", "errored", "canceled", "expired"]
    message: Any = None
    error: Any = None


class _Result(_Part):
    custom_id: str
    result: _Told


def open_batches(lane: Lane, deployment: Deployment, settings: Settings) -> BatchApi:
    """Make ready to send batches of one deployment."""
    credential = Credential(lane, deployment, settings)
    return AnthropicBatches(lane, deployment, client=open_client(lane, deployment, settings), credential=credential)


class AnthropicBatches:
    """One deployment's batches."""

    def __init__(
        self, lane: Lane, deployment: Deployment, *, client: anthropic.AsyncAnthropic, credential: Credential
    ) -> None:
        self._lane = lane
        self._credential = credential
        self._client = client
        self._http = http_client(lane)
        self._model = (lane.batch and lane.batch.model) or deployment.model or lane.model
        self._quirks: frozenset[str] = frozenset()

    def line(self, custom_id: str, run: Run) -> Line:
        """A run as a line."""
        fields = body(run, model=self._model, quirks=self._quirks)
        try:
            return Line(custom_id=custom_id, endpoint=MESSAGES, body=json.dumps(fields, ensure_ascii=False).encode())
        except UnicodeEncodeError:
            raise BadRequest("the job's text has half a character in it (a lone surrogate)") from None

    async def submit(self, mark: Mark, lines: Sequence[Line], *, check: Callable[[], None]) -> Progress:
        """All in one request."""
        requests: list[Any] = [{"custom_id": line.custom_id, "params": json.loads(line.body)} for line in lines]
        versions = [version for one in requests if (version := headers(one["params"]))]
        check()
        made = await self._client.messages.batches.with_raw_response.create(
            requests=requests,
            extra_headers={
                "Idempotency-Key": mark.batch_id,
                **(versions[0] if versions else {}),
                **self._key,
            },
        )
        return _batch(await made.read()).progress

    async def find(self, mark: Mark) -> Progress | None:
        """By what it must be, and by the names of its lines once they can be read."""
        running = False
        for batch in [batch async for batch in self._recent(mark) if batch.may_be(mark)]:
            if batch.progress.phase is Phase.WORKING:
                running = True
            elif await self._is_ours(batch, mark):
                return batch.progress
        if running:
            raise NotYet("a batch is running there that may be ours")
        return None

    async def twins(self, mark: Mark, provider_id: str) -> list[str]:
        """Of those that have ended, by the names of their lines; of one that runs nobody can tell."""
        ended = [batch async for batch in self._recent(mark) if batch.may_be(mark) and batch.id != provider_id]
        ended = [batch for batch in ended if batch.progress.phase is not Phase.WORKING]
        return [batch.id for batch in ended if await self._is_ours(batch, mark)]

    async def status(self, provider_id: str) -> Progress:
        """How far it is."""
        said = await self._client.messages.batches.with_raw_response.retrieve(provider_id, extra_headers=self._key)
        return _batch(await said.read()).progress

    async def results(self, provider_id: str) -> AsyncIterator[Answered]:
        """By the path that the API has for them: an address that a server names would get our key."""
        url = str(self._client.base_url.join(f"/v1/messages/batches/{provider_id}/results"))
        sent = {"anthropic-version": VERSION, **self._key}
        async with self._http.stream("GET", url, headers=sent, timeout=self._lane.timeout_s) as response:
            if response.status_code != httpx2.codes.OK:
                raise rejected(Rejection(status=response.status_code, headers=response.headers))
            async for line in lines_of(response.aiter_bytes()):
                if (answered := self._answered(line)) is not None:
                    yield answered

    async def cancel(self, provider_id: str) -> None:
        """Work on no more lines; one that has ended stays as it is."""
        with suppress(anthropic.BadRequestError, anthropic.ConflictError):
            await self._client.messages.batches.with_raw_response.cancel(provider_id, extra_headers=self._key)

    async def clean(self, mark: Mark, provider_id: str | None) -> None:  # noqa: ARG002 - there are no files to look for
        """Delete the batch with its results; of one that was never made there is nothing."""
        if provider_id:
            with suppress(anthropic.NotFoundError, anthropic.BadRequestError, anthropic.ConflictError):
                await self._client.messages.batches.with_raw_response.delete(provider_id, extra_headers=self._key)

    def read(self, content: bytes, run: Run) -> Answer:
        """The answer in a line's message, as that of a call."""
        return answer.read(content, model=self._model, params=run.params)

    def failure(self, error: Exception) -> RunError:
        """Our error for what was raised."""
        return failure_of(error)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()
        await self._http.aclose()

    @property
    def _key(self) -> dict[str, str]:
        return authorization(self._credential)

    async def _is_ours(self, batch: _Batch, mark: Mark) -> bool:
        """One line's name says it."""
        async with aclosing(self.results(batch.id)) as results:  # type: ignore[type-var]
            async for answered in results:
                return answered.custom_id in mark.custom_ids
        return False

    async def _recent(self, mark: Mark) -> AsyncIterator[_Batch]:
        """Batches that were made since ours was first tried, the newest first."""
        oldest = (mark.since or 0.0) - CLOCKS_S
        after: str | anthropic.Omit = anthropic.omit
        for _ in range(MOST_PAGES):
            said = await self._client.messages.batches.with_raw_response.list(
                limit=PAGE, after_id=after, extra_headers=self._key
            )
            page = _page(await said.read())
            for batch in page.data:
                yield batch
            if not page.has_more or not page.data or page.data[-1].created_at.timestamp() < oldest:
                return
            after = page.data[-1].id
        raise MalformedAnswer("the provider lists more batches than we look at, so ours cannot be found")

    def _answered(self, line: bytes) -> Answered | None:
        try:
            said = _Result.model_validate_json(line)
        except ValidationError:
            return None
        result = said.result
        if result.type == "succeeded":
            return Answered(custom_id=said.custom_id, content=json.dumps(result.message).encode())
        if result.type == "errored":
            error = result.error if isinstance(result.error, dict) else {}
            self._learn(error)
            return Answered(custom_id=said.custom_id, error=told(error))
        return Answered(custom_id=said.custom_id)

    def _learn(self, error: dict[str, Any]) -> None:
        """A field that the model will not have: the next batch goes without it; this line goes alone."""
        inner = error.get("error")
        named = quirk(Rejection(status=400, error=inner if isinstance(inner, dict) else {}))
        if named is not None:
            self._quirks |= {named} - UNLEARNT


def _batch(content: bytes) -> _Batch:
    try:
        return _Batch.model_validate_json(content)
    except ValidationError:
        pass
    raise MalformedAnswer("status 200, but the body is no batch")


def _page(content: bytes) -> _Batches:
    try:
        return _Batches.model_validate_json(content)
    except ValidationError:
        pass
    raise MalformedAnswer("status 200, but the body is no list of batches")
