"""Server-sent events, out of bytes that are cut anywhere. Only their data counts: comments and names do not."""

from collections.abc import Callable


class Events:
    """Hands on the data of each event's line."""

    def __init__(self, on_data: Callable[[bytes], None]) -> None:
        self._on_data = on_data
        self._line = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Some bytes."""
        self._line += chunk
        if b"\n" not in chunk:  # a line that never ends is not searched again with each piece of it
            return
        *lines, rest = self._line.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._on_data(bytes(line[5:]).strip())
        self._line = bytearray(rest)

    def end(self) -> None:
        """Nothing more comes: the last line of a server that ends without one counts as well."""
        if self._line.startswith(b"data:"):
            self.feed(b"\n")
