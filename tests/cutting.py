"""A proxy before a real server that cuts connections: before a request arrives, or before its answer does."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

CHUNK_BYTES = 1 << 20


class Moment(Enum):
    """When a connection is cut."""

    BEFORE = "before the server was asked"
    AFTER = "after the server did it, and before anybody was told"


@dataclass
class Cutter:
    """Passes requests and answers on, one after the other, and cuts where it was told to."""

    to: int
    """The server's port."""
    port: int = 0
    """Where it listens itself."""
    done: int = 0
    """How many requests it has cut since it was armed."""
    _moment: Moment = Moment.BEFORE
    _marker: bytes = b""
    _left: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, moment: Moment, *, marker: bytes, times: int) -> None:
        """Cut the next so many requests that hold the marker."""
        with self._lock:
            self._moment, self._marker, self._left, self.done = moment, marker, times, 0

    def serve(self, client: socket.socket) -> None:
        """One connection, until either side closes it or it is cut."""
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self.to)) as server:
            while request := client.recv(CHUNK_BYTES):
                cut = self._cuts(request)
                if cut and self._moment is Moment.BEFORE:
                    return
                server.sendall(request)
                answer = server.recv(CHUNK_BYTES)
                if cut:
                    return
                client.sendall(answer)

    def _cuts(self, request: bytes) -> bool:
        with self._lock:
            if self._left <= 0 or self._marker not in request:
                return False
            self._left, self.done = self._left - 1, self.done + 1
            return True


@contextlib.contextmanager
def cutter(*, to: int) -> Iterator[Cutter]:
    """A proxy on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = Cutter(to=to, port=listening.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listening, proxy), daemon=True)
        thread.start()
        yield proxy
        listening.shutdown(socket.SHUT_RDWR)  # a close alone would not wake it
        thread.join()


def _accept(listening: socket.socket, proxy: Cutter) -> None:
    with contextlib.suppress(OSError):  # closed: the test is over
        while True:
            client, _ = listening.accept()
            threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()
