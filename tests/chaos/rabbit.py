"""RabbitMQ as the broker of a run: a node of the run's own, with its own name, ports, folder and port mapper."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from chaos.servers import free_port

USER = "chaos"
START_S = 120.0

_SCRIPTS = (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), Path("/usr/sbin/rabbitmq-server"))
"""Debian's own start script changes to another user; the one behind it does not."""


@dataclass(frozen=True, kw_only=True)
class RabbitServer:
    """One node."""

    name: str
    folder: Path
    hosts: tuple[str, ...]
    password: str = field(repr=False)
    port: int
    mapper: int = field(default_factory=free_port)
    distribution: int = field(default_factory=free_port)

    @property
    def command(self) -> tuple[str, ...]:
        """How it is started; its configuration is written first."""
        listeners = "".join(f"listeners.tcp.{index} = {host}:{self.port}\n" for index, host in enumerate(self.hosts, 1))
        self._config.write_text(
            f"{listeners}default_user = {USER}\ndefault_pass = {self.password}\nloopback_users = none\n"
            "log.file.level = warning\ndisk_free_limit.absolute = 10MB\nvm_memory_high_watermark.relative = 0.2\n"
        )
        self._plugins.write_text("[].\n")
        _ = self._mapping
        return (str(next(path for path in _SCRIPTS if path.exists())),)

    @property
    def env(self) -> Mapping[str, str]:
        """What it needs of the environment."""
        return {
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"chaos-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_CONFIG_FILE": str(self._config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._plugins),
            "RABBITMQ_MNESIA_BASE": str(self._data),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, instead of waiting for it
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def url(self, *, host: str = "127.0.0.1", port: int | None = None) -> str:
        """Where it is reached: from there, by that port."""
        return f"amqp://{USER}:{self.password}@{host}:{port or self.port}/%2F"

    def await_up(self, *, timeout_s: float = START_S) -> None:
        """Until it greets. Raises TimeoutError."""
        until = time.monotonic() + timeout_s
        while not self._greets():
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name} does not answer")
            time.sleep(0.2)

    def wipe(self) -> None:
        """Forget everything, as a server does that comes back on a new machine."""
        shutil.rmtree(self._data)

    def close(self) -> None:
        """End its port mapper."""
        self._mapping.kill()
        self._mapping.wait()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _config(self) -> Path:
        return self.folder / "rabbitmq.conf"

    @property
    def _plugins(self) -> Path:
        return self.folder / "enabled_plugins"

    @cached_property
    def _mapping(self) -> "subprocess.Popen[bytes]":
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        command = ("epmd", "-port", str(self.mapper), "-address", "127.0.0.1")
        return subprocess.Popen(command, env={**os.environ, **self.env}, stdin=subprocess.DEVNULL)

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as line:
                line.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(line.recv(1))
        except OSError:
            return False


def missing() -> str | None:
    """Why there can be no node here, if so."""
    here = any(path.exists() for path in _SCRIPTS) and shutil.which("epmd")
    return None if here else "RabbitMQ is not installed: apt-get install rabbitmq-server"
