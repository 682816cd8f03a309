"""TLS to store and broker: with our authority and our certificate it works, and with anything less it does not."""

from pathlib import Path
from typing import Any

import pytest
from doubles import KEYS
from rabbit import RabbitServer
from servers import StoreServer
from tls import Papers, issue, tls_before

from tidegate.client import Client
from tidegate.connections import addresses
from tidegate.doorbell import Doorbell
from tidegate.errors import BrokerUnavailable, StoreUnavailable
from tidegate.messaging import celery_app
from tidegate.settings import Settings, load

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """What the servers and we have from the same authority."""
    return issue(tmp_path_factory.mktemp("papers"))


def configured(data: Path, papers: Papers, **urls: Any) -> Settings:
    """Settings that name our papers."""
    files = {"tls_ca_file": papers.ca, "tls_cert_file": papers.cert, "tls_key_file": papers.key}
    return load(data=data, store_timeout_s=2.0, **files, **urls, **KEYS)


def over_tls(url: str, port: int) -> str:
    """The same URL, by the proxy."""
    head, _, tail = url.rpartition("@")
    return f"{head.replace('redis:', 'rediss:').replace('amqp:', 'amqps:')}@127.0.0.1:{port}/{tail.partition('/')[2]}"


def test_store_and_redis_broker_are_reached_by_tls(tmp_path: Path, papers: Papers, store_server: StoreServer) -> None:
    """A job is accepted and its wake-up sent, over connections that show a certificate."""
    plain = int(store_server.store_url.rpartition(":")[2].partition("/")[0])
    with tls_before(plain, papers) as port:
        url = over_tls(store_server.broker_url, port)
        settings = configured(tmp_path, papers, broker_url=url)
        with Client(settings) as client:
            assert client.record(client.submit({"text": "hello"})).state == "accepted"
            client.doorbell.ring_router("a" * 32, priority=0)
        foreign = issue(tmp_path / "foreign")
        for less in (
            foreign,
            Papers(papers.ca, foreign.cert, foreign.key),
            Papers(foreign.ca, papers.cert, papers.key),
        ):
            with pytest.raises(StoreUnavailable), Client(configured(tmp_path, less, broker_url=url)) as client:
                client.submit({"text": "hello"})


def test_rabbitmq_is_reached_by_tls(
    tmp_path: Path, papers: Papers, rabbit: RabbitServer, store_server: StoreServer
) -> None:
    """A wake-up is confirmed over TLS; another authority, or a server of another name, is not spoken to."""
    other = issue(tmp_path / "other", name="rabbit.example.com")

    def ring(port: int, shown: Papers) -> None:
        url = over_tls(rabbit.url(), port)
        settings = configured(tmp_path, shown, broker_url=url, store_url=store_server.store_url)
        bell = Doorbell(celery_app(settings, addresses(settings)))
        try:
            bell.ring_lane("over-tls", "a" * 32, priority=0)
        finally:
            bell.close()

    with tls_before(rabbit.port, papers) as port:
        ring(port, papers)
    with tls_before(rabbit.port, papers) as port, pytest.raises(BrokerUnavailable):  # anew: kombu pools by address
        ring(port, issue(tmp_path / "foreign"))
    with tls_before(rabbit.port, other) as port, pytest.raises(BrokerUnavailable):
        ring(port, other)
