"""A deployment that OpenAI's SDK calls, whoever runs it: in a dialect, with what its server was seen to refuse.

The adapters beside this file make the client: they know the address and the key. Embeddings are alike in all dialects.
"""

import openai

from tidegate.deployment import Deployment
from tidegate.errors import ModelMissing, RunError
from tidegate.lane import Lane
from tidegate.result import Answer
from workers.backend import Run
from workers.managed import chat, vectors
from workers.managed.addresses import stay_inside
from workers.managed.dialect import Dialect
from workers.managed.exchange import exchange, limits
from workers.managed.provider import OnPiece
from workers.managed.request import asked_for
from workers.managed.translation import rejection, translate

DISCOVER = "auto"
"""A lane's `model` that means: the one that its server has."""


class SdkProvider:
    """One deployment's client: its connections, its key, and what its server was seen to refuse."""

    def __init__(self, lane: Lane, deployment: Deployment, *, client: openai.AsyncOpenAI, dialect: Dialect) -> None:
        self._lane = lane
        self._client = client
        self._dialect = dialect
        self._quirks: frozenset[str] = frozenset()
        self._ordered = deployment.model or lane.model
        self._model: str | None = None

    async def send(self, run: Run, on_piece: OnPiece | None) -> bytes:
        """Ask once."""
        stay_inside(run, self._lane)
        self._model = self._model or await self._discovered()
        return await self._embedded(run) if run.input else await self._sent(run, on_piece)

    def read(self, content: bytes, run: Run) -> Answer:
        """The answer in a body."""
        model = self._model or self._ordered
        if run.input:
            return vectors.read(content, model=model, count=len(run.input))
        return self._dialect.read(content, model=model, params=run.params)

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
            try:
                content = await self._asked(run, on_piece, quirks)
            except openai.APIStatusError as error:
                named = self._dialect.quirk(rejection(error))
                if named is None or named in quirks | asked_for(run.params):
                    raise
                quirks |= {named}
            else:
                self._quirks |= quirks  # learnt only where it helped
                return content

    async def _asked(self, run: Run, on_piece: OnPiece | None, quirks: frozenset[str]) -> bytes:
        call = self._dialect.resource(self._client).with_streaming_response.create(
            **self._dialect.arguments(
                run, model=self._model or self._ordered, quirks=quirks, stream=on_piece is not None
            ),
            extra_headers={"Idempotency-Key": run.job_id},
            timeout=limits(run, connect_s=self._lane.connect_s),
        )
        return await exchange(call, run, dialect=self._dialect, on_piece=on_piece)

    async def _embedded(self, run: Run) -> bytes:
        call = self._client.embeddings.with_streaming_response.create(
            **vectors.body(run, model=self._model or self._ordered),
            extra_headers={"Idempotency-Key": run.job_id},
            timeout=limits(run, connect_s=self._lane.connect_s),
        )
        return await exchange(call, run, dialect=self._dialect, on_piece=None)
