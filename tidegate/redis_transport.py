"""kombu's Redis transports with one guard.

kombu 5.7.0 workers die with `AttributeError: 'NoneType' … 'hostname'` when Redis goes away while a message is being
acknowledged: the channel asks a connection that was closed for its address. Raising the transport's own connection
error instead sends the worker into its ordinary reconnect.
"""

from typing import Any

from kombu.transport.redis import Channel, SentinelChannel, SentinelTransport, Transport
from redis.exceptions import ConnectionError as RedisConnectionError

from tidegate.waking import Waking


class Guard:
    """Notices that a channel's connection is gone."""

    connection: Any

    def _connparams(self, *args: Any, **kwargs: Any) -> Any:
        if self.connection.client is None:
            raise RedisConnectionError("the broker's connection was closed")
        return super()._connparams(*args, **kwargs)  # type: ignore[misc]


class GuardedChannel(Guard, Waking, Channel):
    """A guarded channel to one Redis."""


class GuardedSentinelChannel(Guard, Waking, SentinelChannel):
    """A guarded channel to whichever Redis the sentinels name."""


class GuardedTransport(Transport):
    """kombu's Redis transport over guarded channels."""

    Channel = GuardedChannel


class GuardedSentinelTransport(SentinelTransport):
    """The same behind Sentinel."""

    Channel = GuardedSentinelChannel
