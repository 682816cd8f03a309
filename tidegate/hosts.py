"""Whether a URL leads to a public host, by its name alone: nothing is looked up."""

import ipaddress
from urllib.parse import urlsplit

OWN_ENDINGS = (
    ".internal", ".local", ".localhost", ".localdomain", ".lan", ".home", ".home.arpa", ".corp", ".intranet",
    ".private", ".svc", ".test", ".invalid",
)  # fmt: skip
"""Names that no public registry gives away, or that nobody outside can look up."""


def is_public(url: str) -> bool:
    """Whether anybody could own the host. What cannot be read counts as public."""
    try:
        host = (urlsplit(url.strip()).hostname or "").rstrip(".")
    except ValueError:
        return True
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        pass
    if not host or _looks_like_an_address(host):
        return True
    return "." in host and not host.endswith(OWN_ENDINGS)


def _looks_like_an_address(host: str) -> bool:
    """`127.1`, `0x7f000001`, `2130706433`: libraries read such names as addresses, each in its own way."""
    last = host.rpartition(".")[2]
    return last.isdigit() or last.startswith("0x")
