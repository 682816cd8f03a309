"""Where a provider's key lies: a variable, the file that `<NAME>_FILE` names, or a file in the environment's folder.

The first that is there counts. A variable is seen by whoever may read `/proc/<pid>/environ`; a file in the folder is
seen by its owner alone, and a new one is read without a restart.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.deployment import Deployment
from tidegate.lane import Lane, Zone
from tidegate.providerkeys import secretfile
from tidegate.settings import Settings

DEFAULT_KEY_ENV: Mapping[str, str] = {
    "openai": "OPENAI_API_KEY",
    "openai_responses": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "vertex": "GOOGLE_APPLICATION_CREDENTIALS",
}
"""What a lane's key is called that names none, by its backend."""

DOCUMENTS = frozenset({"vertex"})
"""Backends whose variable holds no key, but credentials as JSON or their path: only their adapter can judge them."""

NO_ENVIRONMENT = "default"
"""The environment of an installation that names none."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One place where a key may lie. The key itself is read, never kept here."""

    name: str
    """What a lane calls it: the variable's name, whether or not it is one."""
    path: Path | None = None
    """None: it is the variable itself."""
    strict: bool = False
    """Whether the file is ours, so that nobody else may read it; what a container is handed has the modes it has."""

    @property
    def label(self) -> str:
        """For people."""
        if self.path is None:
            return f"the variable {self.name}"
        return f"{self.path}" if self.strict else f"{self.path} ({self.name}_FILE)"

    @property
    def there(self) -> bool:
        """Whether there is something to read."""
        return self.path is None or self.path.exists()

    def read(self) -> str:
        """The key. Raises InvalidSettings that says what is wrong with it, and never quotes it."""
        if self.path is not None:
            return secretfile.read(self.path, strict=self.strict)
        return secretfile.checked(os.environ.get(self.name, ""), self.label)


def place_of(name: str, settings: Settings) -> Place:
    """Where the key of this name lies now, or where it would if there were one."""
    if os.environ.get(name, "").strip():
        return Place(name=name)
    if file := os.environ.get(f"{name}_FILE"):
        return Place(name=name, path=Path(file))
    return Place(name=name, path=folder(settings) / name, strict=True)


def folder(settings: Settings, environment: str | None = None) -> Path:
    """The folder of an environment's keys; of this installation's where none is named."""
    return settings.provider_keys_folder / (environment or environment_of(settings))


def environment_of(settings: Settings) -> str:
    """What this installation is called."""
    return settings.environment or NO_ENVIRONMENT


def name_of(lane: Lane, deployment: Deployment) -> str | None:
    """What a deployment's key is called; None of an own server that wants none, nor is sent a provider's."""
    if deployment.key_env is not None or lane.zone is Zone.INSIDE:
        return deployment.key_env
    return DEFAULT_KEY_ENV.get(lane.backend)


def names_of(lanes: Iterable[Lane], zone: Zone | None = None) -> tuple[str, ...]:
    """The names of all keys and credentials that lanes (of a zone) need, each once."""
    return tuple(sorted(set(_names(lane for lane in lanes if zone in (None, lane.zone)))))


def _names(lanes: Iterable[Lane]) -> Iterator[str]:
    for lane in lanes:
        for deployment in lane.every_deployment:
            if name := name_of(lane, deployment):
                yield name
