"""An installation as `tidegate up` starts it, less Flower: store, router, a worker a zone, janitor, stand-in."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tidegate.client import Client
from tidegate.lanes import read_lanes
from tidegate.runtime.installation import Installation
from tidegate.runtime.programs import Program
from tidegate.settings import load

HOME = Path(__file__).resolve().parents[2]
READY_S = 240.0


class Lean(Installation):
    """Nobody looks at Flower while something is measured."""

    def _programs(self) -> Iterator[Program]:
        yield from (program for program in super()._programs() if program.name != "flower")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the stand-in's control API."""
        request = urllib.request.Request(  # noqa: S310 - a loopback address of ours
            f"{self.standin_url}{path}",
            method=method,
            headers={"authorization": f"Bearer {self.standin_token}"},
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            return json.loads(response.read() or b"null")


@contextlib.contextmanager
def running(
    folder: Path, policy: Path, *, standin_options: Sequence[str] = (), **settings: Any
) -> Iterator[tuple[Lean, Client]]:
    """Until it is left: the processes, and a producer's client."""
    given = load(data=folder, home=HOME, policy=policy, flower_port=0, **settings)
    installation = Lean(given, read_lanes(policy), always_standin=True, standin_options=standin_options)
    try:
        installation.start()
        installation.wait_ready(timeout_s=READY_S)
        with Client(installation.settings) as client:
            yield installation, client
    finally:
        installation.stop()
