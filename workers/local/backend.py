"""The local backend: a lane's handle on its engine process.

Each thread hands over one job, and the engine computes all of them together. It starts with the first job, so open a
backend after a fork, not before.
"""

import queue
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from tidegate.errors import EngineCrashed, MissingExtra, ModelMissing, Overloaded, RunError
from tidegate.lane import Engine, Lane
from tidegate.logs import logger
from tidegate.result import Answer
from tidegate.settings import Settings
from tidegate.signals import Capability
from workers.backend import Backend, Run
from workers.local import threads
from workers.local.patience import Patience
from workers.local.protocol import Done, Load
from workers.local.watch import SILENCE_S, Watched
from workers.models import catalogue, checksum
from workers.models.catalogue import ModelFile

CANCEL_GRACE_S = 2.0
"""How long an engine may take to stop by itself before it is killed."""

BACKOFF_BASE_S = 0.2
BACKOFF_CAP_S = 10.0

log = logger(__name__)

_CLOSED = "the backend was closed"


def open_backend(lane: Lane, settings: Settings) -> Backend:
    """Make ready to serve a lane. Raises MissingExtra, ModelMissing."""
    for module in ("llama_cpp", "jsonschema"):
        if find_spec(module) is None:
            raise MissingExtra("local", needed_for=f"the lane {lane.name}")
    return LocalBackend(lane, catalogue.find(lane.model, settings))


class LocalBackend:
    """Serves one lane with one engine, which it restarts whenever it died."""

    def __init__(self, lane: Lane, model: ModelFile, *, silence_s: float = SILENCE_S) -> None:
        self._lane = lane
        self._model = model
        self._silence_s = silence_s
        self._turn = threading.Lock()
        self._engine: Watched | None = None
        self._backoff = _Backoff()
        self._closed = False

    def answer(self, run: Run, *, stop: threading.Event, on_text: Callable[[str], None] | None = None) -> Answer:
        """Run one job. Raises a RunError; RunTimedOut("cancelled") soon after `stop` is set."""
        done = self._ask(run, Patience(run.timeout_s, stop=stop), on_text)
        self._backoff.lived()
        return Answer(
            text=done.text,
            finish_reason=done.finish_reason,
            usage=done.usage,
            model=self._lane.model,
            embeddings=done.embeddings,
            confidence=done.confidence,
            tool_calls=done.tool_calls,
            logprobs=done.logprobs,
        )

    def warm(self, *, timeout_s: float) -> None:
        """Load the model. Raises a RunError, NoMemory where there is no room for it now."""
        self._ready(Patience(timeout_s, stop=threading.Event()))

    def close(self) -> None:
        """End the engine. A job that runs gets EngineCrashed."""
        self._closed = True
        if engine := self._engine:
            engine.kill(_CLOSED)
            engine.join(CANCEL_GRACE_S)

    def _ask(self, run: Run, patience: Patience, on_text: Callable[[str], None] | None) -> Done:
        if bool(run.input) != embeds(self._lane):
            can, cannot = ("makes vectors", "writes nothing") if embeds(self._lane) else ("writes", "makes no vectors")
            raise ModelMissing(f"lane {self._lane.name} {can} and {cannot}: see its capabilities")
        if any(message.images for message in run.messages):
            raise ModelMissing(f"lane {self._lane.name} sees no images: its llama.cpp reads text alone")
        pieces: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        try:
            engine = self._ready(patience)
            number, future = engine.ask(
                run.messages,
                run.params,
                on_piece=pieces.put if on_text else None,
                time_s=patience.left_s,
                priority=run.priority,
                alone=run.suspect,
                tenant=run.tenant,
                input=run.input,
                guarded=run.guarded,
            )
        except EngineCrashed as exc:  # an engine that never had the job was not killed by it
            if self._closed:
                raise
            raise Overloaded(f"{self._lane.model}: {exc}, before it had the job") from None
        try:
            if on_text:
                future.add_done_callback(lambda _: pieces.put(None))
                while (piece := patience.next_of(pieces)) is not None:
                    on_text(piece)
            return patience.wait_for(future)
        finally:  # nobody waits any more: time is up, or the caller's own on_text raised
            if not future.done():
                _give_up(engine, number, future)

    def _ready(self, patience: Patience) -> Watched:
        """The engine, with its model loaded."""
        engine = self._running(patience)
        try:
            patience.wait_for(engine.ready)
        except ModelMissing as exc:
            raise type(exc)(f"{self._lane.model}: {exc}") from None
        return engine

    def _running(self, patience: Patience) -> Watched:
        """The engine; a new one where there is none or it died. One thread starts it, the others wait."""
        with patience.turn(self._turn):
            if self._closed:
                raise EngineCrashed(_CLOSED)
            if self._engine is None or not self._engine.alive:
                if self._engine is not None:
                    self._backoff.died()
                patience.sleep_until(self._backoff.until)
                self._engine = self._start(patience)
                if self._closed:  # meanwhile, by another thread that saw no engine to end
                    self._engine.kill(_CLOSED)
            return self._engine

    def _start(self, patience: Patience) -> Watched:
        check_file(self._model, patience)
        load = load_of(self._lane, self._model.path, context_tokens=context_of(self._lane, self._model))
        head = catalogue.head_of(self._model)
        log.info(
            "engine.starting",
            lane=self._lane.name,
            architecture=head.architecture,
            quantisation=head.quantisation,
            trained_tokens=head.context_tokens,
            template=head.template,
        )
        with _WEIGHTS_LOCK:
            engine = Watched(
                load.model_copy(update={"beside_bytes": _beside(load)}),
                silence_s=self._silence_s,
            )
            _WEIGHTS[engine] = load
        return engine


_WEIGHTS: "weakref.WeakKeyDictionary[Watched, Load]" = weakref.WeakKeyDictionary()
"""What the engines of this process have loaded: each is told what the others hold."""
_WEIGHTS_LOCK = threading.Lock()


def _beside(load: Load) -> int:
    """Weights that are mapped by other engines here, from other files than this one's."""
    mapped = {other.path for engine, other in _WEIGHTS.items() if engine.alive and other.mmap and not other.gpu_layers}
    return sum(Path(path).stat().st_size for path in mapped - {load.path} if Path(path).is_file())


def context_of(lane: Lane, model: ModelFile) -> int:
    """What one job may hold: no more than the model was made for."""
    return min(lane.context_tokens, model.context_tokens or lane.context_tokens)


def load_of(lane: Lane, path: Path, *, context_tokens: int) -> Load:
    """What the engine is told of a lane's model."""
    engine = lane.engine or Engine()
    return Load(
        path=str(path),
        context_tokens=context_tokens,
        slots=lane.concurrency,
        threads=engine.threads or threads.for_model(path.stat().st_size),
        gpu_layers=engine.n_gpu_layers,
        embeds=embeds(lane),
        **engine.model_dump(exclude={"threads", "n_gpu_layers"}),
    )


def embeds(lane: Lane) -> bool:
    """Whether the lane's engine makes vectors: then it writes nothing."""
    return Capability.EMBEDDINGS in lane.capabilities


def check_file(model: ModelFile, patience: Patience) -> None:
    """Hold the file to its checksum, where one is known. Raises ModelMissing."""
    try:
        whole = checksum.matches(model.path, model.sha256, each_chunk=patience.check)
    except OSError as exc:
        raise ModelMissing(f"{model.name}: {model.path.name} cannot be read: {exc.strerror}") from None
    if not whole:
        raise ModelMissing(
            f"{model.name}: {model.path.name} is not the file that the checksum names; see `tidegate models verify`"
        )


class _Backoff:
    """When an engine that died may start again: twice as late after each death in a row, up to a bound."""

    def __init__(self) -> None:
        self.until = 0.0
        self._deaths = 0

    def died(self) -> None:
        self.until = time.monotonic() + min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2**self._deaths)
        self._deaths = min(self._deaths + 1, 16)

    def lived(self) -> None:
        self._deaths = 0


def _give_up(engine: Watched, number: int, future: Future[Done]) -> None:
    """Ask the engine to stop; kill it where it does not."""
    engine.cancel(number)
    with suppress(RunError):
        try:
            future.result(timeout=CANCEL_GRACE_S)
        except TimeoutError:
            engine.kill(f"hung: did not stop within {CANCEL_GRACE_S:g} s")
