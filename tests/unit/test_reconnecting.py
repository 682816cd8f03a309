"""A worker whose broker is away: it asks again every few seconds, however long that takes."""

from typing import Any

from kombu import Connection
from kombu.utils.imports import symbol_by_name

from tidegate.connections import Addresses
from tidegate.messaging import celery_app
from tidegate.reconnecting import MAX_S, Consumer
from tidegate.settings import load


class Away(Connection):
    """A connection that notes how it is told to wait, and does not."""

    waits: dict[str, Any]

    def ensure_connection(self, *_args: Any, **waits: Any) -> "Away":
        """Nothing is sent."""
        self.waits = waits
        return self


def test_a_worker_never_waits_long_between_two_tries() -> None:
    """A broker that comes back is found within seconds, whatever it took."""
    app = celery_app(load(), Addresses(broker="redis://127.0.0.1:1/0", store="redis://127.0.0.1:1/1", embedded=False))
    consumer_class = symbol_by_name(app.conf.worker_consumer)
    assert issubclass(consumer_class, Consumer)
    consumer = object.__new__(consumer_class)
    consumer.app, consumer.first_connection_attempt = app, False
    away = Away("memory://")
    assert consumer.ensure_connected(away) is away
    assert away.waits["interval_max"] == MAX_S
    assert away.waits["interval_start"] < 1
