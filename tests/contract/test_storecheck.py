"""The look at the store that each process takes when it starts."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tidegate import connections, storecheck
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import InvalidSettings, StoreUnavailable
from tidegate.storecheck import Keeping


@pytest.fixture
def odd(redis: StoreClient) -> Iterator[StoreClient]:
    """A store whose settings are put back."""
    names = ("maxmemory-policy", "maxmemory", "appendonly", "appendfsync")
    before = {name: redis.config_get(name)[name] for name in names}
    yield redis
    for name, value in before.items():
        redis.config_set(name, value)


def test_a_store_that_evicts_is_refused(odd: StoreClient, client: Client) -> None:
    """With the reason and the remedy; the producer is told at its first submit, before anything is on record."""
    odd.config_set("maxmemory-policy", "allkeys-lru")
    for call in (lambda: storecheck.check(odd), lambda: client.submit({"text": "x"})):
        with pytest.raises(InvalidSettings, match=r"maxmemory-policy is allkeys-lru.*would remove accepted jobs.*noev"):
            call()
    assert odd.keys("tg:job:*") == []
    with pytest.raises(InvalidSettings):
        storecheck.check_at_start(odd)


def test_what_is_only_risky_is_said(odd: StoreClient) -> None:
    """A store that keeps nothing on disk, or may grow without a bound, is a warning."""
    odd.config_set("appendonly", "no")
    odd.config_set("maxmemory", 0)
    with capture_logs() as logs:
        storecheck.check(odd)
        assert logs == []  # a producer's output is its own
        storecheck.check_at_start(odd)
    said = [entry["warning"] for entry in logs if entry["event"] == "store.risky"]
    assert any("not appendonly" in warning for warning in said)
    assert any("no maxmemory" in warning for warning in said)


def test_a_server_that_tells_nothing_is_looked_at_with_a_warning(odd: StoreClient) -> None:
    """Where an ACL allows neither INFO nor CONFIG nobody can know, and that is said; with CONFIG alone it is known."""
    odd.acl_setuser("mute", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-info", "-config"])
    try:
        odd.execute_command("AUTH", "mute", "")
        told = storecheck.looked_at(odd)
        assert told == Keeping(policy=None, append_only=None, fsync=None, max_bytes=None)
        assert len(told.warnings) == 2
    finally:
        odd.connection_pool.disconnect()
    odd.acl_setuser("mute", enabled=True, nopass=True, commands=["+config"])
    try:
        odd.execute_command("AUTH", "mute", "")
        told = storecheck.looked_at(odd)
        assert (told.policy, told.append_only) == ("noeviction", True)
    finally:
        odd.connection_pool.disconnect()
        odd.acl_deluser("mute")


def test_a_store_that_is_down_is_waited_for() -> None:
    """A process that starts before its store says that it could not look; a producer is told that it is away."""
    away = connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2)
    with capture_logs() as logs:
        storecheck.check_at_start(away)
    assert [entry["event"] for entry in logs] == ["store.unchecked"]
    with pytest.raises(StoreUnavailable):
        storecheck.check(away)
