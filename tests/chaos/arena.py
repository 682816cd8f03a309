"""The arena: one installation with everything that a fault can take hold of, put up and taken down as one."""

import base64
import contextlib
import json
import os
import secrets
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos import policy
from chaos.clock import Clock, open_clock
from chaos.disk import Disk, open_disk
from chaos.fleet import Fleet, Part
from chaos.network import Cable, Proxy, open_link
from chaos.plan import JANITOR_PERIOD_S, LEASE_S, NUDGE_S, Plan
from chaos.rabbit import RabbitServer
from chaos.servers import RedisServer, free_port
from tidegate import connections
from tidegate.client import Client
from tidegate.keys import signer
from tidegate.ledger.census import Census
from tidegate.settings import Settings, load

HOME = Path(__file__).resolve().parent.parent.parent
READY_S = 90.0

ROUTERS = ("router-1", "router-2")
INSIDE = ("inside-1", "inside-2")
ENGINE = "engine"
OUTSIDE = "outside"
JANITORS = ("janitor-1", "janitor-2")
OURS = (*ROUTERS, *INSIDE, ENGINE, OUTSIDE, *JANITORS)
CLOCKED = ("router-2", "janitor-2", "outside")
"""The processes whose clock can jump."""
CABLED = "inside-2"
"""The process whose network can be cut."""
SLOWED = "inside-1"
"""The process whose network can be slow."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys of a run, by what they are for. Invented for it and thrown away."""

    inside: str
    outside: str
    signing: str
    checking: str

    @classmethod
    def made(cls) -> "Keys":
        """New ones."""
        inside, outside, signing = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(3))
        raw = signer(load(clearance_key=signing)).verifier.raw
        return cls(
            inside=f"in1:{inside}", outside=f"out1:{outside}", signing=signing, checking=base64.b64encode(raw).decode()
        )

    def of(self, role: str) -> Mapping[str, str]:
        """Those that a role holds, as settings."""
        held = {
            "producer": ("inside_key", "outside_key"),
            "router": ("inside_key", "outside_key", "clearance_key"),
            "inside": ("inside_key",),
            "outside": ("outside_key", "clearance_pub"),
        }
        all_of_them = {
            "inside_key": self.inside,
            "outside_key": self.outside,
            "clearance_key": self.signing,
            "clearance_pub": self.checking,
        }
        return {name: all_of_them[name] for name in held.get(role, ())}


class Arena:
    """Everything that runs, and what faults and checks need of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.fleet = Fleet()
        self.keys = Keys.made()
        self.policy_file = policy.write(plan.folder / "policy", home=HOME)
        self.record = plan.folder / "received.jsonl"
        self.standin_port, self.standin_token = free_port(), secrets.token_urlsafe(16)
        self.disk: Disk = open_disk(plan.folder / "store")
        self.cable: Cable | Proxy = open_link()
        self.slow_link = Proxy()
        self.slow_link.open()
        self.clock: Clock = open_clock(plan.folder)
        self.store = self._server("store", self.disk.folder, fsync=plan.fsync)
        self.broker = self._broker()
        self.settings: Settings = load(
            data=plan.folder / "data",
            home=HOME,
            policy=self.policy_file,
            broker_url=self.broker.url(),
            store_url=self.store.url(),
            **self.keys.of("producer"),
        )
        self._clients: list[Client] = []

    def open(self) -> None:
        """Start everything and wait until it works. Raises TimeoutError that names what does not."""
        for server in (self.store, self.broker):
            self.fleet.add(self._part(server.name, server.command, {**os.environ, **server.env}))
            server.await_up()
        standin = ("workers.standin", "--port", str(self.standin_port), "--record", str(self.record))
        token = {"TIDEGATE_STANDIN_TOKEN": self.standin_token}
        self.fleet.add(self._part("standin", (sys.executable, "-P", "-m", *standin), self._environment() | token))
        for name in OURS:
            self.fleet.add(self._ours(name))
        self.await_ready(OURS, timeout_s=READY_S)

    def client(self) -> Client:
        """A producer's client of its own."""
        made = Client(self.settings)
        self._clients.append(made)
        return made

    def close(self) -> None:
        """Take everything down."""
        self.fleet.close()
        for client in self._clients:
            with contextlib.suppress(Exception):
                client.close()
        for part in (self.cable, self.slow_link, self.disk, self.broker):
            part.close()

    def await_ready(self, names: tuple[str, ...], *, timeout_s: float) -> None:
        """Until the census sees the present process of each. Raises TimeoutError."""
        until = time.monotonic() + timeout_s
        while missing := [name for name in names if self.fleet.parts[name].pid not in self._present()]:
            if time.monotonic() > until:
                raise TimeoutError(f"not ready: {', '.join(missing)}; logs in {self.plan.folder / 'logs'}")
            time.sleep(0.1)

    def standin(self, faults: list[dict[str, Any]]) -> None:
        """Tell the stand-in which faults it has from now on."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.standin_port}/_standin/faults",
            data=json.dumps(faults).encode(),
            method="PUT",
            headers={"Authorization": f"Bearer {self.standin_token}"},
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    def environment_of(self, role: str) -> dict[str, str]:
        """The environment of a process that runs beside the installation: a producer, a command."""
        return self._environment(role)

    def _present(self) -> set[int]:
        try:
            where = connections.addresses(self.settings)
            with contextlib.closing(connections.connect(where.store, timeout_s=1.0)) as redis:
                return {worker.pid for worker in Census(redis).workers()}
        except Exception:  # noqa: BLE001 - whatever it is, nobody is seen
            return set()

    def _server(self, name: str, folder: Path, *, fsync: str) -> RedisServer:
        folder.mkdir(parents=True, exist_ok=True)
        hosts = tuple(dict.fromkeys(("127.0.0.1", self.cable.host)))
        return RedisServer(
            name=name,
            folder=folder,
            run=self.plan.folder,
            hosts=hosts,
            fsync=fsync,
            password=secrets.token_urlsafe(16),
            port=free_port(),
        )

    def _broker(self) -> RedisServer | RabbitServer:
        folder = self.plan.folder / "broker"
        if self.plan.broker == "redis":
            return self._server("broker", folder, fsync="everysec")
        folder.mkdir()
        hosts = tuple(dict.fromkeys(("127.0.0.1", self.cable.host)))
        password = secrets.token_urlsafe(16)
        return RabbitServer(name="broker", folder=folder, hosts=hosts, password=password, port=free_port())

    def _part(self, name: str, command: tuple[str, ...], env: Mapping[str, str]) -> Part:
        logs = self.plan.folder / "logs"
        logs.mkdir(exist_ok=True)
        return Part(name=name, command=command, env=env, log=logs / f"{name}.log")

    def _ours(self, name: str) -> Part:
        role = name.partition("-")[0]
        words = {
            "router": ("router",),
            "inside": ("worker", "--zone", "inside", *(word for lane in policy.LANES for word in ("--lane", lane))),
            "engine": ("worker", "--zone", "inside", "--lane", "tiny"),
            "outside": ("worker", "--zone", "outside"),
            "janitor": ("janitor",),
        }
        env = self._environment("inside" if role == "engine" else role)
        env |= self._addresses(name) | (self.clock.env if name in CLOCKED else {})
        prefix = self.cable.prefix if name == CABLED else ()
        return self._part(name, (*prefix, sys.executable, "-P", "-m", "tidegate", *words[role]), env)

    def _addresses(self, name: str) -> dict[str, str]:
        link = {CABLED: self.cable, SLOWED: self.slow_link}.get(name)
        if link is None:
            return {}
        return {
            f"TIDEGATE_{server.name.upper()}_URL": server.url(host=link.host, port=link.port(server.port))
            for server in (self.store, self.broker)
        }

    def _environment(self, role: str = "") -> dict[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith(("TIDEGATE_", "PYTHONPATH"))}
        settings = {
            "data": self.plan.folder / "data" / (role or "none"),
            "audit": self.plan.folder / "audit",
            "home": HOME,
            "policy": self.policy_file,
            "broker_url": self.broker.url(),
            "store_url": self.store.url(),
            "lease_s": LEASE_S,
            "nudge_s": NUDGE_S,
            "janitor_period_s": JANITOR_PERIOD_S,
            "openai_base_url": f"http://127.0.0.1:{self.standin_port}/v1",
            **self.keys.of(role),
        }
        return {
            **own,
            **{f"TIDEGATE_{key.upper()}": str(value) for key, value in settings.items()},
            "OPENAI_API_KEY": "stand-in",
            "PYTHONPATH": f"{HOME}{os.pathsep}{HOME / 'tests'}",
            "PYTHONUNBUFFERED": "1",
        }


@contextlib.contextmanager
def opened(plan: Plan) -> Iterator[Arena]:
    """An arena that is taken down at the end, whatever happens."""
    arena = Arena(plan)
    try:
        arena.open()
        yield arena
    finally:
        arena.close()
