"""The child process that holds the model: `python -m workers.local.engine FD PARENT`.

Three threads: this one decodes; one listens to the parent, so that a cancel arrives in the middle of a decode; one
beats. It dies with its parent, and it holds no secret: `watch.py` started it with an environment of its own.
"""

import ctypes
import math
import os
import queue
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from tidegate.value import Value
from workers.local.failing import Failing
from workers.local.protocol import (
    MAX_FRAME_BYTES,
    Ask,
    Beat,
    Cancel,
    Failed,
    Failure,
    Load,
    read_by_engine,
    to_wire,
)

if TYPE_CHECKING:
    from workers.local.decoder import Decoder
    from workers.local.embedding import Embedder

BEAT_S = 0.5

STEP_LIMIT_S = 120.0
"""A step that takes longer has hung: the heart stands still with it, and the parent ends the process."""

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def main(fd: int, parent: int) -> None:
    """Load what the parent says, then answer its jobs until it hangs up."""
    _ignore_the_terminal()
    _die_with(parent)
    _leave_no_core()
    _Engine(Connection(fd)).serve()


class _Engine:
    """The loop around one decoder."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._sending = threading.Lock()
        self._loads: queue.SimpleQueue[Load] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[Ask | Cancel] = queue.SimpleQueue()
        """In the order in which they were sent: a cancel never overtakes its job, nor is one lost between two."""
        self._decoder: Decoder | Embedder | None = None
        self._step_ends_by = math.inf

    def serve(self) -> None:
        """Returns only where no model could be loaded."""
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        try:
            self._decoder = _opened(self._loads.get())
        except Failing as exc:
            self._say(Failed(failure=exc.failure, message=str(exc)))
            return
        self._say(self._decoder.ready)
        while True:
            self._hear(self._decoder)
            self._compute(self._decoder)

    def _hear(self, decoder: "Decoder | Embedder") -> None:
        """All that has come; where there is nothing to do, wait for it."""
        decoder.resume()  # first: who interrupts from here on has his word in the inbox already
        if decoder.idle and self._inbox.empty():
            decoder.rest()
            self._heed(decoder, self._inbox.get())
        with suppress(queue.Empty):
            while True:
                self._heed(decoder, self._inbox.get_nowait())

    def _heed(self, decoder: "Decoder | Embedder", word: Ask | Cancel) -> None:
        if isinstance(word, Ask):
            self._begin(decoder, word)
            return
        for ended in decoder.cancel(word.id):
            self._say(ended)

    def _compute(self, decoder: "Decoder | Embedder") -> None:
        self._step_ends_by = time.monotonic() + STEP_LIMIT_S
        try:
            for said in decoder.step():
                self._say(said)
        except Exception as exc:  # noqa: BLE001 the name of the class only: the words may quote a job
            for ended in decoder.give_up(f"the engine failed: {type(exc).__name__}"):
                self._say(ended)
        finally:
            self._step_ends_by = math.inf

    def _begin(self, decoder: "Decoder | Embedder", ask: Ask) -> None:
        try:
            decoder.take(ask)
        except Failing as exc:
            self._say(Failed(id=ask.id, failure=exc.failure, message=str(exc)))
        except Exception as exc:  # noqa: BLE001 the name of the class only: the words may quote the job
            self._say(Failed(id=ask.id, failure=Failure.BROKEN, message=f"the engine failed: {type(exc).__name__}"))

    def _listen(self) -> None:
        while True:
            try:
                message = read_by_engine(self._line.recv_bytes(MAX_FRAME_BYTES))
            except (EOFError, OSError, ValueError):
                os._exit(0)  # nobody is there, or nobody who speaks our language: leave in the middle of a decode
            self._take(message)

    def _take(self, message: Load | Ask | Cancel) -> None:
        match message:
            case Load():
                self._loads.put(message)
            case Ask():
                self._inbox.put(message)
            case Cancel():
                self._inbox.put(message)
                if self._decoder is not None:
                    self._decoder.interrupt()

    def _beat(self) -> None:
        while True:
            if time.monotonic() < self._step_ends_by:
                self._say(Beat())
            time.sleep(BEAT_S)

    def _say(self, message: Value) -> None:
        try:
            with self._sending:
                self._line.send_bytes(to_wire(message))
        except OSError:
            os._exit(0)


def _opened(load: Load) -> "Decoder | Embedder":
    """Whatever computes, with its model. Raises Failing."""
    try:
        if load.embeds:
            from workers.local.embedding import Embedder  # noqa: PLC0415 slow as well

            return Embedder(load)
        from workers.local.decoder import Decoder  # noqa: PLC0415 slow, and may fail: the beat runs already

        return Decoder(load)
    except Failing:
        raise
    except Exception as exc:  # noqa: BLE001 a native library fails as it likes
        raise Failing(Failure.BROKEN, f"llama.cpp does not start: {type(exc).__name__}") from None


def _ignore_the_terminal() -> None:
    """Ctrl-C and a stop of the whole group go to the worker, which lets its job end first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _die_with(parent: int) -> None:
    """Die with the thread that started us; where there is no such thing (macOS), the closed line ends us."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _leave_no_core() -> None:
    """A core dump would put prompts on the disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
