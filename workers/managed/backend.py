"""A lane that a server works for: a job's thread waits, and its call runs on an event loop of the lane's own.

A blocking call could only be abandoned: its thread would hold a connection until the provider answers, and its time
limit would count each read, so that a slow drip never ends. A task on a loop is cancelled, which closes the connection
at once, and its limit is the whole. One file for each provider stands beside this one: see `provider`.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from importlib import import_module
from typing import cast

from tidegate.errors import MissingExtra, RunTimedOut
from tidegate.lane import Lane
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Backend, Run
from workers.managed.loop import LoopThread
from workers.managed.provider import OnPiece, OpenProvider, Provider

GLANCE_S = 0.05
"""How often a waiting caller looks whether it should stop. It adds nothing to an answer's time."""

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
    return ManagedBackend(lane, {one.name: opened(lane, one, settings) for one in lane.every_deployment})


class ManagedBackend:
    """One lane's deployments, and the loop that its calls run on."""

    def __init__(self, lane: Lane, providers: Mapping[str, Provider]) -> None:
        self._providers = providers
        self._first = next(iter(providers.values()))
        self._loop = LoopThread(name=f"lane-{lane.name}")

    def answer(self, run: Run, *, stop: threading.Event, on_text: Callable[[str], None] | None = None) -> Answer:
        """Ask once. Raises a RunError without a vendor's exception or text in it."""
        if stop.is_set():
            raise RunTimedOut("cancelled")  # before anything is sent
        provider = self._providers.get(run.deployment, self._first)
        pieces: queue.SimpleQueue[str] = queue.SimpleQueue()
        asked = self._loop.submit(lambda: _asked(provider, run, pieces.put if on_text else None))
        if asked is None:
            raise RunTimedOut("cancelled: the backend is closed")
        content = _waited_for(asked, stop=stop) if on_text is None else _heard(asked, pieces, on_text, stop=stop)
        return provider.read(content, run)

    def close(self) -> None:
        """End what is in flight and let go of the connections."""
        self._loop.close(self._close_all)

    async def _close_all(self) -> None:
        await asyncio.gather(*(provider.close() for provider in self._providers.values()))


async def _asked(provider: Provider, run: Run, on_piece: OnPiece | None) -> bytes:
    try:
        async with asyncio.timeout(run.timeout_s):
            return await provider.send(run, on_piece)
    except Exception as error:  # noqa: BLE001 - nothing of a vendor's passes this line
        failure = provider.failure(error)
    # Raised out here, so that no vendor's exception hangs on as its context: it may quote the job.
    raise failure


def _heard(asked: Future[bytes], pieces: "queue.SimpleQueue[str]", on_text: OnPiece, *, stop: threading.Event) -> bytes:
    """Hand each piece on in this thread, so that a slow reader holds up nobody else."""
    asked.add_done_callback(lambda _: pieces.put(""))  # wakes
    try:
        while not (asked.done() and pieces.empty()):
            if stop.is_set():
                raise RunTimedOut("cancelled")
            with suppress(queue.Empty):
                if piece := pieces.get(timeout=GLANCE_S):
                    on_text(piece)
    finally:
        asked.cancel()  # does nothing where it has ended
    return _waited_for(asked, stop=stop)


def _waited_for(asked: Future[bytes], *, stop: threading.Event) -> bytes:
    while not asked.done():
        if stop.is_set():
            asked.cancel()
            raise RunTimedOut("cancelled")
        wait((asked,), GLANCE_S)
    try:
        return asked.result()
    except CancelledError:
        raise RunTimedOut("cancelled: the backend is closed") from None
