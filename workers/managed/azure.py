"""Azure OpenAI by deployment and API version: the deployment stands in the path, the key in a header of its own.

Azure's newer address (`…/openai/v1`) speaks as OpenAI does: a lane of `backend: openai` or `openai_responses` calls it.
"""

import openai

from tidegate.deployment import Deployment
from tidegate.errors import InvalidSettings
from tidegate.lane import Lane
from tidegate.settings import Settings
from workers.managed.completions import ChatCompletions
from workers.managed.connections import api_root, http_client
from workers.managed.credentials import Credential
from workers.managed.provider import Provider
from workers.managed.sdk import SdkProvider


def open_provider(lane: Lane, deployment: Deployment, settings: Settings) -> Provider:
    """Make ready to call one deployment. Nothing is sent before the first run."""
    client = open_client(lane, deployment, settings)
    return SdkProvider(lane, deployment, client=client, dialect=dialect())


def dialect() -> ChatCompletions:
    """What Azure's chat completions take."""
    return ChatCompletions(beyond=False)


def open_client(lane: Lane, deployment: Deployment, settings: Settings) -> openai.AsyncAzureOpenAI:
    """A client of the endpoint that the deployment names."""
    if deployment.base_url is None or deployment.api_version is None:
        raise InvalidSettings(f"lane {lane.name}: a deployment at Azure needs base_url and api_version")
    credential = Credential(lane, deployment, settings)

    async def key() -> str:
        """As it is now, for every call."""
        return credential.key()

    root = api_root(lane, deployment.base_url, below=("/openai",))
    if "/deployments" in root:
        raise InvalidSettings(f"lane {lane.name}: base_url is the endpoint alone; the deployment's name is its model")
    client = openai.AsyncAzureOpenAI(
        # Given whole: of an endpoint the environment would be asked as well.
        base_url=f"{root}/openai",
        api_version=deployment.api_version,
        api_key=key,
        max_retries=0,  # the failure table retries, where it is on record
        http_client=http_client(lane),
    )
    client.organization = client.project = None  # of the environment: they are OpenAI's business alone
    return client
