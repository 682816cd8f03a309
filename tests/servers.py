"""Real servers for tests: the embedded store as a process of its own, started once for all tests of a session."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tidegate import connections
from tidegate.errors import MissingExtra
from tidegate.runtime.server import find_server, prepare
from tidegate.settings import Settings

START_S = 90.0
"""A store with an empty folder answers in milliseconds; a loaded machine may take longer."""

STOP_S = 10.0


@dataclass(frozen=True)
class StoreServer:
    """A running store: its process and its two addresses."""

    process: "subprocess.Popen[bytes]"
    broker_url: str
    """Database 0: where Celery's messages lie."""
    store_url: str
    """Database 1: where ledger and vault lie."""


@contextlib.contextmanager
def store_server(folder: Path) -> Iterator[StoreServer]:
    """Run a store with its data in `folder`. Without a server: skipped on a desk, failed in CI."""
    try:
        binary = find_server()
    except MissingExtra as exc:
        skip_or_fail(str(exc))
    settings = Settings(data=folder)
    config = prepare(settings, fsync="no")
    where = connections.addresses(settings)
    with (folder / "store.log").open("wb") as log:
        process = subprocess.Popen(
            [binary.path, config], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _await_answer(process, where.store)
        yield StoreServer(process, broker_url=where.broker, store_url=where.store)
    finally:
        _stop(process)


def skip_or_fail(reason: str) -> None:
    """What a test needs is missing: on a desk that is a reason to skip, in CI it is an error."""
    if os.environ.get("TIDEGATE_CI") == "1":
        pytest.fail(f"CI must have this: {reason}", pytrace=False)
    pytest.skip(reason)


def _await_answer(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + START_S
    with contextlib.closing(redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)) as client:
        while True:
            try:
                client.ping()
            except redis.exceptions.ConnectionError:
                if time.monotonic() > until:
                    raise
            else:
                return
            with contextlib.suppress(subprocess.TimeoutExpired):  # an end is noticed at once, not after START_S
                raise AssertionError(f"the store ended with {process.wait(0.02)} before it answered")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)
