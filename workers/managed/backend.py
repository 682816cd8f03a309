"""A lane that a server works for: a job's thread waits, and its call runs on an event loop of the lane's own.

A blocking call could only be abandoned: its thread would hold a connection until the provider answers, and its time
limit would count each read, so that a slow drip never ends. A task on a loop is cancelled, which closes the connection
at once, and its limit is the whole. One file for each provider stands beside this one: see `provider`.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from typing import TypeVar, cast

from tidegate.errors import MissingExtra, NoClearance, RunTimedOut
from tidegate.lane import Lane
from tidegate.logs import logger
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Backend, Run
from workers.managed.calls import Call
from workers.managed.credentials import Credential
from workers.managed.hedge import Hedge, Share
from workers.managed.loop import LoopThread
from workers.managed.provider import OnPiece, OpenProvider, Provider
from workers.managed.renewing import Renewing
from workers.managed.repairing import Repairing
from workers.stop import Stop

T = TypeVar("T")

log = logger(__name__)

GRACE_S = 5.0
"""A call that has not ended so long after its time will not: its loop hangs."""

GLANCE_S = 0.05
"""How often to look at a sign to stop that cannot call back: an event of somebody else's."""

PROVIDERS: Mapping[str, str] = {
    "openai": "workers.managed.openai",
    "anthropic": "workers.managed.anthropic_api.adapter",
    "openai_responses": "workers.managed.openai_responses",
    "azure": "workers.managed.azure",
    "vertex": "workers.managed.vertex",
}
"""A lane's `backend` -> the module that calls it."""

EXTRAS: Mapping[str, str] = {"vertex": "vertex"}
"""The extra that brings what a module needs, where `managed` does not."""


def open_backend(lane: Lane, settings: Settings) -> Backend:
    """Make ready to call the lane's deployments. Nothing is sent before the first run."""
    try:
        module = import_module(PROVIDERS[lane.backend])
    except ModuleNotFoundError:
        raise MissingExtra(EXTRAS.get(lane.backend, "managed"), needed_for=f"lane {lane.name}") from None
    opened = cast("OpenProvider", module.open_provider)
    providers = {
        one.name: Renewing(opened(lane, one, settings), Credential(lane, one, settings))
        for one in lane.every_deployment
    }
    return ManagedBackend(lane, providers)


class ManagedBackend:
    """One lane's deployments, and the loop that its calls run on."""

    def __init__(self, lane: Lane, providers: Mapping[str, Provider]) -> None:
        self._lane = lane
        self._providers = providers
        self._share = Share()
        self._loop = LoopThread(name=f"lane-{lane.name}")

    def answer(self, run: Run, *, stop: threading.Event, on_text: Callable[[str], None] | None = None) -> Answer:
        """An answer in its promised form. Raises a RunError without a vendor's exception or text in it."""
        repairing = Repairing(lane=self._lane, ask=lambda run: self._ask(run, stop=stop, on_text=on_text))
        return repairing.answered(run, told=on_text is not None)

    def _ask(self, run: Run, *, stop: threading.Event, on_text: OnPiece | None) -> Answer:
        """Ask once."""
        if stop.is_set():
            raise RunTimedOut("cancelled")  # before anything is sent
        pieces: queue.SimpleQueue[str] = queue.SimpleQueue()
        asked = self._loop.submit(lambda: self._asked(run, pieces.put if on_text else None))
        if asked is None:
            raise RunTimedOut("cancelled: the backend is closed")
        with _ended_by(stop, asked):
            if on_text is not None:
                _hand_on(asked, pieces, on_text, stop=stop)
            call, content = _outcome(asked, stop=stop, patience_s=run.timeout_s + GRACE_S)
        return call.provider.read(content, run)

    def close(self) -> None:
        """End what is in flight and let go of the connections."""
        self._loop.close(self._close_all)

    def _provider(self, run: Run) -> Provider:
        """Whom to call. The guard has looked by the lane that the run began with: this is the lane as it is now."""
        allowed = [one.name for one in self._lane.deployments_in(run.regions)]
        if not allowed:
            raise NoClearance(f"no deployment of {self._lane.name} is in a region of the job's")
        return self._providers[run.deployment if run.deployment in allowed else allowed[0]]

    async def _asked(self, run: Run, on_piece: OnPiece | None) -> tuple[Call, bytes]:
        """The call that was answered, and the answer's body."""
        call = self._call(run, on_piece)
        if run.another is None or self._lane.hedge_after_s is None:
            return call, await call.sent()
        until = asyncio.get_running_loop().time() + run.timeout_s
        hedge = Hedge(
            first=call,
            after_s=self._lane.hedge_after_s,
            share=self._share,
            second=lambda: self._second(run, on_piece, until),
        )
        return await hedge.sent()

    def _call(self, run: Run, on_piece: OnPiece | None) -> Call:
        return Call(provider=self._provider(run), run=run, first_byte_s=self._lane.first_token_s, on_piece=on_piece)

    async def _second(self, run: Run, on_piece: OnPiece | None, until: float) -> Call | None:
        try:
            deployment = await asyncio.to_thread(run.another) if run.another else None
        except Exception as exc:  # noqa: BLE001 - the first call goes on, whatever keeps a second one from being made
            log.warning("hedge.refused", job=run.job_id, error=type(exc).__name__)
            return None
        left_s = until - asyncio.get_running_loop().time()
        if deployment is None or left_s <= 0:
            return None
        again = replace(
            run,
            job_id=f"{run.job_id}-2",  # a call of its own also for who tells calls apart by their idempotency key
            deployment=deployment,
            timeout_s=left_s,
            tell=lambda heard: run.tell(replace(heard, second=True)),
        )
        return self._call(again, on_piece)

    async def _close_all(self) -> None:
        await asyncio.gather(*(provider.close() for provider in self._providers.values()))


@contextmanager
def _ended_by(stop: threading.Event, asked: Future[T]) -> Iterator[None]:
    """Cancel it when the sign is given, and when whoever waits for it has gone."""
    try:
        if isinstance(stop, Stop):
            with stop.calling(asked.cancel):
                yield
        else:
            yield
    finally:
        asked.cancel()  # does nothing where it has ended


def _hand_on(asked: Future[T], pieces: "queue.SimpleQueue[str]", on_text: OnPiece, *, stop: threading.Event) -> None:
    """Hand each piece on in this thread, so that a slow reader holds up nobody else."""
    asked.add_done_callback(lambda _: pieces.put(""))  # wakes, however it ends
    while not (asked.done() and pieces.empty()):
        if stop.is_set():
            raise RunTimedOut("cancelled")
        with suppress(queue.Empty):
            if piece := pieces.get(timeout=_glance_s(stop)):
                on_text(piece)


def _outcome(asked: Future[T], *, stop: threading.Event, patience_s: float) -> T:
    """What it ends with. It keeps its time limits itself."""
    glance_s = _glance_s(stop)
    try:
        while glance_s is not None and not stop.is_set():
            with suppress(TimeoutError):
                return asked.result(glance_s)
        if glance_s is not None:
            asked.cancel()
        return asked.result(patience_s)
    except CancelledError:
        raise RunTimedOut("cancelled" if stop.is_set() else "cancelled: the backend is closed") from None
    except TimeoutError:
        raise RunTimedOut("no answer in time: the lane's event loop hangs") from None


def _glance_s(stop: threading.Event) -> float | None:
    return None if isinstance(stop, Stop) else GLANCE_S
