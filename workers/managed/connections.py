"""Where a deployment is called, and over which connections: no redirect, inside no proxy, no provider by default."""

from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies

import httpx2

from tidegate.deployment import Deployment
from tidegate.errors import InvalidSettings
from tidegate.lane import Lane, Zone
from workers.managed import beginning, pools

OPENAI_HOST = "api.openai.com"


def http_client(lane: Lane) -> httpx2.AsyncClient:
    """Connections that follow no redirect, and inside no proxy: either could lead a payload to another machine."""
    # A transport that is given takes no proxy from the environment, and still takes the certificates from it.
    straight = lane.zone is Zone.INSIDE or not getproxies().keys() & {"http", "https", "all"}
    return httpx2.AsyncClient(
        follow_redirects=False,
        limits=pools.limits(lane.concurrency),
        transport=pools.Pools(lane.concurrency) if straight else None,
        event_hooks={"response": [beginning.watch]},
    )


def base_url(lane: Lane, deployment: Deployment, *, default: str | None) -> str | None:
    """Where the lane calls; None leaves it to the SDK. A lane inside must say so itself."""
    if lane.zone is Zone.INSIDE and deployment.base_url is None:
        raise InvalidSettings(f"lane {lane.name} is inside and has no base_url: say where its own server listens")
    url = deployment.base_url or default
    if url is None:
        return None
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidSettings(f"lane {lane.name}: its base_url is no http(s) URL")
    if lane.zone is Zone.INSIDE and parts.hostname == OPENAI_HOST:
        raise InvalidSettings(f"lane {lane.name} is inside, but its base_url is a provider's")
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
