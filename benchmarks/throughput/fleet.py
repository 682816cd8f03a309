"""The processes that are measured: a private store, and either plain Celery's worker or tidegate's own processes."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tidegate import connections
from tidegate.client import Client
from tidegate.errors import Unavailable
from tidegate.ledger.census import Census
from tidegate.runtime.server import find_server, prepare
from tidegate.settings import Settings, load

HERE = Path(__file__).parent
HOME = HERE.parent.parent
READY_S = 240.0
STOP_S = 20.0

TIDEGATE = (("router",), ("worker", "--zone", "inside"), ("janitor",))


@contextlib.contextmanager
def store(folder: Path, *, fsync: str) -> Iterator[Settings]:
    """A store of our own in a folder, with the embedded default's configuration but for its fsync."""
    settings = load(data=folder, home=HOME, policy=HERE / "noop.yaml", log_level="WARNING")
    with processes([(str(find_server().path), str(prepare(settings, fsync=fsync)))], folder=folder, env={}):
        client = connections.connect(connections.addresses(settings).store, timeout_s=5.0)
        _until(lambda: bool(client.ping()), "the store")
        yield settings


@contextlib.contextmanager
def tidegate(settings: Settings) -> Iterator[Client]:
    """Router, worker and janitor on a store; and a producer's client, once they are ready."""
    env = {
        "TIDEGATE_DATA": str(settings.data),
        "TIDEGATE_HOME": str(HOME),
        "TIDEGATE_POLICY": str(settings.policy_file),
        "TIDEGATE_LOG_LEVEL": settings.log_level,
    }
    commands = [(sys.executable, "-P", "-m", "tidegate", *command) for command in TIDEGATE]
    with processes(commands, folder=settings.data, env=env), Client(settings) as client:
        census = Census(client.ledger.redis)
        _until(lambda: len(census.workers()) == len(TIDEGATE), "tidegate")
        yield client


@contextlib.contextmanager
def celery(settings: Settings, *options: str) -> Iterator[None]:
    """Plain Celery's worker on a store."""
    where = connections.addresses(settings)
    env = {"PLAIN_BROKER": where.broker, "PLAIN_RESULTS": connections.with_database(where.broker, 2)}
    os.environ.update(env)
    command = (sys.executable, "-m", "celery", "-A", "plain", "worker", "--loglevel", "WARNING", *options)
    with processes([command], folder=settings.data, env=env):
        import plain  # noqa: PLC0415 - it reads the environment

        _until(lambda: bool(plain.app.control.ping(timeout=0.5)), "celery")
        yield


@contextlib.contextmanager
def processes(commands: Sequence[Sequence[str]], *, folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Processes for a while, their output in a file of the folder."""
    path = os.pathsep.join(filter(None, (str(HOME), str(HERE), os.environ.get("PYTHONPATH"))))
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "processes.log").open("ab"))
        for command in commands:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env, "PYTHONPATH": path},
                cwd=folder,
            )
            stack.callback(_stop, process)
        yield


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)


def _until(ready: "object", what: str) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            if ready():  # type: ignore[operator]
                return
        time.sleep(0.05)
    raise Unavailable(f"{what} did not become ready in {READY_S:g} s")
