"""kombu's Redis transports with one guard, and less work.

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


class Lasting:
    """Keeps the client by which a channel sends; it may be used by several threads, as all of redis-py's."""

    pool: Any
    _lasting: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        if asynchronous:  # those wait for messages, each on a connection of its own
            return super()._create_client(asynchronous=True)  # type: ignore[misc]
        lasting, pool = self._lasting, self.pool
        if lasting is None or lasting.connection_pool is not pool:
            lasting = self._lasting = super()._create_client()  # type: ignore[misc]
        return lasting


class GuardedChannel(Guard, Lasting, Waking, Channel):
    """A guarded channel to one Redis."""


class GuardedSentinelChannel(Guard, Lasting, Waking, SentinelChannel):
    """A guarded channel to whichever Redis the sentinels name."""


class GuardedTransport(Transport):
    """kombu's Redis transport over guarded channels."""

    Channel = GuardedChannel


class GuardedSentinelTransport(SentinelTransport):
    """The same behind Sentinel."""

    Channel = GuardedSentinelChannel
