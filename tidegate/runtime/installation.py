"""A small installation on this machine: started as one, watched until it is ready, stopped as one."""

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
from pydantic import SecretStr

from tidegate import connections
from tidegate.errors import InvalidSettings, StorageFull, TidegateError, Unavailable
from tidegate.lane import Lane, Zone
from tidegate.ledger.census import Census
from tidegate.providerkeys.places import names_of, place_of
from tidegate.runtime import programs, server, supervision
from tidegate.runtime.programs import Program, ProviderKeys
from tidegate.settings import Settings

_POLL_S = 0.1
_STOP_S = 45.0
_STANDIN_KEY = "stand-in"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One program and whether it is ready."""

    program: Program
    ready: bool


class Installation:
    """Store, router, workers, janitor and Flower under one supervisor."""

    def __init__(
        self,
        settings: Settings,
        lanes: Mapping[str, Lane],
        *,
        always_standin: bool = False,
        standin_options: Sequence[str] = (),
    ) -> None:
        port = settings.flower_port or _free_port()
        self.settings = settings.model_copy(update={"data": settings.data.resolve(), "flower_port": port})
        self._always_standin = always_standin
        self._standin_options = tuple(standin_options)
        self.standin_token = secrets.token_urlsafe(24)
        self._lanes = lanes
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self.standin_url: str | None = None
        self.programs: tuple[Program, ...] = ()

    def start(self) -> None:
        """Start all programs; they become ready on their own. Raises Misuse where one runs here already."""
        self._take_lock()
        self.programs = tuple(self._programs())
        run = self.settings.data / "run"
        config = run / "supervisor.conf"
        descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(supervision.configuration(self.programs, data=self.settings.data))
        self._supervisor_log.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tidegate.runtime.supervision", str(config), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment(),
            start_new_session=True,  # the terminal's Ctrl-C is ours to handle
        )

    def wait_ready(self, *, timeout_s: float, watch: Callable[[list[Part]], None] = lambda _: None) -> None:
        """Until every program is ready. Raises Unavailable that names the one that is not, and its log."""
        until = time.monotonic() + timeout_s
        while True:
            parts = self.parts()
            watch(parts)
            late = [part.program for part in parts if not part.ready]
            if not late:
                return
            failed = [program for program in late if self._gave_up(program)]
            if failed or time.monotonic() > until or not self._alive():
                program = (failed or late)[0]
                raise Unavailable(f"{program.label} did not start; its log says:\n{self._tail(program)}")
            time.sleep(_POLL_S)

    def parts(self) -> list[Part]:
        """Each program, and whether it is ready."""
        roles = self._roles()
        return [Part(program=program, ready=self._ready(program, roles)) for program in self.programs]

    def stop(self) -> None:
        """Stop everything in order, and by force what does not."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """Stop everything at once."""
        if self._process is None:
            return
        family = _family(self._process.pid)
        for process in family:
            _signal(process, signal.SIGKILL)
        psutil.wait_procs(family, timeout=5)

    @property
    def flower_url(self) -> str:
        """Where Flower is."""
        return f"http://{self.settings.flower_host}:{self.settings.flower_port}"

    def log_of(self, name: str) -> Path:
        """A program's log."""
        return self.settings.data / "logs" / f"{name}.log"

    @property
    def _supervisor_log(self) -> Path:
        return self.log_of("supervisor")

    def _take_lock(self) -> None:
        try:
            for folder in ("run", "logs"):
                (self.settings.data / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (self.settings.data / "run" / "lock").open("w")
        except OSError as exc:
            raise StorageFull(f"{self.settings.data}: the data folder cannot be written: {exc.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidSettings(
                f"tidegate runs already in {self.settings.data}: stop it, or choose another folder with TIDEGATE_DATA"
            ) from None

    def _programs(self) -> Iterator[Program]:
        keys = ProviderKeys(**{zone.value: names_of(self._lanes.values(), zone) for zone in Zone})
        if not (self.settings.broker_url or self.settings.store_url):
            binary = server.find_server()
            yield programs.store(keys, (str(binary.path), str(server.prepare(self.settings))))
        env: dict[str, str] = {}
        if keys.outside and (self._always_standin or not self._configured(keys.outside)):
            port = _free_port()
            self.standin_url = f"http://127.0.0.1:{port}"
            env = {
                **dict.fromkeys(("TIDEGATE_OPENAI_BASE_URL", "TIDEGATE_ANTHROPIC_BASE_URL"), f"{self.standin_url}/v1"),
                # No key that lies here is for the stand-in, and no register knows the one that it gets.
                "TIDEGATE_PROVIDER_KEYS": str(self.settings.data / "run" / "no-keys"),
                **dict.fromkeys(keys.outside, _STANDIN_KEY),
            }
            yield programs.standin(keys, port=port, token=self.standin_token, options=self._standin_options)
        workforce = programs.workforce(keys, outside_env=env)
        idle = {f"worker:{zone}" for zone in Zone} - {f"worker:{lane.zone}" for lane in self._lanes.values()}
        yield from (program for program in workforce if program.role not in idle)  # a worker without a lane would end

    def _configured(self, names: Sequence[str]) -> bool:
        """Whether there is a provider to call."""
        places = (place_of(name, self.settings) for name in names)
        gateways = (self.settings.openai_base_url, self.settings.anthropic_base_url)
        return any(place.there for place in places) or any(gateways)

    def _environment(self) -> dict[str, str]:
        """This process's environment, with our settings made explicit; secrets stay where they are."""
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        settings = self.settings.model_copy(
            update={"home": self.settings.home.resolve(), "policy": self.settings.policy_file.resolve()}
        )
        for name in Settings.model_fields:
            variable, value = f"TIDEGATE_{name.upper()}", getattr(settings, name)
            if value is None:
                env.pop(variable, None)
            elif not isinstance(value, SecretStr):
                env[variable] = str(value)
        return env

    def _roles(self) -> set[str]:
        """The roles that the census sees alive."""
        try:
            where = connections.addresses(self.settings)
            census = Census(connections.connect(where.store, timeout_s=1.0))
            return {f"{w.role}:{w.zone}" if w.zone else w.role for w in census.workers()}
        except TidegateError:
            return set()

    def _ready(self, program: Program, roles: set[str]) -> bool:
        if program.role:
            return program.role in roles
        probes: dict[str, Callable[[], bool]] = {
            "store": self._store_answers,
            "standin": lambda: _answers(f"{self.standin_url}/health"),
            "flower": lambda: _answers(f"{self.flower_url}/healthcheck"),
        }
        return probes[program.name]()

    def _store_answers(self) -> bool:
        try:
            where = connections.addresses(self.settings)
            return bool(connections.connect(where.store, timeout_s=1.0).ping())
        except Exception:  # noqa: BLE001 - whatever it is, it is not ready
            return False

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _gave_up(self, program: Program) -> bool:
        try:
            return f"gave up: {program.name} entered FATAL" in self._supervisor_log.read_text(encoding="utf-8")
        except OSError:
            return False

    def _tail(self, program: Program) -> str:
        path = self.log_of(program.name)
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
        except OSError:
            lines = []
        return "\n".join(lines or ["(nothing)"]) + f"\n(the whole log: {path})"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - a loopback address of ours
            return True
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
