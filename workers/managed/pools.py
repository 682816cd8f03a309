"""Connections in many small pools: httpx2's pool looks at each of its connections whenever a request begins or ends.

With 400 calls in flight that took as long as the calls themselves. Here a call goes to the pool with the fewest, and of
those to the first, so that connections are used again; a pool is opened when all before it are busy.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2

POOL = 8
"""Calls of one pool, where there are as many as the lane lets run."""

KEEP_S = 30.0
"""An idle connection is kept for this long; httpx2's 5 s are short for jobs that come in bursts."""


@dataclass(eq=False)
class _Pool:
    transport: httpx2.AsyncHTTPTransport
    calls: int = 0


class Pools(httpx2.AsyncBaseTransport):
    """Straight to the server: no proxy of the environment, but its certificates."""

    def __init__(self, calls: int) -> None:
        self._most = -(-calls // POOL)
        self._limits = limits(POOL)
        self._tls = httpx2.create_ssl_context()  # shared: to read the certificates takes longer than a call
        self._pools: list[_Pool] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it by the pool that has the least to do."""
        pool = self._least()
        pool.calls += 1
        try:
            response = await pool.transport.handle_async_request(request)
        except httpx2.ConnectTimeout:
            pool.calls -= 1
            # Not a provider that is slow to answer, which is what SDKs make of any timeout: nothing was sent.
            raise httpx2.ConnectError("no connection in time", request=request) from None
        except BaseException:
            pool.calls -= 1
            raise
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Counted(response.stream, pool)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools:
            await pool.transport.aclose()

    def _least(self) -> _Pool:
        least = min(self._pools, key=lambda pool: pool.calls, default=None)
        if least is None or (least.calls and len(self._pools) < self._most):
            least = _Pool(httpx2.AsyncHTTPTransport(verify=self._tls, limits=self._limits))
            self._pools.append(least)
        return least


class _Counted(httpx2.AsyncByteStream):
    """A body whose end makes room in its pool."""

    def __init__(self, body: httpx2.AsyncByteStream, pool: _Pool) -> None:
        self._body = body
        self._pool: _Pool | None = pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            yield chunk

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.calls -= 1
        await self._body.aclose()


def limits(connections: int) -> httpx2.Limits:
    """How many connections are kept; how many calls there are is the lane's business."""
    return httpx2.Limits(max_connections=None, max_keepalive_connections=connections, keepalive_expiry=KEEP_S)
