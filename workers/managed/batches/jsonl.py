"""Lines of JSON as they come over a connection: one at a time, so that a result file of any size passes through."""

from collections.abc import AsyncIterable, AsyncIterator

from tidegate.errors import MalformedAnswer

MAX_LINE_BYTES = 17_000_000
"""An answer of the longest kind, and what the provider wraps it in."""


async def lines_of(chunks: AsyncIterable[bytes], *, max_line_bytes: int = MAX_LINE_BYTES) -> AsyncIterator[bytes]:
    """The lines in chunks that are cut anywhere, without the empty ones. Raises MalformedAnswer for one without end."""
    held = bytearray()
    async for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            line = bytes(held + part).strip()
            held.clear()
            if line:
                yield line
        held += rest
        if len(held) > max_line_bytes:
            raise MalformedAnswer(f"a line of the results has more than {max_line_bytes} bytes")
    if last := bytes(held).strip():
        yield last
