"""A server that says the same to every call, after a fixed time: `python fixed.py DELAY_MS`; it prints its port.

As lean as asyncio allows, so that what is measured is the caller: it looks for a request's end and for nothing in it.
`GET /connections` tells how many connections were opened, how many calls came, and how many were in flight at most.
"""

import asyncio
import json
import re
import sys

ANSWER = json.dumps(
    {
        "id": "fixed-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fixed",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "yes", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 24, "completion_tokens": 1, "total_tokens": 25},
    }
).encode()

LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


def said(body: bytes) -> bytes:
    """A whole answer of HTTP."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


class Fixed(asyncio.Protocol):
    """One connection."""

    opened = calls = flying = most = 0

    def __init__(self, *, delay_s: float) -> None:
        self._delay_s = delay_s
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        self._transport = transport
        Fixed.opened += 1

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(self._got, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._got) < whole:
                return
            asked_how_many = self._got.startswith(b"GET")
            del self._got[:whole]
            if asked_how_many:
                told = {"opened": Fixed.opened, "calls": Fixed.calls, "most_in_flight": Fixed.most}
                self._say(said(json.dumps(told).encode()))
            else:
                Fixed.calls += 1
                Fixed.flying += 1
                Fixed.most = max(Fixed.most, Fixed.flying)
                asyncio.get_running_loop().call_later(self._delay_s, self._answer)

    def _answer(self) -> None:
        Fixed.flying -= 1
        self._say(WHOLE)

    def _say(self, whole: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(whole)  # type: ignore[attr-defined]


WHOLE = said(ANSWER)


async def serve(*, delay_s: float) -> None:
    """Until the end of this process."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Fixed(delay_s=delay_s), "127.0.0.1", 0, backlog=2048
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(delay_s=float(sys.argv[1]) / 1000))
