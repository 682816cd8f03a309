"""What a test is given of a running installation."""

from dataclasses import dataclass
from pathlib import Path

from tidegate.client import Client
from tidegate.runtime.installation import Installation
from tidegate.settings import Settings


@dataclass(frozen=True)
class Running:
    """An installation that is up, and a client of it."""

    installation: Installation
    settings: Settings
    client: Client
    record: Path
    """Every request that the provider's stand-in received, a JSON line each."""

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.settings.data
