"""One request and what comes back, read within bounds; for every SDK whose streamed responses look like OpenAI's."""

import time
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2

from tidegate.errors import MalformedAnswer
from workers.backend import Run
from workers.managed.dialect import Dialect, Pieces
from workers.managed.headers import heard
from workers.managed.provider import OnPiece

MAX_ANSWER_BYTES = 16_000_000
"""Far above the longest answer that a job may ask for; a server that sends more has lost its mind."""
MAX_STREAM_BYTES = 8 * MAX_ANSWER_BYTES
"""A stream wraps each token in a line of its own."""


def limits(run: Run, *, connect_s: float) -> httpx2.Timeout:
    """The time that one call may take; `backend` bounds the whole."""
    return httpx2.Timeout(run.timeout_s, connect=min(connect_s, run.timeout_s))


async def exchange(
    call: AbstractAsyncContextManager[Any], run: Run, *, dialect: Dialect, on_piece: OnPiece | None
) -> bytes:
    """The body of a call's answer; a stream's put together. What the headers say of limits is told in any case."""
    asked_at = time.monotonic()
    try:
        async with call as response:
            streams = response.headers.get("content-type", "").startswith("text/event-stream")
            pieces = dialect.pieces(on_piece) if on_piece and streams else None
            content = await _read(response, pieces, asked_at, run)
    except Exception as error:
        if (rejected := getattr(error, "response", None)) is not None:
            run.tell(heard(rejected.headers))
        raise
    if pieces:
        return pieces.body()
    if on_piece and (text := dialect.text_of(content)):  # asked for pieces, and it said all at once
        on_piece(text)
    return content


async def _read(response: Any, pieces: Pieces | None, asked_at: float, run: Run) -> bytes:
    limit = MAX_STREAM_BYTES if pieces else MAX_ANSWER_BYTES
    content, size_bytes = bytearray(), 0
    async for chunk in response.iter_bytes():
        if not size_bytes:
            run.tell(heard(response.headers, first_byte_s=time.monotonic() - asked_at))
        size_bytes += len(chunk)
        if size_bytes > limit:
            raise MalformedAnswer(f"status 200, but more than {limit} bytes")
        if pieces:
            pieces.feed(chunk)
        else:
            content += chunk
    if not size_bytes:
        run.tell(heard(response.headers))
    return bytes(content)
