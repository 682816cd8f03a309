"""Fixtures that all tests share: the store server, the core's parts wired to it, and the stand-in of a provider."""

import contextlib
import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from doubles import KEYS, RecordingDoorbell
from servers import StoreServer
from servers import store_server as running_store_server
from tails import tails

from tidegate import connections
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.keys import keyring
from tidegate.lane import Zone
from tidegate.ledger.census import Census
from tidegate.ledger.store import Keep, Ledger
from tidegate.settings import Settings, load
from tidegate.vault import Seals, Vault
from workers.standin.server import Running, running

# Nobody's window: commands print into a pipe here. Before anything is imported that looks.
os.environ.pop("COLUMNS", None)

# In CI the same examples each time, so that a red build speaks of the change; on people's machines new ones.
hypothesis.settings.register_profile(
    "tidegate", deadline=None, max_examples=50, derandomize=os.environ.get("TIDEGATE_CI") == "1"
)
hypothesis.settings.load_profile("tidegate")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The broker of the integration tests."""
    told = "run the tests of a whole installation on this broker only"
    parser.addoption("--broker", choices=("redis", "rabbitmq"), default=None, help=told)


_BEGUN = pytest.StashKey[float]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """When the test began: what its processes wrote since then tells of it."""
    item.stash[_BEGUN] = time.time()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the processes said last."""
    report = yield
    if report.failed:
        report.sections += tails(item.config._tmp_path_factory.getbasetemp(), since=item.stash.get(_BEGUN, 0.0))
    return report


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the shell that runs the tests reaches them."""
    for name in tuple(os.environ):
        if name.startswith("TIDEGATE_") and name != "TIDEGATE_CI":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    """One real store for the session; its data is thrown away."""
    with running_store_server(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, store_server: StoreServer) -> Settings:
    """Settings with a data folder of their own, pointing to the session's store."""
    return load(data=tmp_path / "data", broker_url=store_server.broker_url, store_url=store_server.store_url, **KEYS)


@pytest.fixture
def redis(settings: Settings) -> Iterator[StoreClient]:
    """A client of the store's two databases' second, both emptied."""
    where = connections.addresses(settings)
    for url in (where.broker, where.store):
        with contextlib.closing(connections.connect(url, timeout_s=settings.store_timeout_s)) as emptied:
            emptied.flushdb()
    with contextlib.closing(connections.connect(where.store, timeout_s=settings.store_timeout_s)) as client:
        yield client


@pytest.fixture
def ledger(redis: StoreClient, settings: Settings) -> Ledger:
    """The ledger on an empty store."""
    return Ledger(redis, keep=Keep(result_s=settings.result_keep_s, dead_s=settings.dead_keep_s))


@pytest.fixture
def census(redis: StoreClient) -> Census:
    """The census on the same store."""
    return Census(redis)


@pytest.fixture
def vault(redis: StoreClient, settings: Settings) -> Vault:
    """The vault of a process inside: it holds both zones' keys."""
    return Vault(redis, Seals({zone: keyring(settings, zone) for zone in Zone}))


@pytest.fixture
def doorbell() -> RecordingDoorbell:
    """A doorbell that notes each ring instead of sending a message."""
    return RecordingDoorbell()


@pytest.fixture
def client(settings: Settings, redis: StoreClient, doorbell: RecordingDoorbell) -> Iterator[Client]:
    """A client on an empty store, whose wake-ups are noted."""
    made = Client(settings)
    made.doorbell = doorbell
    yield made
    made.ledger.redis.close()


@pytest.fixture
def standin() -> Iterator[Running]:
    """A stand-in of its own for each test, which keeps what it receives."""
    with running(record=True) as up:
        yield up
