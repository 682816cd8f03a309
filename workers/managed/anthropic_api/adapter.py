"""The adapter of Anthropic's SDK: Anthropic itself, or any server that speaks its Messages API."""

import logging

import anthropic

from tidegate.deployment import Deployment
from tidegate.errors import RunError
from tidegate.lane import Lane
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Run
from workers.managed.addresses import stay_inside
from workers.managed.anthropic_api import answer, form
from workers.managed.anthropic_api.failures import failure_of, rejection
from workers.managed.anthropic_api.messages import Messages
from workers.managed.anthropic_api.request import UNLEARNT, body, headers, quirk, sdk
from workers.managed.connections import base_url, http_client
from workers.managed.credentials import NO_KEY, Credential
from workers.managed.dialect import Body
from workers.managed.exchange import exchange, limits
from workers.managed.ordered import Ordered
from workers.managed.provider import OnPiece, Provider

ANTHROPIC_HOST = "api.anthropic.com"


def open_provider(lane: Lane, deployment: Deployment, settings: Settings) -> Provider:
    """Make ready to call one deployment. Nothing is sent before the first run."""
    credential = Credential(lane, deployment, settings)
    return AnthropicProvider(lane, deployment, client=open_client(lane, deployment, settings), credential=credential)


def open_client(lane: Lane, deployment: Deployment, settings: Settings) -> anthropic.AsyncAnthropic:
    """A client of whatever server the deployment names; Anthropic's own where it names none. It has no key."""
    client = anthropic.AsyncAnthropic(
        api_key=NO_KEY,  # given, so that no key, profile or token of the environment is looked for; see `authorization`
        base_url=_root(base_url(lane, deployment, default=settings.anthropic_base_url)),
        max_retries=0,  # the failure table retries, where it is on record
        http_client=http_client(lane),
        open_telemetry=False,  # by the environment's word it would put the job's text into spans
    )
    if deployment.base_url is not None and client.base_url.host != ANTHROPIC_HOST:
        client._custom_headers = {}  # noqa: SLF001 - those of the environment are not for a lane's own address
    # At level DEBUG the SDK would log whole requests, and an environment variable of its own sets that level.
    logging.getLogger("anthropic").setLevel(logging.WARNING)
    _ = client.messages, client.models  # imported here: it takes half a second, and the first call has a limit
    return client


def authorization(credential: Credential) -> dict[str, str]:
    """The header with the key as it is now. Raises AuthFailed."""
    return {"Authorization": f"Bearer {credential.key()}"}


class AnthropicProvider:
    """One deployment's client: its connections, its key, and what its server was seen to refuse."""

    def __init__(
        self, lane: Lane, deployment: Deployment, *, client: anthropic.AsyncAnthropic, credential: Credential
    ) -> None:
        self._lane = lane
        self._credential = credential
        self._client = client
        self._quirks: frozenset[str] = frozenset()
        self._ordered = Ordered(lane, deployment, listed=self._listed)

    async def send(self, run: Run, on_piece: OnPiece | None) -> bytes:
        """Ask once; without the fields that the server names as unsupported, if it does."""
        stay_inside(run, self._lane)
        await self._ordered.found()
        quirks = self._quirks
        fields = self._fields(run, quirks, on_piece)
        while True:
            try:
                content = await self._exchanged(fields, run, quirks, on_piece)
            except anthropic.APIStatusError as error:
                refusal = error
            else:
                self._quirks |= quirks - UNLEARNT  # learnt only where it helped
                return content
            # Out here, so that an error of ours does not drag the SDK's along as its context.
            named = quirk(rejection(refusal))
            refused, quirks = fields, quirks | {named} if named else quirks
            fields = self._fields(run, quirks, on_piece)
            if fields == refused:
                raise refusal

    def read(self, content: bytes, run: Run) -> Answer:
        """The answer in a body."""
        return answer.read(content, model=self._ordered.model, params=run.params)

    def failure(self, error: Exception) -> RunError:
        """Our error for what was raised."""
        return self._ordered.noted(failure_of(error))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    def _fields(self, run: Run, quirks: frozenset[str], on_piece: OnPiece | None) -> Body:
        return body(run, model=self._ordered.model, quirks=quirks, stream=on_piece is not None)

    async def _exchanged(self, fields: Body, run: Run, quirks: frozenset[str], on_piece: OnPiece | None) -> bytes:
        call = self._client.messages.with_streaming_response.create(
            **sdk(fields),
            extra_headers={
                "Idempotency-Key": run.job_id,
                **headers(fields),
                **authorization(self._credential),
            },
            timeout=limits(run, connect_s=self._lane.connect_s),
        )
        messages = Messages(params=run.params, by_tool=form.as_tool(run.params, quirks))
        return await exchange(call, run, dialect=messages, on_piece=on_piece)

    async def _listed(self) -> bytes:
        said = await self._client.models.with_raw_response.list(extra_headers=authorization(self._credential))
        return await said.read()


def _root(url: str | None) -> str | None:
    """The SDK's paths begin with `/v1` themselves."""
    return url.removesuffix("/messages").removesuffix("/v1") if url is not None else None
