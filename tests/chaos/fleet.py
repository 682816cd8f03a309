"""The fleet: every process of the installation under test, started again when it dies, as a supervisor would."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

RESTART_S = 0.2
"""Between a death and the next start: what supervisord takes at least."""

_GLANCE_S = 0.02
_STOP_S = 20.0
"""More than a worker's grace of 8 s, and the supervisor's patience of 15 s."""


@dataclass(kw_only=True)
class Part:
    """One process of the fleet, over all its lives."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    held: bool = False
    """Kept down by the harness."""
    asked: bool = False
    """Whether the harness ended the present process."""
    died_at: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """Its process; 0 where none lives."""
        return self.process.pid if self.process is not None and self.alive else 0


class Fleet:
    """Starts, kills, holds and counts."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.kills: Counter[str] = Counter()
        """Kill -9, by name."""
        self.terms: Counter[str] = Counter()
        """SIGTERM, by name."""
        self.surprises: list[str] = []
        """Ends that nobody asked for."""
        self.slow_exits: list[str] = []
        """SIGTERMs that were not followed in time."""
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def add(self, part: Part) -> None:
        """Take a part in and start it."""
        with self._lock:
            self.parts[part.name] = part
            self._start(part)

    def kill(self, name: str) -> None:
        """Kill -9."""
        with self._lock:
            part = self.parts[name]
            if part.alive:
                part.asked = True
                self.kills[name] += 1
                if part.process is not None:
                    os.killpg(part.process.pid, signal.SIGKILL)
                    part.process.wait(_STOP_S)

    def kill_engine(self, name: str) -> bool:
        """Kill -9 the engine child of a worker. False where it has none now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.parts[name].pid).children():
                child.kill()
                self.kills[f"{name}:engine"] += 1
                return True
        return False

    def engine_ready(self, name: str) -> bool:
        """Whether the engine child of a worker has loaded its model, by the worker's log."""
        with contextlib.suppress(psutil.NoSuchProcess):
            pids = [child.pid for child in psutil.Process(self.parts[name].pid).children()]
            said = self.parts[name].log.read_text(encoding="utf-8", errors="replace")[-20_000:]
            return any(f"event=engine.ready pid={pid} " in said for pid in pids)
        return False

    def terminate(self, name: str) -> None:
        """SIGTERM; the next process is started once this one has gone."""
        with self._lock:
            part = self.parts[name]
            if not part.alive:
                return
            part.asked = True
            self.terms[name] += 1
            process = part.process
            os.kill(part.pid, signal.SIGTERM)
        if process is not None:
            self._await_exit(name, process)

    @contextlib.contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """SIGSTOP for the time of the block, then SIGCONT to the same process if it still lives."""
        while (process := self.parts[name].process) is None:
            time.sleep(_GLANCE_S)
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)  # does nothing where somebody killed it meanwhile

    @contextlib.contextmanager
    def down(self, name: str) -> Iterator[None]:
        """Kill -9, and no new process for the time of the block."""
        with self._lock:
            part = self.parts[name]
            part.held = True
            self.kill(name)
        try:
            yield
        finally:
            part.held = False

    def close(self) -> None:
        """End everything, by force."""
        self._over.set()
        self._keeper.join()
        for part in self.parts.values():
            if part.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(part.process.pid, signal.SIGKILL)
                part.process.wait(_STOP_S)

    def _await_exit(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.slow_exits.append(name)
            process.kill()

    def _keep(self) -> None:
        while not self._over.wait(_GLANCE_S):
            for part in tuple(self.parts.values()):
                with self._lock:
                    if not part.alive:
                        self._bury(part)

    def _bury(self, part: Part) -> None:
        now = time.monotonic()
        if part.process is not None:
            if not part.asked:
                self.surprises.append(f"{part.name} ended by itself with {part.process.returncode}")
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(part.process.pid, signal.SIGKILL)  # what it left behind
            part.process, part.died_at = None, now
        if not part.held and now - part.died_at >= RESTART_S:
            self._start(part)

    def _start(self, part: Part) -> None:
        part.asked = False
        with part.log.open("ab") as log:
            part.process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(part.env),
                start_new_session=True,
            )
