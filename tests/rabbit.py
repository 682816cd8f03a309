"""A real RabbitMQ node of the tests' own: own name, ports, folder and epmd, so that it meets no other node."""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import amqp
from ports import free_port
from servers import skip_or_fail

START_S = 180.0
STOP_S = 60.0
USER, PASSWORD = "tests", "invented"

_SCRIPTS = (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), Path("/usr/sbin/rabbitmq-server"))
"""Debian's own start script changes to another user; the one behind it does not."""


@dataclass
class RabbitServer:
    """A running node."""

    folder: Path
    port: int
    environment: Mapping[str, str] = field(repr=False)
    process: "subprocess.Popen[bytes]"

    def url(self, *, user: str = USER, password: str = PASSWORD, host: str = "") -> str:
        """A broker URL; `host` is the virtual host."""
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}/{host or '%2F'}"

    def url_of(self, role: str) -> str:
        """The URL of a role, as the shipped definitions have it."""
        return (self.folder / f"broker_url_{role}").read_text().replace("@127.0.0.1/", f"@127.0.0.1:{self.port}/")

    def kill(self) -> None:
        """As a power failure would."""
        self.process.kill()
        self.process.wait(STOP_S)

    def start(self) -> None:
        """Start it again with what it had on its disk."""
        self.process = _started(self.folder, self.environment)
        _await_answer(self)

    def forget(self) -> None:
        """Lose everything that lay on its disk."""
        shutil.rmtree(self.folder / "data")

    def control(self, *words: str) -> str:
        """What `rabbitmqctl` says."""
        command = [str(_script().with_name("rabbitmqctl")), "-q", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout


@contextlib.contextmanager
def rabbit_server(folder: Path, *, definitions: Mapping[str, Any] | None = None) -> Iterator[RabbitServer]:
    """Run a node with its data in `folder`. Without RabbitMQ: skipped on a desk, failed in CI."""
    if not any(path.exists() for path in _SCRIPTS) or shutil.which("epmd") is None:
        skip_or_fail("RabbitMQ is not installed: apt-get install rabbitmq-server")
    port, distribution, mapper = free_port(), free_port(), free_port()
    (folder / "definitions.json").write_text(json.dumps(definitions or everything()))
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\nload_definitions = {folder}/definitions.json\n"
        "log.file.level = warning\ndisk_free_limit.absolute = 10MB\nvm_memory_high_watermark.relative = 0.2\n"
    )
    (folder / "enabled_plugins").write_text("[].\n")
    (folder / ".erlang.cookie").write_text(secrets.token_hex(16))
    (folder / ".erlang.cookie").chmod(0o400)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"tests-{port}@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, instead of waiting for it
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
    }
    with _running(["epmd", "-port", str(mapper), "-address", "127.0.0.1"], environment):
        server = RabbitServer(folder, port, environment, _started(folder, environment))
        try:
            _await_answer(server)
            yield server
        finally:
            server.process.terminate()
            try:
                server.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait(STOP_S)


def everything(*hosts: str) -> dict[str, list[object]]:
    """Definitions: one user who may do everything, on these virtual hosts and the default one."""
    names = ["/", *hosts]
    return {
        "users": [user(USER, PASSWORD)],
        "vhosts": [{"name": name} for name in names],
        "permissions": [
            {"user": USER, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"} for name in names
        ],
    }


def user(name: str, password: str) -> dict[str, object]:
    """A user as a definitions file has it: with a salted hash."""
    salt = secrets.token_bytes(4)
    hashed = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    return {"name": name, "password_hash": hashed, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}


def _script() -> Path:
    return next(path for path in _SCRIPTS if path.exists())


def _started(folder: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    with (folder / "output.log").open("ab") as log:
        return subprocess.Popen(
            [_script()], env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


def _await_answer(server: RabbitServer) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            address = f"127.0.0.1:{server.port}"
            with amqp.Connection(address, userid=USER, password=PASSWORD, connect_timeout=5, read_timeout=20):
                return
        except (OSError, amqp.AMQPError):
            if time.monotonic() > until:
                raise
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = server.process.wait(0.2)
            told = (server.folder / "output.log").read_text(errors="replace")[-2000:]
            raise AssertionError(f"RabbitMQ ended with {code} before it answered: {told}")


@contextlib.contextmanager
def _running(command: list[str], environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait(STOP_S)
