"""Addresses of broker and store: what is taken, what is refused, and that no password is ever shown."""

from pathlib import Path
from typing import Any

import pytest

from tidegate import connections, sentinel
from tidegate.brokers import Broker
from tidegate.connections import Addresses, addresses, without_password
from tidegate.errors import InvalidSettings
from tidegate.messaging import celery_app
from tidegate.settings import Settings, load

SENTINELS = "sentinel://tidegate:p%40ss@s1:26379,s2,s3:26381/0?master=main&sentinel_password=hush"


def settings(tmp_path: Path, **given: Any) -> Settings:
    """Settings with these addresses."""
    return load(data=tmp_path, **given)


def test_a_sentinel_url_is_one_url_for_broker_and_store(tmp_path: Path) -> None:
    """Hosts, master and passwords come from the URL; the store is the same master's next database."""
    where = addresses(settings(tmp_path, broker_url=SENTINELS))
    given = sentinel.parse(where.store)
    assert given.hosts == (("s1", 26379), ("s2", 26379), ("s3", 26381))
    assert (given.user, given.password, given.database, given.master) == ("tidegate", "p@ss", 1, "main")
    assert given.own == {"password": "hush"}


def test_celery_is_told_of_the_sentinels(tmp_path: Path) -> None:
    """Broker and result backend find the master by its name."""
    made = settings(tmp_path, broker_url=SENTINELS)
    conf = celery_app(made, addresses(made)).conf
    assert conf.broker_url.count("sentinel://tidegate:p%40ss@") == 3
    assert conf.broker_transport == "tidegate.redis_transport:GuardedSentinelTransport"
    assert conf.broker_transport_options["master_name"] == "main"
    assert conf.broker_transport_options["sentinel_kwargs"] == {"password": "hush"}
    assert conf.result_backend_transport_options["master_name"] == "main"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sentinel://s1:26379/0", "master=NAME"),
        ("sentinel://s1:x/0?master=m", "is a number"),
        ("sentinel://s1/x?master=m", "is a number"),
        ("sentinel://s1,/0?master=m", "host:port"),
        ("sentinel://s1/0?master=m&mister=n", "mister"),
        ("rediss://h/0?ssl_cert_reqs=none", "TIDEGATE_TLS_CA_FILE"),
        ("rediss://h/0?ssl_check_hostname=false", "TIDEGATE_TLS_CA_FILE"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, url: str, says: str) -> None:
    """A URL that lacks something, or that would not check whom it talks to."""
    with pytest.raises(InvalidSettings, match=says):
        addresses(settings(tmp_path, broker_url=url))


def test_an_unknown_broker_is_named(tmp_path: Path) -> None:
    """The scheme is told, and what is known."""
    with pytest.raises(InvalidSettings, match="sqs://"):
        Broker.of(Addresses(broker="sqs://key:secret@", store="redis://h", embedded=False), role="router")


def test_the_store_is_redis(tmp_path: Path) -> None:
    """RabbitMQ cannot be the store."""
    with pytest.raises(InvalidSettings, match="TIDEGATE_STORE_URL"):
        addresses(settings(tmp_path, broker_url="amqp://h", store_url="amqp://h"))


def test_certificates_of_ones_own_go_to_both(tmp_path: Path) -> None:
    """The files are used for the store's URL and for RabbitMQ, and the server's name is checked."""
    made = settings(
        tmp_path,
        broker_url="amqps://u:p@rabbit:5671/v",
        store_url="rediss://:p@store:6380/1",
        tls_ca_file=Path("/etc/ca.pem"),
        tls_cert_file=Path("/etc/us.pem"),
        tls_key_file=Path("/etc/us.key"),
    )
    where = addresses(made)
    for part in ("ssl_ca_certs=%2Fetc%2Fca.pem", "ssl_certfile=%2Fetc%2Fus.pem", "ssl_cert_reqs=required"):
        assert part in where.store
    told = celery_app(made, where).conf.broker_use_ssl
    assert (told["ca_certs"], told["certfile"], told["keyfile"]) == ("/etc/ca.pem", "/etc/us.pem", "/etc/us.key")
    assert told["server_hostname"] is None
    assert told["cert_reqs"].name == "CERT_REQUIRED"


@pytest.mark.parametrize("url", [SENTINELS, "rediss://u:p%40ss@h:1/0?ssl_ca_certs=/x", "amqp://u:p%40ss@h/v"])
def test_no_password_is_shown(tmp_path: Path, url: str) -> None:
    """Neither by what is printed of a URL, nor by the repr of what holds it."""
    where = Addresses(broker=url, store=url, embedded=False)
    shown = [without_password(url), repr(where), repr(Broker.of(where, role="router"))]
    if sentinel.is_sentinel(url):
        shown.append(repr(sentinel.parse(url)))
    assert not [text for text in shown if "p%40ss" in text or "p@ss" in text or "hush" in text]


@pytest.mark.parametrize("connect", [connections.connect, connections.connect_async])
def test_a_client_of_sentinels_asks_for_the_master(connect: Any) -> None:
    """The pool resolves the master by name; nothing is sent before it is used."""
    pool = connect(SENTINELS, timeout_s=0.5).connection_pool
    assert pool.service_name == "main"


def test_each_role_keeps_its_deliveries_apart() -> None:
    """A worker outside never needs to read what a router took from the intake; the router's place is the old one."""
    where = Addresses(broker="redis://h/0", store="redis://h/1", embedded=False)
    keys = {
        role: Broker.of(where, role=role).settings()["broker_transport_options"].get("unacked_key")
        for role in ("router", "inside", "outside")
    }
    assert keys == {"router": None, "inside": "tidegate.unacked.inside", "outside": "tidegate.unacked.outside"}
