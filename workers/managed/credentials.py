"""The key that a deployment's calls carry: read anew for every call, so that it can change; never kept or printed."""

import os
from pathlib import Path

from tidegate.deployment import Deployment
from tidegate.errors import AuthFailed
from tidegate.lane import Lane, Zone

NO_KEY = "none"
"""What an own server is sent where the lane names no key: some insist on a key and take any."""


def key_of(lane: Lane, deployment: Deployment, *, default_env: str) -> str:
    """The provider's key. Raises AuthFailed where there is none that can be sent."""
    name = deployment.key_env or default_env
    if deployment.key_env is None and lane.zone is Zone.INSIDE:
        return NO_KEY  # a provider's key is none of an own server's business
    key = given(name)
    if not (key.isascii() and key.isprintable() and key):
        raise AuthFailed(
            f"lane {lane.name}: put the provider's key into the environment variable {name}, "
            f"or a file's name into {name}_FILE"
        )
    return key


def given(name: str) -> str:
    """A variable's value, else what the file in `<name>_FILE` holds; nothing where it cannot be read."""
    value, file = os.environ.get(name, "").strip(), os.environ.get(f"{name}_FILE")
    if value or not file:
        return value
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
