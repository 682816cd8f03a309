"""When an answer begins: told by the connection, whichever SDK asked, to whoever listens for the call that it serves.

A body's first byte counts, not its headers, and neither do the blanks and comments by which servers keep a connection
alive while they have nothing to say.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx2

_listens: ContextVar[Callable[[], None] | None] = ContextVar("listens", default=None)
"""By call: each is a task of its own, and a task has variables of its own."""


@contextmanager
def heard(begun: Callable[[], None]) -> Iterator[None]:
    """Call back when the answer to what is asked within the block begins."""
    before = _listens.set(begun)
    try:
        yield
    finally:
        _listens.reset(before)


async def watch(response: httpx2.Response) -> None:
    """A hook for a client's responses. An error is no answer, and what is not posted asks for none."""
    begun = _listens.get()
    answers = response.is_success and response.request.method == "POST"
    if begun is not None and answers and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Watched(response.stream, begun)


class _Watched(httpx2.AsyncByteStream):
    """A body that tells when it begins."""

    def __init__(self, body: httpx2.AsyncByteStream, begun: Callable[[], None]) -> None:
        self._body = body
        self._begun = begun

    async def __aiter__(self) -> AsyncIterator[bytes]:
        silent = True
        async for chunk in self._body:
            if silent and says_something(chunk):
                silent = False
                self._begun()
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


def says_something(chunk: bytes) -> bool:
    """Whether some bytes are more than a blank or an event stream's comment."""
    return any(line.strip() and not line.startswith(b":") for line in chunk.split(b"\n", 8))
