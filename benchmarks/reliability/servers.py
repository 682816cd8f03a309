"""The servers that systems stand on: Valkey or Redis with every write flushed, and RabbitMQ. On loopback."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import redis
from processes import Process

from tidegate.runtime.server import find_server

START_S = 60.0
"""RabbitMQ takes ten seconds on two quiet cores."""

RABBITMQ_CONF = """\
listeners.tcp.local = 127.0.0.1:{port}
loopback_users.guest = true
vm_memory_high_watermark.relative = 0.6
disk_free_limit.absolute = 50MB
"""


def valkey(folder: Path, *, name: str) -> tuple[Process, str]:
    """A server with an append-only file, flushed at each write, and its URL without a database."""
    port, home = free_port(), folder / name
    home.mkdir()
    options = {"port": port, "bind": "127.0.0.1", "dir": home, "appendonly": "yes", "appendfsync": "always"}
    command = [str(find_server().path), *(word for key, value in options.items() for word in (f"--{key}", str(value)))]
    server = Process(name, [*command, "--save", ""], env={}, folder=home, log=folder / f"{name}.log")
    return server, f"redis://127.0.0.1:{port}"


def await_valkey(url: str) -> None:
    """Until it answers."""
    until = time.monotonic() + START_S
    with contextlib.closing(redis.Redis.from_url(url, socket_timeout=1)) as client:
        while True:
            try:
                client.ping()
            except redis.RedisError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return


class RabbitMQ:
    """One node with its data in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        port, home = free_port(), folder / "rabbitmq"
        home.mkdir()
        (home / "rabbitmq.conf").write_text(RABBITMQ_CONF.format(port=port), encoding="utf-8")
        (home / "enabled_plugins").write_text("[].\n", encoding="utf-8")
        program = shutil.which("rabbitmq-server")
        if program is None:
            raise SystemExit("no rabbitmq-server here: apt-get install rabbitmq-server, or leave this system out")
        real = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # Debian's wrapper changes to another user
        self.url = f"amqp://guest:guest@127.0.0.1:{port}//"
        self.process = Process(
            "rabbitmq",
            [str(real if real.exists() else program)],
            env={
                "HOME": str(home),
                "RABBITMQ_NODENAME": f"tidegate{port}@localhost",
                "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
                "RABBITMQ_MNESIA_BASE": str(home / "data"),
                "RABBITMQ_LOG_BASE": str(home / "log"),
                "RABBITMQ_PID_FILE": str(home / "pid"),
                "RABBITMQ_DIST_PORT": str(free_port()),
                "ERL_EPMD_ADDRESS": "127.0.0.1",
            },
            folder=home,
            log=folder / "rabbitmq.log",
        )
        self._port = port

    def await_ready(self) -> None:
        """Until it takes connections."""
        until = time.monotonic() + START_S
        while not _listens(self._port):
            if time.monotonic() > until:
                raise TimeoutError("RabbitMQ did not start")
            time.sleep(0.1)


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as line:
        line.sendall(b"AMQP\x00\x00\x09\x01")
        return line.recv(8) != b""
    return False


def end_epmd() -> None:
    """RabbitMQ leaves Erlang's port mapper behind."""
    if program := shutil.which("epmd"):
        subprocess.run([program, "-kill"], env={**os.environ}, capture_output=True, check=False, timeout=10)
