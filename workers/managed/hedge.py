"""A hedge: where a call is silent for too long, the run is asked a second time, and who begins to answer first counts.

The other is cut off at once. Both may be paid for, so only a small share of calls is hedged: an outage, in which every
call is silent, must not be doubled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workers.backend import Heard
from workers.managed.calls import Call

SHARE = 0.05
"""Second calls, as a share of the calls that might have one."""

MOST_SAVED = 10.0
"""And so many at once, where none was needed for a while."""

Second = Callable[[], Awaitable[Call | None]]
"""Asks for a second call; None where there is no room for one."""


class Share:
    """How many second calls may be made; of one backend, and asked on its loop only."""

    def __init__(self) -> None:
        self._saved = 1.0

    def count(self) -> None:
        """One more call that might have a second."""
        self._saved = min(MOST_SAVED, self._saved + SHARE)

    def take(self) -> bool:
        """Make a second call, if there is one left."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


@dataclass(frozen=True, kw_only=True)
class Hedge:
    """One run's calls."""

    first: Call
    after_s: float
    share: Share
    second: Second

    async def sent(self) -> tuple[Call, bytes]:
        """The call that answered, and the body. Raises the first one's RunError where none does."""
        self.share.count()
        begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        calls = [_heard(self.first, 0, begun)]
        tasks = [asyncio.create_task(calls[0].sent())]
        try:
            await _any((*tasks, begun), timeout_s=self.after_s)
            silent = not (begun.done() or tasks[0].done())
            second = await self._another() if silent else None
            if second is not None and not (begun.done() or tasks[0].done()):
                second.run.tell(Heard())  # from now on it may be paid for
                calls.append(_heard(second, 1, begun))
                tasks.append(asyncio.create_task(calls[1].sent()))
            winner = await _first_of(tasks, begun)
            content = await tasks[winner]
            if len(tasks) > 1:
                calls[winner].run.tell(Heard(answered_by=calls[winner].run.deployment))
            return calls[winner], content
        finally:
            await _cut_off(tasks)

    async def _another(self) -> Call | None:
        return await self.second() if self.share.take() else None


def _heard(call: Call, number: int, begun: "asyncio.Future[int]") -> Call:
    """The same call, which tells when it begins to answer; its pieces count where it was the first to."""

    def begin() -> None:
        if not begun.done():
            begun.set_result(number)

    def on_piece(text: str) -> None:
        if call.on_piece is not None and begun.done() and begun.result() == number:
            call.on_piece(text)

    return replace(call, on_begin=begin, on_piece=call.on_piece and on_piece)


async def _first_of(tasks: Sequence["asyncio.Task[bytes]"], begun: "asyncio.Future[int]") -> int:
    """Which call counts: the first that begins to answer, or the last that has not failed."""
    while not begun.done():
        waiting = [task for task in tasks if not task.done()]
        fine = next((number for number, task in enumerate(tasks) if task.done() and not task.exception()), None)
        if fine is not None:
            return fine
        if not waiting:
            return 0
        await _any((*waiting, begun))
    for number, task in enumerate(tasks):
        if number != begun.result():
            task.cancel()
    return begun.result()


async def _any(these: "Iterable[asyncio.Future[Any]]", *, timeout_s: float | None = None) -> None:
    """Wait for one of them, whatever becomes of it."""
    await asyncio.wait(these, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


async def _cut_off(tasks: Sequence["asyncio.Task[bytes]"]) -> None:
    """Close the connections of those that are not done, and forget their errors."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
