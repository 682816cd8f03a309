"""Broker and store as processes of the fleet: how they are started, and where they are reached."""

import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tidegate.runtime.server import find_server

START_S = 60.0


@dataclass(frozen=True, kw_only=True)
class RedisServer:
    """A Redis-compatible server with an append-only file."""

    name: str
    folder: Path
    run: Path
    hosts: tuple[str, ...]
    fsync: str
    password: str = field(repr=False)
    port: int

    @property
    def command(self) -> tuple[str, ...]:
        """How it is started; its configuration is written first."""
        config = self.run / f"{self.name}.conf"
        lines = {
            "bind": " ".join(self.hosts),
            "port": str(self.port),
            "requirepass": self.password,
            "daemonize": "no",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": self.fsync,
            "save": '""',
            "maxmemory-policy": "noeviction",
        }
        config.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
        return (str(find_server().path), str(config))

    @property
    def env(self) -> Mapping[str, str]:
        """What it needs of the environment."""
        return {}

    def url(self, *, host: str = "127.0.0.1", port: int | None = None) -> str:
        """Where it is reached: from there, by that port."""
        return f"redis://:{self.password}@{host}:{port or self.port}/0"

    def await_up(self, *, timeout_s: float = START_S) -> None:
        """Until it answers. Raises TimeoutError."""
        until = time.monotonic() + timeout_s
        client = redis.Redis.from_url(self.url(), socket_timeout=1, socket_connect_timeout=1)
        while True:
            try:
                client.ping()
            except redis.exceptions.RedisError:
                if time.monotonic() > until:
                    raise TimeoutError(f"{self.name} does not answer") from None
                time.sleep(0.05)
            else:
                client.close()
                return

    def wipe(self) -> None:
        """Forget everything, as a server does that comes back on a new machine."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def close(self) -> None:
        """Nothing is left beside its folder."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
