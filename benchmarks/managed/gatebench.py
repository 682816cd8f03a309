"""What limits.py and breaker.py measure on: tidegate's own processes, and the stand-in as the provider in another."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate import connections
from tidegate.client import Client
from tidegate.errors import Unavailable
from tidegate.lane import Lane
from tidegate.lanes import read_lanes
from tidegate.ledger.census import Census
from tidegate.ledger.gates import Gates, GateView
from tidegate.runtime.server import find_server, prepare
from tidegate.settings import load

HOME = Path(__file__).parents[2]
READY_S, STOP_S = 120.0, 20.0
TOKEN = "benchmark"  # noqa: S105 - of a stand-in that lives for minutes, on loopback
LANE = "api"


@dataclass(frozen=True)
class Bench:
    """An installation with one lane that calls the stand-in."""

    client: Client
    standin_url: str
    lane: Lane

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the stand-in."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.standin_url}/_standin/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=10) as said:  # noqa: S310 - loopback
            return json.load(said)

    def view(self) -> GateView:
        """How the lane is doing."""
        return Gates(self.client.ledger.redis).view([self.lane])[0]


@contextlib.contextmanager
def bench(folder: Path, lane: Mapping[str, Any], *, workers: int, standin: Sequence[str] = ()) -> Iterator[Bench]:
    """Store, router, janitor, workers and the stand-in, each a process."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "processes.log").open("ab"))

        def start(*command: str, **env: str) -> None:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env, "PYTHONPATH": str(HOME)},
            )
            stack.callback(stop, process)

        ready = folder / "standin.port"
        start(
            *(sys.executable, "-m", "workers.standin", "--ready-file", str(ready), *standin),
            TIDEGATE_STANDIN_TOKEN=TOKEN,
        )
        until(ready.exists, within_s=READY_S)
        url = f"http://127.0.0.1:{ready.read_text().strip()}"
        policy = folder / "policy.yaml"
        policy.write_text(_policy(lane, url))
        settings = load(data=folder, home=HOME, policy=policy, log_level="WARNING")
        start(str(find_server().path), str(prepare(settings, fsync="no")))
        store = connections.connect(connections.addresses(settings).store, timeout_s=5.0)
        until(lambda: bool(store.ping()), within_s=READY_S)
        env = {"TIDEGATE_DATA": str(folder), "TIDEGATE_HOME": str(HOME), "TIDEGATE_POLICY": str(policy)}
        for command in (("router",), ("janitor",), *(("worker", "--zone", "inside") for _ in range(workers))):
            start(sys.executable, "-P", "-m", "tidegate", *command, TIDEGATE_LOG_LEVEL="WARNING", **env)
        client = stack.enter_context(Client(settings))
        until(lambda: len(Census(client.ledger.redis).workers()) == workers + 2, within_s=READY_S)
        yield Bench(client, url, read_lanes(policy)[LANE])


def until(holds: Callable[[], object], *, within_s: float, look_s: float = 0.02) -> float:
    """Wait until it holds. Returns how long that took, in seconds."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        with contextlib.suppress(Exception):
            if holds():
                return time.monotonic() - began
        time.sleep(look_s)
    raise Unavailable(f"it did not come true in {within_s:g} s")


def _policy(lane: Mapping[str, Any], url: str) -> str:
    # Inside: the gate is the same, and no key of a provider is needed.
    fields = {"zone": "inside", "backend": "openai", "model": "m", "base_url": url, "context_tokens": 8192, **lane}
    lanes = {LANE: fields}
    return json.dumps(
        {
            "version": 1,
            "name": "gate",
            "lanes": lanes,
            "rules": [],
            "default": {"send": LANE, "why": "There is only this lane."},
        }
    )


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End it, by force where it does not end itself."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)
