"""Our side of kombu's Redis transport against a real server."""

from tidegate import connections
from tidegate.messaging import celery_app
from tidegate.settings import Settings


def test_a_channel_keeps_its_client(settings: Settings) -> None:
    """A client is as good as its pool: kept while that lasts, and made anew with the next one."""
    app = celery_app(settings, connections.addresses(settings))
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        first = channel._create_client()
        assert channel._create_client() is first
        assert channel._create_client(asynchronous=True) is not first
        channel._disconnect_pools()
        second = channel._create_client()
        assert second is not first
        assert second.ping()
