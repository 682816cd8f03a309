"""Processes that are killed, frozen and started again, with everything that they started."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_S = 30.0


class Process:
    """One process group that can be started again."""

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path) -> None:
        self.name = name
        self._command = tuple(command)
        self._env = {**os.environ, **env}
        self._folder = folder
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self.wanted = False
        """Whether a supervisor would start it where it is not running."""

    def start(self) -> None:
        """Start it, where it is not running."""
        with self._lock:
            if self.alive:
                return
            _STARTED.add(self)
            with self._log.open("ab") as log:
                self._running = subprocess.Popen(
                    self._command,
                    env=self._env,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self.wanted = True

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._running is not None and self._running.poll() is None

    def kill(self) -> None:
        """End it and its children at once, as a loss of power would."""
        self._signal_all(signal.SIGKILL)
        self._wait()

    def freeze(self) -> None:
        """Stop it and its children where they stand."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal_all(signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to end, and wait; by force where it does not."""
        if self._running is not None:
            self._running.terminate()
            try:
                self._running.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def end(self) -> None:
        """It is not wanted any more."""
        self.wanted = False
        self.thaw()
        self.kill()
        _STARTED.discard(self)

    def _signal_all(self, number: int) -> None:
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, number)

    def _wait(self) -> None:
        if self._running is not None:
            self._running.wait(STOP_S)


def end_all(*_: object) -> None:
    """A signal's handler: nothing that was started outlives the benchmark."""
    for process in tuple(_STARTED):
        process.end()
    os._exit(143)


_STARTED: set[Process] = set()


class Supervisor:
    """Starts again what died, as any installation has it done."""

    PERIOD_S = 0.5

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.deaths = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def add(self, process: Process) -> Process:
        """Start a process and keep it running."""
        self.processes.append(process)
        process.start()
        return process

    def close(self) -> None:
        """End all, the youngest first."""
        self._stop.set()
        self._thread.join()
        for process in reversed(self.processes):
            process.end()

    def _watch(self) -> None:
        while not self._stop.wait(self.PERIOD_S):
            for process in self.processes:
                if process.wanted and not process.alive:
                    self.deaths += 1
                    process.start()
