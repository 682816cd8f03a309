"""The parent's side of one engine process: start it, hear it, notice its death or its silence, kill it.

One engine process is one `Watched`; a dead one never comes back, the backend makes a new one.
"""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from tidegate.errors import (
    BadRequest,
    ContextOverflow,
    EngineCrashed,
    ModelMissing,
    NoMemory,
    RunError,
    RunTimedOut,
    SchemaInvalid,
)
from tidegate.job import Message, Params
from tidegate.logs import logger
from workers.local.protocol import (
    MAX_FRAME_BYTES,
    Ask,
    Beat,
    Cancel,
    Done,
    Failed,
    Failure,
    Load,
    Piece,
    Ready,
    read_by_parent,
    to_wire,
)

SILENCE_S = 15.0
"""An engine beats twice a second, also while it loads and decodes. This long without one: it hangs or is stopped."""

START_S = 60.0
"""Until the first beat: Python has to start and import, which takes its time on a machine that is busy."""

LOAD_LIMIT_S = 600.0
"""No model takes longer to load from a disk; from a network drive it may take minutes."""

BURIAL_S = 5.0
"""A killed process is gone in milliseconds, unless the kernel itself waits for something."""

ERRORS: Mapping[Failure, type[RunError]] = {
    Failure.CANCELLED: RunTimedOut,
    Failure.TIMED_OUT: RunTimedOut,
    Failure.BAD_REQUEST: BadRequest,
    Failure.CONTEXT_OVERFLOW: ContextOverflow,
    Failure.SCHEMA_INVALID: SchemaInvalid,
    Failure.MODEL_MISSING: ModelMissing,
    Failure.NO_MEMORY: NoMemory,
    Failure.BROKEN: EngineCrashed,
}

log = logger(__name__)

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_INHERITED_PREFIXES = ("GGML_", "LLAMA_", "OMP_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "VK_")
_HOUSE = Path(__file__).resolve().parent.parent.parent


class _Call(NamedTuple):
    """A job that the engine has."""

    future: Future[Done]
    on_piece: Callable[[str], None] | None


class Watched:
    """An engine process, from its start to its death."""

    def __init__(self, load: Load, *, silence_s: float = SILENCE_S) -> None:
        self.ready: Future[Ready] = Future()
        self.pid: int | None = None
        self._load = load
        self._silence_s = silence_s
        self._line, self._far_end = Pipe()
        self._sending = threading.Lock()
        self._ids = itertools.count()
        self._calls: dict[int, _Call] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._cause: str | None = None
        self._lock = threading.Lock()
        # The kernel ends the child with the thread that started it, so that thread lives as long as the child.
        self._thread = threading.Thread(target=self._live, name="tidegate-engine", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it may still answer."""
        running = self._process is None or self._process.poll() is None
        return running and self._thread.is_alive() and self._cause is None

    def ask(
        self,
        messages: Sequence[Message],
        params: Params,
        *,
        on_piece: Callable[[str], None] | None = None,
        **how: Any,
    ) -> tuple[int, Future[Done]]:
        """Hand over one job; the future holds its answer or a RunError. Raises BadRequest, EngineCrashed.

        `on_piece` gets the text while it grows, on the listener's thread: it must neither wait nor raise.
        """
        number, future = next(self._ids), Future[Done]()
        try:
            frame = to_wire(Ask(id=number, messages=tuple(messages), params=params, stream=on_piece is not None, **how))
        except ValueError:  # half a surrogate pair cannot be written as UTF-8; the error would quote it
            raise BadRequest("a message is no valid Unicode text") from None
        if len(frame) > MAX_FRAME_BYTES:
            raise BadRequest(f"{len(frame):,} bytes; an engine reads at most {MAX_FRAME_BYTES:,}")
        with self._lock:
            if self._cause is not None:
                raise EngineCrashed(self._cause)
            self._calls[number] = _Call(future, on_piece)
        self._send(frame)
        return number, future

    def cancel(self, number: int) -> None:
        """Ask the engine to stop working on a job; its future then holds RunTimedOut."""
        self._send(to_wire(Cancel(id=number)))

    def kill(self, cause: str) -> None:
        """End it now. What waits for an answer gets EngineCrashed with the cause."""
        with self._lock:
            self._cause = self._cause or cause
            if self._process is not None:
                self._process.kill()

    def join(self, timeout_s: float) -> None:
        """Wait until it is gone."""
        self._thread.join(timeout_s)

    def _live(self) -> None:
        cause = "nobody watches the engine any more"
        try:
            self._start()
            cause = self._hear()
        except OSError as exc:
            cause = f"the engine cannot be started: {exc.strerror}"
        finally:  # whatever happened: nobody waits for ever
            self.kill(cause)
            self._bury()

    def _start(self) -> None:
        command = [sys.executable, "-m", "workers.local.engine", str(self._far_end.fileno()), str(os.getpid())]
        with self._lock:
            if self._cause is not None:
                return
            self._process = subprocess.Popen(
                command,
                pass_fds=[self._far_end.fileno()],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.pid = self._process.pid
        self._far_end.close()
        self._send(to_wire(self._load))

    def _hear(self) -> str:
        """Take what it says until it is silent, gone or talks nonsense; why it ended."""
        started = time.monotonic()
        silence_s = max(START_S, self._silence_s)
        while self._cause is None:
            if not self.ready.done() and time.monotonic() - started > LOAD_LIMIT_S:
                return f"the model was not loaded within {LOAD_LIMIT_S:g} s"
            try:
                if not self._line.poll(silence_s):
                    return f"no heartbeat for {silence_s:g} s"
                silence_s = self._silence_s
                self._take(read_by_parent(self._line.recv_bytes(MAX_FRAME_BYTES)))
            except (EOFError, OSError):
                return "the engine died"
            except ValidationError:
                return "the engine sent an unreadable message"
        return self._cause

    def _take(self, message: Ready | Beat | Piece | Done | Failed) -> None:
        match message:
            case Piece():
                if (call := self._calls.get(message.id)) and call.on_piece:
                    call.on_piece(message.text)
            case Ready():
                log.info("engine.ready", pid=self.pid, **message.model_dump(exclude={"kind"}))
                if message.gpu and not message.gpu_layers and self._load.gpu_layers != 0:
                    log.warning("engine.gpu_unused", pid=self.pid, gpu=message.gpu)
                self.ready.set_result(message)
            case Done():
                if call := self._calls.pop(message.id, None):
                    call.future.set_result(message)
            case Failed(id=None):
                self.ready.set_exception(_error(message))
            case Failed() if message.id is not None:
                if call := self._calls.pop(message.id, None):
                    call.future.set_exception(_error(message))

    def _bury(self) -> None:
        status = self._status()
        with self._lock:
            self._cause = f"{self._cause}{_how(status)}"
            waiting: list[Future[Any]] = [self.ready, *(call.future for call in self._calls.values())]
            self._calls.clear()
        log.info("engine.ended", pid=self.pid, cause=self._cause, jobs=len(waiting) - 1)
        for future in waiting:
            with suppress(InvalidStateError):  # it has its answer
                future.set_exception(EngineCrashed(self._cause))
        self._line.close()
        self._far_end.close()

    def _status(self) -> int | None:
        """How it ended. One that hangs in the kernel, a driver's call say, is not waited for: its jobs have waited."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(BURIAL_S)
        return None

    def _send(self, frame: bytes) -> None:
        # A closed line is told by the listener, with the cause.
        with suppress(OSError), self._sending:
            self._line.send_bytes(frame)


def _error(message: Failed) -> RunError:
    return ERRORS[message.failure](message.message)


def _how(status: int | None) -> str:
    """The exit status as people say it: ` (SIGSEGV)`, ` (exit 3)`."""
    if status is None:
        return ""
    names = {known.value: known.name for known in signal.Signals}
    return f" ({names.get(-status, f'signal {-status}')})" if status < 0 else f" (exit {status})"


def _environment() -> dict[str, str]:
    """What llama.cpp may want to know, and none of the worker's secrets."""
    kept = {
        name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    return kept | {"PYTHONPATH": os.pathsep.join([str(_HOUSE), *filter(None, sys.path)])}
