"""Where a deployment is called, and over which connections: no redirect, inside no proxy, no provider by default."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies

import httpx2

from tidegate.deployment import Deployment
from tidegate.errors import InvalidSettings
from tidegate.lane import Lane, Zone
from workers.managed import beginning, pools

OPENAI_HOST = "api.openai.com"

PROVIDERS_HOSTS = (
    OPENAI_HOST,
    "api.anthropic.com",
    "openai.azure.com",
    "services.ai.azure.com",
    "cognitiveservices.azure.com",
    "googleapis.com",
)
"""Hosts, and all below them, that are never a machine of one's own, whatever a lane confirms."""

MAX_REJECTION_BYTES = 65_536
"""What is read of an answer that is an error: the SDKs would read all of it into memory."""


def http_client(lane: Lane) -> httpx2.AsyncClient:
    """Connections that follow no redirect, and inside no proxy: either could lead a payload to another machine."""
    # A transport that is given takes no proxy from the environment, and still takes the certificates from it.
    straight = lane.zone is Zone.INSIDE or not getproxies().keys() & {"http", "https", "all"}
    return httpx2.AsyncClient(
        follow_redirects=False,
        limits=pools.limits(lane.concurrency),
        transport=pools.Pools(lane.concurrency) if straight else None,
        event_hooks={"response": [_bounded, beginning.watch]},
    )


def base_url(lane: Lane, deployment: Deployment, *, default: str | None) -> str | None:
    """Where the lane calls; None leaves it to the SDK. A lane inside must say so itself."""
    if lane.zone is Zone.INSIDE and deployment.base_url is None:
        raise InvalidSettings(f"lane {lane.name} is inside and has no base_url: say where its own server listens")
    url = deployment.base_url or default
    if url is None:
        return None
    root = api_root(lane, url, below=("/chat/completions", "/responses"))
    parts = urlsplit(root)
    if lane.zone is Zone.INSIDE and _is_a_providers(parts.hostname or ""):
        raise InvalidSettings(f"lane {lane.name} is inside, but its base_url is a provider's")
    return root if parts.path else f"{root}/v1"


def api_root(lane: Lane, url: str, *, below: tuple[str, ...] = ()) -> str:
    """An address as people write it, without a slash, a query or a path of the API at its end."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidSettings(f"lane {lane.name}: its base_url is no http(s) URL")
    path = parts.path.rstrip("/")
    for ending in below:
        path = path.removesuffix(ending)
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _is_a_providers(host: str) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in PROVIDERS_HOSTS)


async def _bounded(response: httpx2.Response) -> None:
    if response.status_code >= httpx2.codes.BAD_REQUEST and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Beginning(response.stream)


class _Beginning(httpx2.AsyncByteStream):
    """The first bytes of a body; what comes after them is not waited for."""

    def __init__(self, whole: httpx2.AsyncByteStream) -> None:
        self._whole = whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_REJECTION_BYTES
        async for chunk in self._whole:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._whole.aclose()
