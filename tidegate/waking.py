"""Waking: how a Redis channel that waits for messages is told to look at another list of queues.

kombu waits with one BRPOP for all queues, up to a second; a queue that is added meanwhile would wait that long. The
server is asked to end the wait: nothing is lost, since it does so only where it has sent nothing yet.
"""

from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, ResponseError


class Waking:
    """Mixed into kombu's Redis channel."""

    client: Any
    conn_or_acquire: Any
    _in_poll: Any
    _waiter: tuple[Any, int | None] = (None, None)
    """The socket that waits, and the server's number for it; None where the server does not tell."""

    def look_again(self) -> None:
        """End a wait that is under way, so that the next one sees all queues."""
        number = self._waiter[1]
        if self._in_poll and number is not None:
            with suppress(RedisError), self.conn_or_acquire() as client:  # else the wait ends by itself
                client.execute_command("CLIENT UNBLOCK", number)

    def _brpop_start(self, timeout: Any = None) -> None:
        connection = self.client.connection
        if connection is not None and connection._sock is not self._waiter[0]:  # noqa: SLF001 - a reconnect shows there only
            self._waiter = (connection._sock, _number(connection))  # noqa: SLF001
        super()._brpop_start(timeout)  # type: ignore[misc]


def _number(connection: Any) -> int | None:
    connection.send_command("CLIENT", "ID")
    try:
        return int(connection.read_response())
    except ResponseError:  # an account without the right to ask
        return None
