"""What a test is given of a running installation."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.client import Client
from tidegate.lanes import read_lanes
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


def installed(settings: Settings, *, faults: Sequence[Mapping[str, Any]]) -> Iterator[Running]:
    """Real processes while a fixture lasts, with a stand-in that has these faults and records what it receives."""
    rules, record = settings.data / "faults.json", settings.data / "received.jsonl"
    rules.write_text(json.dumps(list(faults)))
    installation = Installation(
        settings,
        read_lanes(settings.policy_file),
        always_standin=True,
        standin_options=("--rules", str(rules), "--record", str(record)),
    )
    try:
        installation.start()
        installation.wait_ready(timeout_s=200)
        yield Running(installation, installation.settings, Client(installation.settings), record)
    finally:
        installation.stop()
