"""Worker processes as an installation runs them, on lanes that a test names; jobs are placed without a router."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from doubles import KEYS, decision
from pydantic import SecretStr

from router.placement import Placement
from tidegate import connections
from tidegate.client import Client
from tidegate.doorbell import Doorbell
from tidegate.job import Job
from tidegate.keys import signer
from tidegate.lane import Zone
from tidegate.lanes import read_lanes
from tidegate.ledger.census import Census
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.messaging import celery_app
from tidegate.settings import Settings

START_S = 150.0
STOP_S = 20.0
LOOK_S = 0.02


@dataclass
class Workers:
    """Processes that serve the lanes of one policy file, and a client that places jobs."""

    settings: Settings
    client: Client
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._doorbell = Doorbell(celery_app(self.settings, connections.addresses(self.settings)))

    def start(self, *command: str, program: tuple[str, ...] = ("-m", "tidegate")) -> "subprocess.Popen[bytes]":
        """One more worker (or another process of ours), once it has reported itself. `program`: what runs it."""
        before = self._names()
        with (self.settings.data / f"worker-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", *program, *(command or ("worker", "--zone", "inside"))],
                env=_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        until(lambda: process.poll() is not None or self._names() - before, START_S)
        assert process.poll() is None, self.log()
        return process

    def log(self, number: int = 0) -> str:
        """What a worker has said."""
        return (self.settings.data / f"worker-{number}.log").read_text(errors="replace")

    def place(self, lane: str, job: Job | None = None, *, cleared: bool = False) -> str:
        """Submit a job, put it on a lane as the router does, and ring. `cleared`: it may leave."""
        job = job or Job(text="anything")
        job_id = self.client.submit(job)
        placement = Placement(
            self.client.ledger,
            self.client.vault,
            self._doorbell,
            signer(self.settings),
            nudge_s=self.settings.nudge_s,
        )
        outside = read_lanes(self.settings.policy_file)[lane].zone is Zone.OUTSIDE
        decided = decision(lane, cleared=(lane,) if outside else ())
        placement.place(self.client.record(job_id), job, decided, rewritten=False)
        return job_id

    def ring(self, lane: str, job_id: str) -> None:
        """What the client would have sent: its own wake-ups are only noted."""
        self._doorbell.ring_lane(lane, job_id, priority=0)

    def await_state(self, job_id: str, *states: State, within_s: float = 60.0) -> Record:
        """Its record, as soon as it is in one of the states."""
        until(lambda: self.client.record(job_id).state in states, within_s)
        return self.client.record(job_id)

    def at(self, job_id: str, move: str) -> float:
        """When the last such move happened, by the store's clock."""
        return [event.at for event in self.client.ledger.history(job_id) if event.move == move][-1]

    def _names(self) -> set[str]:
        return {one.name for one in Census(self.client.ledger.redis).workers()}

    def stop(self) -> None:
        """End all of them."""
        self._doorbell.close()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_S)


@contextmanager
def workers(client: Client, settings: Settings, lanes: dict[str, dict[str, object]]) -> Iterator[Workers]:
    """Nobody works yet: start them."""
    settings.data.mkdir(parents=True, exist_ok=True)
    policy = settings.data / "policy.yaml"
    write_policy(policy, lanes)
    found = Workers(settings.model_copy(update={"policy": policy}), client)
    try:
        yield found
    finally:
        found.stop()


def write_policy(path: Path, lanes: dict[str, dict[str, object]]) -> None:
    """A policy of these lanes, inside unless they say otherwise; what it decides matters to no worker."""
    whole = {name: {"zone": "inside", "context_tokens": 256, **lane} for name, lane in lanes.items()}
    path.write_text(json.dumps({"lanes": whole}))


def until(holds: Callable[[], object], within_s: float) -> None:
    """Wait until it holds; AssertionError where it does not in time."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, f"not within {within_s:g} s"
        time.sleep(LOOK_S)


def _environment(settings: Settings) -> dict[str, str]:
    variables = {
        "data": settings.data,
        "home": settings.home.resolve(),
        "policy": settings.policy,
        "broker_url": settings.broker_url,
        "store_url": settings.store_url,
        "lease_s": 5.0,
        **KEYS,
    }
    return {
        **os.environ,
        "PYTHONPATH": str(settings.home.resolve()),
        "PYTHONUNBUFFERED": "1",
        **{f"TIDEGATE_{name.upper()}": _plain(value) for name, value in variables.items() if value is not None},
    }


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
