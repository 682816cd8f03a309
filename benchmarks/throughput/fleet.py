"""The processes that are measured: a private store, and either plain Celery's worker or tidegate's own processes."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import plain
from celery import Celery

from tidegate import connections
from tidegate.client import Client
from tidegate.errors import Unavailable
from tidegate.ledger.census import Census
from tidegate.runtime.server import find_server, prepare
from tidegate.settings import Settings, load

HERE = Path(__file__).parent
HOME = HERE.parent.parent
READY_S = 240.0
STOP_S = 30.0

TIDEGATE = {
    "router": ("router",),
    "worker": ("worker", "--zone", "inside"),
    "janitor": ("janitor",),
}

Pids = Mapping[str, int]
"""Process ids by what the process is."""


@contextlib.contextmanager
def store(folder: Path, *, fsync: str) -> Iterator[tuple[Settings, Pids]]:
    """A store of our own in a folder, with the embedded default's configuration but for its fsync."""
    settings = load(data=folder, home=HOME, policy=HERE / "noop.yaml", log_level="WARNING")
    command = (str(find_server().path), str(prepare(settings, fsync=fsync)))
    with processes({"store": command}, folder=folder, env={}) as pids:
        client = connections.connect(connections.addresses(settings).store, timeout_s=5.0)
        until(lambda: bool(client.ping()), "the store")
        yield settings, pids


@contextlib.contextmanager
def tidegate(settings: Settings) -> Iterator[tuple[Client, Pids]]:
    """Router, worker and janitor on a store; and a producer's client, once they are ready."""
    env = {
        "TIDEGATE_DATA": str(settings.data),
        "TIDEGATE_HOME": str(HOME),
        "TIDEGATE_POLICY": str(settings.policy_file),
        "TIDEGATE_LOG_LEVEL": settings.log_level,
    }
    commands = {name: (sys.executable, "-P", "-m", "tidegate", *command) for name, command in TIDEGATE.items()}
    with processes(commands, folder=settings.data, env=env) as pids, Client(settings) as client:
        census = Census(client.ledger.redis)
        until(lambda: len(census.workers()) == len(TIDEGATE), "tidegate")
        yield client, pids


@contextlib.contextmanager
def celery(settings: Settings, *options: str) -> Iterator[tuple[Celery, Pids]]:
    """Plain Celery's worker on a store, and a producer's application."""
    where = connections.addresses(settings)
    results = connections.with_database(where.broker, 2)
    env = {"PLAIN_BROKER": where.broker, "PLAIN_RESULTS": results}
    command = (sys.executable, "-m", "celery", "-A", "plain", "worker", "--loglevel", "ERROR", *options)
    with processes({"worker": command}, folder=settings.data, env=env) as pids:
        app = plain.application(where.broker, results)
        until(lambda: bool(app.control.ping(timeout=0.5)), "celery")
        yield app, pids
        app.close()


@contextlib.contextmanager
def processes(
    commands: Mapping[str, Sequence[str]], *, folder: Path, env: Mapping[str, str]
) -> Iterator[dict[str, int]]:
    """Processes for a while, their output in a file of the folder."""
    path = os.pathsep.join(filter(None, (str(HOME), str(HERE), os.environ.get("PYTHONPATH"))))
    folder.mkdir(parents=True, exist_ok=True)
    pids = {}
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "processes.log").open("ab"))
        for name, command in commands.items():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env, "PYTHONPATH": path},
                cwd=folder,
            )
            pids[name] = process.pid
            stack.callback(_stop, process)
        yield pids


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)


def until(ready: Callable[[], bool], what: str) -> None:
    """Wait for something to become ready. Raises Unavailable where it does not."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            if ready():
                return
        time.sleep(0.05)
    raise Unavailable(f"{what} did not become ready in {READY_S:g} s")
