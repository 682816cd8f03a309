"""Where broker and store are, and connections to the store.

Configured URLs win. Without them the embedded store of the data folder serves as both, if it runs.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import redis
from redis.backoff import FullJitterBackoff
from redis.retry import Retry

from tidegate import sentinel
from tidegate.errors import InvalidSettings, StoreUnavailable
from tidegate.settings import Settings

StoreClient = Any
"""redis-py's own types cannot say that answers are bytes here, so they would only be cast away."""

_RETRIES = 3
"""A script that ran twice is refused the second time by its revision or its id: retrying is safe."""

_MANY = 4096
"""redis-py raises an error instead of opening its 101st: each thread that waits for a result has one."""

_STORES = ("redis://", "rediss://", "sentinel://")


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Files for `rediss://` and `amqps://`: the authority that signed the servers, and our own certificate."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True)
class Addresses:
    """The URLs of broker and store. They hold passwords: not for printing."""

    broker: str = field(repr=False)
    store: str = field(repr=False)
    embedded: bool
    tls: Tls = Tls()


def addresses(settings: Settings) -> Addresses:
    """Raises StoreUnavailable where nothing is configured and nothing runs here."""
    broker = settings.broker_url.get_secret_value() if settings.broker_url else None
    store = settings.store_url.get_secret_value() if settings.store_url else None
    if broker is None and store is None:
        return _embedded(settings)
    if broker is None:
        raise InvalidSettings("TIDEGATE_STORE_URL is set and TIDEGATE_BROKER_URL is not: give both, or neither")
    if store is None and not broker.startswith(_STORES):
        raise InvalidSettings("TIDEGATE_STORE_URL is needed beside a broker that is not Redis")
    store = store or with_database(broker, 1)
    if not store.startswith(_STORES):
        raise InvalidSettings(f"TIDEGATE_STORE_URL: ledger and vault live in Redis: {', '.join(_STORES)}")
    tls = Tls(ca=settings.tls_ca_file, cert=settings.tls_cert_file, key=settings.tls_key_file)
    return Addresses(broker=_checked(broker, tls), store=_checked(store, tls), embedded=False, tls=tls)


def embedded_file(settings: Settings) -> Path:
    """The file that tells where the embedded store listens, mode 600."""
    return settings.data / "run" / "store.json"


def with_database(url: str, number: int) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def without_password(url: str) -> str:
    """A URL that can be printed. Its query may hold a password too, so it is left out."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"***@{host}" if "@" in parts.netloc else host, query=""))


def connect(url: str, *, timeout_s: float, most: int | None = None) -> StoreClient:
    """A client of the store. Nothing is sent before it is used.

    `most`: share so many connections, and wait for a free one. Not for who listens: a subscription keeps its own; and
    through Sentinel there is no waiting.
    """
    options = {**_options(timeout_s), "retry": Retry(FullJitterBackoff(cap=1, base=0.05), _RETRIES)}
    if not sentinel.is_sentinel(url):
        if most is None:
            return redis.Redis.from_url(url, **options)
        shared = {**options, "max_connections": most, "timeout": timeout_s}
        return redis.Redis.from_pool(redis.BlockingConnectionPool.from_url(url, **shared))
    from redis.sentinel import Sentinel  # noqa: PLC0415 - where there is one

    return _master(Sentinel, sentinel.parse(url), options)


def connect_async(url: str, *, timeout_s: float) -> StoreClient:
    """The same for asyncio."""
    import redis.asyncio  # noqa: PLC0415 - a tenth of a second that few need

    if not sentinel.is_sentinel(url):
        return redis.asyncio.Redis.from_url(url, **_options(timeout_s))
    from redis.asyncio.sentinel import Sentinel  # noqa: PLC0415 - where there is one

    return _master(Sentinel, sentinel.parse(url), _options(timeout_s))


def _master(sentinels: Any, given: sentinel.SentinelAddress, options: dict[str, Any]) -> StoreClient:
    """A client of whichever server is the master: asked for with each new connection."""
    timeouts = {name: value for name, value in options.items() if name.startswith("socket_")}
    asked = sentinels(list(given.hosts), sentinel_kwargs={**timeouts, **given.own})
    login = {"username": given.user, "password": given.password, "db": given.database}
    return asked.master_for(given.master, **login, **options)


def _checked(url: str, tls: Tls) -> str:
    """A URL that is fit for use: with the TLS files in it where it is Redis', which takes them from there."""
    if sentinel.is_sentinel(url):
        sentinel.parse(url)
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if query.get("ssl_cert_reqs", "required") not in ("required", "CERT_REQUIRED") or query.get(
        "ssl_check_hostname", "true"
    ).lower() not in ("true", "1", "yes"):
        raise InvalidSettings(
            "a URL asks not to check the server's certificate: anybody could pose as the server. "
            "Name the authority that signed it with TIDEGATE_TLS_CA_FILE instead"
        )
    if parts.scheme != "rediss":
        return url
    files = {"ssl_ca_certs": tls.ca, "ssl_certfile": tls.cert, "ssl_keyfile": tls.key}
    given = {name: str(path) for name, path in files.items() if path is not None}
    return urlunsplit(parts._replace(query=urlencode({**given, **query, "ssl_cert_reqs": "required"})))


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "health_check_interval": 15,
        "max_connections": _MANY,
    }


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
