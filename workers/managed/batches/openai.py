"""OpenAI's batches: a file of requests, a batch over it that carries our id, and files of results and errors."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import openai
from pydantic import ValidationError

from tidegate.deployment import Deployment
from tidegate.errors import BadRequest, MalformedAnswer, RunError
from tidegate.lane import Lane
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Run
from workers.managed import vectors
from workers.managed.batches.api import Answered, BatchApi, Line, Mark, Phase, Progress
from workers.managed.batches.jsonl import lines_of
from workers.managed.batches.openai_words import Batch, Batches, File, Files, LineError, Result, read
from workers.managed.completions import ChatCompletions
from workers.managed.dialect import Dialect
from workers.managed.openai import is_openai, open_client
from workers.managed.responses import Responses
from workers.managed.translation import Rejection, rejected, translate

EMBEDDINGS = "/v1/embeddings"
ENDPOINTS: Mapping[str, str] = {"openai": "/v1/chat/completions", "openai_responses": "/v1/responses"}
"""By a lane's `backend`: where its lines ask."""

OURS = "tidegate_batch"
"""The name of our id among a batch's metadata."""

NOT_TRIED = frozenset({"batch_expired", "batch_cancelled", "batch_canceled"})

MOST_PAGES, PAGE = 50, 100
CLOCKS_S = 3600.0
"""How far the provider's clock and ours may be apart: batches that are older than that are not looked at."""


def open_batches(lane: Lane, deployment: Deployment, settings: Settings) -> BatchApi:
    """Make ready to send batches of one deployment."""
    client = open_client(lane, deployment, settings)
    itself = is_openai(client)
    dialects: dict[str, Dialect] = {
        "openai": ChatCompletions(
            limit_field="max_completion_tokens" if itself else "max_tokens", beyond=not itself, forgets=itself
        ),
        "openai_responses": Responses(openai=itself),
    }
    return OpenAIBatches(
        client,
        model=(lane.batch and lane.batch.model) or deployment.model or lane.model,
        dialect=dialects[lane.backend],
        endpoint=ENDPOINTS[lane.backend],
    )


class OpenAIBatches:
    """One deployment's batches."""

    def __init__(self, client: openai.AsyncOpenAI, *, model: str, dialect: Dialect, endpoint: str) -> None:
        self._client = client
        self._model = model
        self._dialect = dialect
        self._endpoint = endpoint
        self._quirks: frozenset[str] = frozenset()

    def line(self, custom_id: str, run: Run) -> Line:
        """A run as a line."""
        if run.input:
            return _line(custom_id, EMBEDDINGS, vectors.body(run, model=self._model))
        fields = self._dialect.arguments(run, model=self._model, quirks=self._quirks, stream=False)
        return _line(custom_id, self._endpoint, {**fields, **fields.pop("extra_body", {})})

    async def submit(self, mark: Mark, lines: Sequence[Line], *, check: Callable[[], None]) -> Progress:
        """Upload the requests, then make a batch of them; after a crash in between the file is found by its name."""
        content = b"\n".join(_wrapped(line) for line in lines)
        uploaded = await self._client.files.with_raw_response.create(
            file=(_file_name(mark), content, "application/jsonl"),
            purpose="batch",
            extra_headers={"Idempotency-Key": f"{mark.batch_id}-file"},
        )
        file_id = read(File, uploaded.content).id
        await self.ready(file_id)
        check()
        made = await self._client.batches.with_raw_response.create(
            completion_window="24h",
            endpoint=lines[0].endpoint,  # type: ignore[arg-type] # one of ours
            input_file_id=file_id,
            metadata={OURS: mark.batch_id},
            extra_headers={"Idempotency-Key": mark.batch_id},
        )
        return read(Batch, made.content).progress

    async def ready(self, file_id: str) -> None:
        """Wait until a batch can be made of an upload: here at once."""

    async def file(self, file_id: str) -> "File":
        """What is known of an upload."""
        return read(File, (await self._client.files.with_raw_response.retrieve(file_id)).content)

    async def find(self, mark: Mark) -> Progress | None:
        """By our id in its metadata."""
        ours = await self._ours(mark)
        return ours[0].progress if ours else None

    async def twins(self, mark: Mark, provider_id: str) -> list[str]:
        """By our id in their metadata."""
        return [batch.id for batch in await self._ours(mark) if batch.id != provider_id]

    async def status(self, provider_id: str) -> Progress:
        """How far it is."""
        return (await self._batch(provider_id)).progress

    async def results(self, provider_id: str) -> AsyncIterator[Answered]:
        """First what was answered, then what was refused or not tried."""
        for name in (await self._batch(provider_id)).files:
            async with self._client.files.with_streaming_response.content(name) as response:
                async for line in lines_of(response.iter_bytes()):
                    if (answered := self._answered(line)) is not None:
                        yield answered

    async def cancel(self, provider_id: str) -> None:
        """Work on no more lines; one that has ended cannot be cancelled, which is as good."""
        with suppress(openai.BadRequestError, openai.ConflictError):
            await self._client.batches.with_raw_response.cancel(provider_id)

    async def clean(self, mark: Mark, provider_id: str | None) -> None:
        """Delete requests, results and errors; of a batch that was never made, the requests by their name."""
        names = [] if provider_id else [file.id async for file in self._uploads(mark)]
        if provider_id:
            with suppress(openai.NotFoundError):
                batch = await self._batch(provider_id)
                names += [name for name in (*batch.files, batch.input_file_id) if name]
        for name in dict.fromkeys(names):
            with suppress(openai.NotFoundError):
                await self._client.files.with_raw_response.delete(name)

    def read(self, content: bytes, run: Run) -> Answer:
        """The answer in a line's body, as that of a call."""
        if run.input:
            return vectors.read(content, model=self._model, count=len(run.input))
        return self._dialect.read(content, model=self._model, params=run.params)

    def failure(self, error: Exception) -> RunError:
        """Our error for what was raised."""
        return translate(error)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def _batch(self, provider_id: str) -> Batch:
        return read(Batch, (await self._client.batches.with_raw_response.retrieve(provider_id)).content)

    async def _ours(self, mark: Mark) -> list[Batch]:
        """Those under our id, the first one first; one that is wrong as a whole comes last."""
        ours = [batch async for batch in self._recent(mark) if (batch.metadata or {}).get(OURS) == mark.batch_id]
        return sorted(ours, key=lambda batch: (batch.phase is Phase.FAILED, batch.created_at, batch.id))

    async def _recent(self, mark: Mark) -> AsyncIterator[Batch]:
        """Batches that were made since ours was first tried, the newest first."""
        oldest = (mark.since or 0.0) - CLOCKS_S
        after: str | openai.Omit = openai.omit
        for _ in range(MOST_PAGES):
            said = await self._client.batches.with_raw_response.list(limit=PAGE, after=after)
            page = read(Batches, said.content)
            for batch in page.data:
                yield batch
            if not page.has_more or not page.data or page.data[-1].created_at < oldest:
                return
            after = page.data[-1].id
        raise MalformedAnswer("the provider lists more batches than we look at, so ours cannot be found")

    async def _uploads(self, mark: Mark) -> AsyncIterator[File]:
        """Request files of ours, of which the newest are listed first."""
        after: str | openai.Omit = openai.omit
        for _ in range(MOST_PAGES):
            said = await self._client.files.with_raw_response.list(
                purpose="batch", order="desc", limit=PAGE, after=after
            )
            page = read(Files, said.content)
            for file in page.data:
                if file.filename == _file_name(mark):
                    yield file
            if not page.has_more or not page.data:
                return
            after = page.data[-1].id

    def _answered(self, line: bytes) -> Answered | None:
        try:
            result = Result.model_validate_json(line)
        except ValidationError:
            return None
        response = result.response
        if response is None:
            return Answered(custom_id=result.custom_id, error=_told(result.error))
        if response.status_code == 200:  # noqa: PLR2004 - HTTP's
            return Answered(custom_id=result.custom_id, content=json.dumps(response.body).encode())
        told = response.body.get("error") if isinstance(response.body, dict) else None
        said = Rejection(status=response.status_code, error=told if isinstance(told, dict) else {})
        if (named := self._dialect.quirk(said)) is not None:
            self._quirks |= {named}  # the next batch goes without it; this line goes alone, where it is learnt as well
        return Answered(custom_id=result.custom_id, error=rejected(said))


def _line(custom_id: str, endpoint: str, fields: Mapping[str, Any]) -> Line:
    try:
        return Line(custom_id=custom_id, endpoint=endpoint, body=json.dumps(fields, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise BadRequest("the job's text has half a character in it (a lone surrogate)") from None


def _wrapped(line: Line) -> bytes:
    head = json.dumps({"custom_id": line.custom_id, "method": "POST", "url": line.endpoint})
    return head[:-1].encode() + b', "body": ' + line.body + b"}"


def _told(error: LineError | None) -> RunError | None:
    """None of a line that was not tried."""
    code = error.code if error else None
    return None if code in NOT_TRIED else rejected(Rejection(status=500, error={"code": code}))


def _file_name(mark: Mark) -> str:
    return f"tidegate-{mark.batch_id}.jsonl"
