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
    def environment(self) -> dict[str, str]:
        """What a command needs to find it."""
        files = {name: getattr(self.settings, name) for name in ("broker_url_file", "store_url_file")}
        urls = {f"TIDEGATE_{name.upper()}": str(path) for name, path in files.items() if path is not None}
        return {"TIDEGATE_DATA": str(self.data), **urls}

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.settings.data
