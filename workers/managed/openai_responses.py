"""OpenAI's Responses API, at OpenAI or at any server that speaks it, a provider's or one's own."""

from tidegate.deployment import Deployment
from tidegate.lane import Lane, Zone
from tidegate.settings import Settings
from workers.managed.openai import is_openai, open_client
from workers.managed.provider import Provider
from workers.managed.responses import Responses
from workers.managed.sdk import SdkProvider


def open_provider(lane: Lane, deployment: Deployment, settings: Settings) -> Provider:
    """Make ready to call one deployment. Nothing is sent before the first run."""
    client = open_client(lane, deployment, settings)
    dialect = Responses(logprobs=lane.zone is Zone.INSIDE, openai=is_openai(client))
    return SdkProvider(lane, deployment, client=client, dialect=dialect)
