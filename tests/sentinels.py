"""A master, a replica and a sentinel of the tests' own, as processes."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis
from servers import skip_or_fail

from tidegate.errors import MissingExtra
from tidegate.runtime.server import find_server

PASSWORD = "invented"
_START_S = 60.0


@dataclass
class Watched:
    """The servers behind one name."""

    sentinel_port: int
    ports: list[int]
    processes: "list[subprocess.Popen[bytes]]" = field(repr=False)

    @property
    def url(self) -> str:
        """The broker's URL; the store is database 1 of the same."""
        return f"sentinel://:{PASSWORD}@127.0.0.1:{self.sentinel_port}/0?master=watched"

    def master(self) -> int:
        """The port of whoever is the master by the sentinel's word."""
        with redis.Redis(port=self.sentinel_port, socket_timeout=2) as sentinel:
            return int(sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "watched")[1])

    def kill_master(self) -> None:
        """As a power failure would; returns when the sentinel names another."""
        old = self.master()
        self.processes[self.ports.index(old)].kill()
        until = time.monotonic() + _START_S
        while self.master() == old:
            assert time.monotonic() < until, "no failover"
            time.sleep(0.05)


@contextlib.contextmanager
def watched(folder: Path, ports: tuple[int, int, int]) -> Iterator[Watched]:
    """Two servers and the sentinel over them. Without a server: skipped on a desk, failed in CI."""
    try:
        binary = str(find_server().path)
    except MissingExtra as exc:
        skip_or_fail(str(exc))
    master, replica, sentinel = ports
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(_server(binary, folder, port)) for port in (master, replica)]
        with redis.Redis(port=replica, password=PASSWORD) as client:
            client.replicaof("127.0.0.1", master)
            _until(lambda: client.info("replication")["master_link_status"] == "up")
        config = folder / "sentinel.conf"
        config.write_text(
            f"port {sentinel}\nbind 127.0.0.1\nsentinel monitor watched 127.0.0.1 {master} 1\n"
            f"sentinel auth-pass watched {PASSWORD}\nsentinel down-after-milliseconds watched 1000\n"
            "sentinel failover-timeout watched 3000\n"
        )
        stack.enter_context(_process([binary, str(config), "--sentinel"], folder / "sentinel.log"))
        with redis.Redis(port=sentinel) as client:
            _until(lambda: client.execute_command("SENTINEL", "MASTER", "watched")[b"num-slaves"] == b"1")
        yield Watched(sentinel, [master, replica], processes)


@contextlib.contextmanager
def _server(binary: str, folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    data = folder / str(port)
    data.mkdir()
    told = {"port": port, "bind": "127.0.0.1", "dir": data, "requirepass": PASSWORD, "masterauth": PASSWORD}
    told |= {"appendonly": "yes", "save": '""', "repl-diskless-sync-delay": 0, "maxmemory-policy": "noeviction"}
    (folder / f"{port}.conf").write_text("".join(f"{key} {value}\n" for key, value in told.items()))
    with _process([binary, str(folder / f"{port}.conf")], folder / f"{port}.log") as process:
        with redis.Redis(port=port, password=PASSWORD) as client:
            _until(client.ping)
        yield process


@contextlib.contextmanager
def _process(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def _until(holds: object) -> None:
    until = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(redis.exceptions.ConnectionError, redis.exceptions.ResponseError, KeyError):
            if holds():  # type: ignore[operator]
                return
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)
