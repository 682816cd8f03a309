"""The network between one worker and its servers: a namespace with a cable where we are root, else a proxy.

A cable that is pulled answers nothing at all: no reset, no refusal. The proxy does the same by forwarding nothing.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import threading
from typing import Any

_CHUNK_BYTES = 65_536
_NUMBERS = itertools.count(os.getpid() % 200)


class Cable:
    """A network namespace for the worker and a pair of virtual devices."""

    def __init__(self) -> None:
        number = next(_NUMBERS)
        self._space, self._here, self._there = f"tgchaos{number}", f"tgc{number}a", f"tgc{number}b"
        self.host, self._far = f"10.213.{number % 250}.1", f"10.213.{number % 250}.2"
        # Not `ip netns exec`: its copy of the mounts would keep a file system alive that was cut from its power.
        self.prefix: tuple[str, ...] = ("nsenter", f"--net=/var/run/netns/{self._space}")

    def open(self) -> None:
        """Plug it in."""
        _ip("netns", "add", self._space)
        _ip("link", "add", self._here, "type", "veth", "peer", "name", self._there)
        _ip("link", "set", self._there, "netns", self._space)
        _ip("addr", "add", f"{self.host}/30", "dev", self._here)
        _ip("link", "set", self._here, "up")
        _ip("-n", self._space, "addr", "add", f"{self._far}/30", "dev", self._there)
        _ip("-n", self._space, "link", "set", self._there, "up")
        _ip("-n", self._space, "link", "set", "lo", "up")

    def port(self, port: int) -> int:
        """The port under which a server of ours is reached through it."""
        return port

    def cut(self) -> None:
        """Pull it out."""
        _ip("link", "set", self._here, "down")

    def mend(self) -> None:
        """Plug it in again."""
        _ip("link", "set", self._here, "up")

    def close(self) -> None:
        """Throw it away."""
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "del", self._here)
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self._space)


class Proxy:
    """Forwards to the ports of this machine, as slowly as it is told, or not at all."""

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.prefix: tuple[str, ...] = ()
        self.delay_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._ports: dict[int, int] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def open(self) -> None:
        """Be ready to forward."""
        self._flowing.set()
        threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True).start()

    def port(self, port: int) -> int:
        """A port that leads to this one."""
        if port not in self._ports:
            self._ports[port] = asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result(10)
        return self._ports[port]

    def cut(self) -> None:
        """Forward nothing, and close nothing."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def mend(self) -> None:
        """Forward again."""
        self.delay_s = 0.0
        self._loop.call_soon_threadsafe(self._flowing.set)

    def close(self) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _listen(self, port: int) -> int:
        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._flowing.wait()
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.close()
                return
            for one, other in ((reader, far_writer), (far_reader, writer)):
                task = asyncio.ensure_future(self._pump(one, other))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(forward, "127.0.0.1", 0)
        chosen: int = server.sockets[0].getsockname()[1]
        return chosen

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()


def open_link() -> Cable | Proxy:
    """A cable where this user may lay one, else a proxy."""
    if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("ip") and shutil.which("nsenter"):
        cable = Cable()
        try:
            cable.open()
        except subprocess.CalledProcessError:
            cable.close()
        else:
            return cable
    proxy = Proxy()
    proxy.open()
    return proxy


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True, timeout=20)
