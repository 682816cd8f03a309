"""Where broker and store are, and connections to the store.

Configured URLs win. Without them the embedded store of the data folder serves as both, if it runs.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.backoff import FullJitterBackoff
from redis.retry import Retry

from tidegate.errors import InvalidSettings, StoreUnavailable
from tidegate.settings import Settings

StoreClient = Any
"""redis-py's own types cannot say that answers are bytes here, so they would only be cast away."""

_RETRIES = 3
"""A script that ran twice is refused the second time by its revision or its id: retrying is safe."""


@dataclass(frozen=True)
class Addresses:
    """The URLs of broker and store. They hold passwords: not for printing."""

    broker: str = field(repr=False)
    store: str = field(repr=False)
    embedded: bool


def addresses(settings: Settings) -> Addresses:
    """Raises StoreUnavailable where nothing is configured and nothing runs here."""
    broker = settings.broker_url.get_secret_value() if settings.broker_url else None
    store = settings.store_url.get_secret_value() if settings.store_url else None
    if broker is None and store is None:
        return _embedded(settings)
    if broker is None:
        raise InvalidSettings("TIDEGATE_STORE_URL is set and TIDEGATE_BROKER_URL is not: give both, or neither")
    if store is None and not broker.startswith(("redis://", "rediss://")):
        raise InvalidSettings("TIDEGATE_STORE_URL is needed beside a broker that is not Redis")
    return Addresses(broker=broker, store=store or with_database(broker, 1), embedded=False)


def embedded_file(settings: Settings) -> Path:
    """The file that tells where the embedded store listens, mode 600."""
    return settings.data / "run" / "store.json"


def with_database(url: str, number: int) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def without_password(url: str) -> str:
    """A URL that can be printed."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"***@{host}" if "@" in parts.netloc else host))


def connect(url: str, *, timeout_s: float) -> StoreClient:
    """A client of the store. Nothing is sent before it is used."""
    return redis.Redis.from_url(url, **_options(timeout_s), retry=Retry(FullJitterBackoff(cap=1, base=0.05), _RETRIES))


def connect_async(url: str, *, timeout_s: float) -> StoreClient:
    """The same for asyncio."""
    import redis.asyncio  # noqa: PLC0415 - a tenth of a second that few need

    return redis.asyncio.Redis.from_url(url, **_options(timeout_s))


def _options(timeout_s: float) -> dict[str, Any]:
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "health_check_interval": 15}


def _embedded(settings: Settings) -> Addresses:
    try:
        told = json.loads(embedded_file(settings).read_text(encoding="utf-8"))
        base = f"redis://:{told['password']}@127.0.0.1:{int(told['port'])}"
    except (OSError, ValueError, KeyError, TypeError):
        raise StoreUnavailable(
            f"no store is configured and none runs in {settings.data}: start one with 'tidegate up', "
            "or set TIDEGATE_BROKER_URL and TIDEGATE_STORE_URL"
        ) from None
    return Addresses(broker=f"{base}/0", store=f"{base}/1", embedded=True)
