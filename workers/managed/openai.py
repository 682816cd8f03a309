"""The adapter of OpenAI's SDK: any server that speaks chat completions, a provider's or one's own."""

from typing import Any

import httpx2
import openai

from tidegate.deployment import Deployment
from tidegate.errors import MalformedAnswer, ModelMissing, RunError
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Run
from workers.managed import chat, vectors
from workers.managed.connections import OPENAI_HOST, base_url, http_client
from workers.managed.credentials import Credential
from workers.managed.provider import OnPiece, Provider
from workers.managed.request import Body, asked_for, body, quirk, sdk
from workers.managed.stream import Stream
from workers.managed.translation import rejection, translate

MAX_ANSWER_BYTES = 16_000_000
"""Far above the longest answer that a job may ask for; a server that sends more has lost its mind."""
MAX_STREAM_BYTES = 8 * MAX_ANSWER_BYTES
"""A stream wraps each token in a line of its own."""
DISCOVER = "auto"
"""A lane's `model` that means: the one that its server has."""


def open_provider(lane: Lane, deployment: Deployment, settings: Settings) -> Provider:
    """Make ready to call one deployment. Nothing is sent before the first run."""
    url = base_url(lane, deployment, default=settings.openai_base_url)
    return OpenAIProvider(lane, deployment, url=url, credential=Credential(lane, deployment, settings))


class OpenAIProvider:
    """One deployment's client: its connections, its key, and what its server was seen to refuse."""

    def __init__(self, lane: Lane, deployment: Deployment, *, url: str | None, credential: Credential) -> None:
        self._lane = lane
        self._credential = credential
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=url,
            max_retries=0,  # the failure table retries, where it is on record
            http_client=http_client(lane),
        )
        self._limit_field = "max_completion_tokens" if self._client.base_url.host == OPENAI_HOST else "max_tokens"
        self._quirks: frozenset[str] = frozenset()
        self._ordered = deployment.model or lane.model
        self._model: str | None = None

    async def send(self, run: Run, on_piece: OnPiece | None) -> bytes:
        """Ask once."""
        self._model = self._model or await self._discovered()
        return await self._sent(run, on_piece)

    def read(self, content: bytes, run: Run) -> Answer:
        """The answer in a body."""
        model = self._model or self._ordered
        if run.input:
            return vectors.read(content, model=model, count=len(run.input))
        return chat.read(content, model=model, params=run.params)

    def failure(self, error: Exception) -> RunError:
        """Our error for what was raised."""
        failure = translate(error)
        if self._ordered == DISCOVER and isinstance(failure, ModelMissing):
            self._model = None  # the server may serve another one by now: ask it again next time
        return failure

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def _discovered(self) -> str:
        """The lane's model, or the one that the server has."""
        if self._ordered != DISCOVER:
            return self._ordered
        said = await self._client.models.with_raw_response.list()
        names = chat.models(said.content)
        if len(names) != 1:
            raise ModelMissing(f"lane {self._lane.name}: the server has {len(names)} models, so the lane must name one")
        return names[0]

    async def _sent(self, run: Run, on_piece: OnPiece | None) -> bytes:
        """Send the request; without the fields that the server names as unsupported, if it does."""
        quirks = self._quirks
        while True:
            fields = body(
                run,
                model=self._model or self._ordered,
                limit_field=self._limit_field,
                quirks=quirks,
                stream=on_piece is not None,
                logprobs=self._lane.zone is Zone.INSIDE,  # outside nobody escalates, and they are paid for in time
                openai=self._client.base_url.host == OPENAI_HOST,
            )
            try:
                content = await self._post(fields, run, on_piece)
            except openai.APIStatusError as error:
                named = quirk(rejection(error))
                if named is None or named in quirks | asked_for(run.params):
                    raise
                quirks |= {named}
            else:
                self._quirks |= quirks  # learnt only where it helped
                return content

    async def _post(self, fields: Body, run: Run, on_piece: OnPiece | None) -> bytes:
        resource: Any = self._client.chat.completions
        if run.input:
            fields, resource = vectors.body(run, model=fields["model"]), self._client.embeddings
        content, size_bytes = bytearray(), 0
        async with resource.with_streaming_response.create(
            **sdk(fields),
            extra_headers={"Idempotency-Key": run.job_id},
            timeout=httpx2.Timeout(run.timeout_s, connect=min(self._lane.connect_s, run.timeout_s)),
        ) as response:
            streams = on_piece and response.headers.get("content-type", "").startswith("text/event-stream")
            stream, limit = (Stream(on_piece), MAX_STREAM_BYTES) if on_piece and streams else (None, MAX_ANSWER_BYTES)
            async for chunk in response.iter_bytes():
                size_bytes += len(chunk)
                if size_bytes > limit:
                    raise MalformedAnswer(f"status 200, but more than {limit} bytes")
                if stream:
                    stream.feed(chunk)
                else:
                    content += chunk
        if stream:
            return stream.body()
        if on_piece and (text := chat.text_of(bytes(content))):  # asked for pieces, and it said all at once
            on_piece(text)
        return bytes(content)

    async def _key(self) -> str:
        """As it is now, for every call."""
        return self._credential.key()
