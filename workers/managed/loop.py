"""An event loop on a thread of its own, for callers in other threads.

The thread is a daemon and nothing cleans up behind the interpreter's back: a process that dies without `close` still
dies at once. anyio's blocking portal, which offers the same, waits for its loop for ever in that case.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for other threads until it is closed."""

    def __init__(self, *, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T] | None:
        """Start a coroutine; to cancel what is returned cancels it. None once the loop is closed."""
        with self._lock:
            return None if self._closed else asyncio.run_coroutine_threadsafe(work(), self._loop)

    def close(self, finish: Callable[[], Awaitable[None]]) -> None:
        """Cancel what runs, await `finish` on the loop, and end it. A second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        asyncio.run_coroutine_threadsafe(_wind_down(finish), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _wind_down(finish: Callable[[], Awaitable[None]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await finish()
    await asyncio.get_running_loop().shutdown_asyncgens()
