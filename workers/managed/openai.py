"""OpenAI's chat completions, at OpenAI or at any server that speaks them, a provider's or one's own."""

import openai

from tidegate.deployment import Deployment
from tidegate.lane import Lane, Zone
from tidegate.settings import Settings
from workers.managed.completions import ChatCompletions
from workers.managed.connections import OPENAI_HOST, base_url, http_client
from workers.managed.credentials import Credential
from workers.managed.provider import Provider
from workers.managed.sdk import SdkProvider


def open_provider(lane: Lane, deployment: Deployment, settings: Settings) -> Provider:
    """Make ready to call one deployment. Nothing is sent before the first run."""
    client = open_client(lane, deployment, settings)
    openai_itself = is_openai(client)
    return SdkProvider(
        lane,
        deployment,
        client=client,
        dialect=ChatCompletions(
            limit_field="max_completion_tokens" if openai_itself else "max_tokens",
            logprobs=lane.zone is Zone.INSIDE,  # outside nobody escalates, and they are paid for in time
            beyond=not openai_itself,
            forgets=openai_itself,
        ),
    )


def open_client(lane: Lane, deployment: Deployment, settings: Settings) -> openai.AsyncOpenAI:
    """A client of whatever server the deployment names; OpenAI's own where it names none."""
    credential = Credential(lane, deployment, settings)

    async def key() -> str:
        """As it is now, for every call."""
        return credential.key()

    client = openai.AsyncOpenAI(
        api_key=key,
        base_url=base_url(lane, deployment, default=settings.openai_base_url),
        max_retries=0,  # the failure table retries, where it is on record
        http_client=http_client(lane),
    )
    if not is_openai(client):
        client.organization = client.project = None  # of the environment: they are OpenAI's business alone
    return client


def is_openai(client: openai.AsyncOpenAI) -> bool:
    """Whether it calls OpenAI itself, by the address that stays the same or by one of a region."""
    host = client.base_url.host
    return host == OPENAI_HOST or host.endswith(f".{OPENAI_HOST}")
