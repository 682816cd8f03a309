"""A deployment that OpenAI's SDK calls, whoever runs it: in a dialect, with what its server was seen to refuse.

The adapters beside this file make the client: they know the address and the key. Embeddings are alike in all dialects.
"""

import openai

from tidegate.deployment import Deployment
from tidegate.errors import RunError
from tidegate.lane import Lane
from tidegate.result import Answer
from workers.backend import Run
from workers.managed import vectors
from workers.managed.addresses import stay_inside
from workers.managed.dialect import Dialect
from workers.managed.exchange import exchange, limits
from workers.managed.ordered import Ordered
from workers.managed.provider import OnPiece
from workers.managed.request import asked_for
from workers.managed.translation import rejection, translate


class SdkProvider:
    """One deployment's client: its connections, its key, and what its server was seen to refuse."""

    def __init__(self, lane: Lane, deployment: Deployment, *, client: openai.AsyncOpenAI, dialect: Dialect) -> None:
        self._lane = lane
        self._client = client
        self._dialect = dialect
        self._quirks: frozenset[str] = frozenset()
        self._ordered = Ordered(lane, deployment, listed=self._listed)

    async def send(self, run: Run, on_piece: OnPiece | None) -> bytes:
        """Ask once."""
        stay_inside(run, self._lane)
        await self._ordered.found()
        return await self._embedded(run) if run.input else await self._sent(run, on_piece)

    def read(self, content: bytes, run: Run) -> Answer:
        """The answer in a body."""
        model = self._ordered.model
        if run.input:
            return vectors.read(content, model=model, count=len(run.input))
        return self._dialect.read(content, model=model, params=run.params)

    def failure(self, error: Exception) -> RunError:
        """Our error for what was raised."""
        return self._ordered.noted(translate(error))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def _listed(self) -> bytes:
        return (await self._client.models.with_raw_response.list()).content

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
            **self._dialect.arguments(run, model=self._ordered.model, quirks=quirks, stream=on_piece is not None),
            extra_headers={"Idempotency-Key": run.job_id},
            timeout=limits(run, connect_s=self._lane.connect_s),
        )
        return await exchange(call, run, dialect=self._dialect, on_piece=on_piece)

    async def _embedded(self, run: Run) -> bytes:
        call = self._client.embeddings.with_streaming_response.create(
            **vectors.body(run, model=self._ordered.model),
            extra_headers={"Idempotency-Key": run.job_id},
            timeout=limits(run, connect_s=self._lane.connect_s),
        )
        return await exchange(call, run, dialect=self._dialect, on_piece=None)
