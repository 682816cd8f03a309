"""Google Vertex AI, by OpenAI's SDK and its own provider for Vertex, which makes sure that a token goes nowhere else.

That provider is made for OpenAI's models at Google, by the Responses API. All others (`google/gemini-…`, `meta/…`: a
publisher, then a model) speak chat completions one address further, with the same tokens.
"""

import os
import re

import openai
from openai.providers.vertex import vertex

from tidegate.deployment import Deployment
from tidegate.errors import AuthFailed, InvalidSettings, RunError
from tidegate.lane import Lane
from tidegate.settings import Settings
from workers.backend import Run
from workers.managed.completions import ChatCompletions
from workers.managed.connections import api_root, http_client
from workers.managed.dialect import Dialect
from workers.managed.google_access import Access
from workers.managed.provider import OnPiece, Provider
from workers.managed.responses import Responses
from workers.managed.sdk import SdkProvider

PROJECT_ENV = "GOOGLE_CLOUD_PROJECT"


def open_provider(lane: Lane, deployment: Deployment, settings: Settings) -> Provider:  # noqa: ARG001 - the port's
    """Make ready to call one deployment. Nothing is sent before the first run."""
    access = Access(lane, key_env=deployment.key_env)
    chats = "/" in (deployment.model or lane.model)
    try:
        provider = vertex(base_url=_base_url(lane, deployment, chats=chats), token_provider=lambda: access.token)
    except openai.OpenAIError:
        raise InvalidSettings(f"lane {lane.name}: its base_url is none that Google's tokens may go to") from None
    client = openai.AsyncOpenAI(
        provider=provider,
        max_retries=0,  # the failure table retries, where it is on record
        http_client=http_client(lane),
    )
    dialect: Dialect = ChatCompletions(beyond=False) if chats else Responses()
    return VertexProvider(lane, deployment, client=client, dialect=dialect, access=access)


class VertexProvider(SdkProvider):
    """A deployment at Google: a token is seen to before each call."""

    def __init__(
        self, lane: Lane, deployment: Deployment, *, client: openai.AsyncOpenAI, dialect: Dialect, access: Access
    ) -> None:
        super().__init__(lane, deployment, client=client, dialect=dialect)
        self._access = access

    async def send(self, run: Run, on_piece: OnPiece | None) -> bytes:
        """Ask once."""
        await self._access.renew()
        return await super().send(run, on_piece)

    def failure(self, error: Exception) -> RunError:
        """Our error for what was raised."""
        failure = super().failure(error)
        if isinstance(failure, AuthFailed):
            self._access.forget()
        return failure


def _base_url(lane: Lane, deployment: Deployment, *, chats: bool) -> str:
    if deployment.base_url is not None:
        return api_root(lane, deployment.base_url, below=("/chat/completions", "/responses"))
    project, location = os.environ.get(PROJECT_ENV, ""), deployment.region or ""
    if not re.fullmatch(r"[a-zA-Z0-9_-][a-zA-Z0-9_.:-]*", project):
        raise InvalidSettings(
            f"lane {lane.name}: put the project's id into the environment variable {PROJECT_ENV}, or give a base_url"
        )
    if not re.fullmatch(r"[a-z0-9-]+", location):
        raise InvalidSettings(f"lane {lane.name}: its region is no Google Cloud location, such as europe-west4")
    host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
    root = f"https://{host}/v1/projects/{project}/locations/{location}"
    return f"{root}/endpoints/openapi" if chats else f"{root}/publishers/openai/v1"
