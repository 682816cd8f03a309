"""Sentinel URLs: `sentinel://user:password@host1:26379,host2:26379,host3:26379/0?master=tidegate`.

User and password are the server's; `sentinel_user` and `sentinel_password` in the query are the sentinels' own, where
they have some. A failover's own rules (what it can lose) are in docs/brokers.md.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tidegate.errors import InvalidSettings

_SCHEME = "sentinel"
_PORT = 26379
_KNOWN = {"master", "sentinel_user", "sentinel_password"}


@dataclass(frozen=True)
class SentinelAddress:
    """What a sentinel URL says."""

    hosts: tuple[tuple[str, int], ...]
    master: str
    database: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    own: dict[str, str] = field(default_factory=dict, repr=False)
    """User and password of the sentinels themselves."""

    def for_kombu(self) -> str:
        """The same as kombu and Celery write it."""
        login = f"{quote(self.user or '', '')}:{quote(self.password or '', '')}@" if self.password else ""
        return ";".join(f"{_SCHEME}://{login}{host}:{port}/{self.database}" for host, port in self.hosts)

    def options(self) -> dict[str, Any]:
        """What kombu and Celery call transport options."""
        return {"master_name": self.master, **({"sentinel_kwargs": dict(self.own)} if self.own else {})}


def is_sentinel(url: str) -> bool:
    """Whether a URL names sentinels."""
    return url.startswith(f"{_SCHEME}://")


def parse(url: str) -> SentinelAddress:
    """Raises InvalidSettings that says what is missing, and quotes nothing."""
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    query = dict(parse_qsl(parts.query))
    if unknown := sorted(set(query) - _KNOWN):
        raise InvalidSettings(f"a sentinel URL has no {unknown[0]!r}; it may have {', '.join(sorted(_KNOWN))}")
    if not query.get("master"):
        raise InvalidSettings("a sentinel URL ends with ?master=NAME, the name that the sentinels know the server by")
    own = {"username": query.get("sentinel_user"), "password": query.get("sentinel_password")}
    return SentinelAddress(
        hosts=tuple(_host(one) for one in hosts.split(",")),
        master=query["master"],
        database=_number(parts.path.strip("/") or "0", "the database, after the hosts,"),
        user=unquote(user) or None,
        password=unquote(password) or None,
        own={name: value for name, value in own.items() if value},
    )


def _host(text: str) -> tuple[str, int]:
    host, _, port = text.strip().rpartition(":") if ":" in text else (text.strip(), "", str(_PORT))
    if not host:
        raise InvalidSettings("a sentinel URL names hosts as host:port, commas between")
    return host.strip("[]"), _number(port, "a sentinel's port")


def _number(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise InvalidSettings(f"a sentinel URL: {what} is a number")
    return int(text)
