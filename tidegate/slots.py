"""Slots: a queue is read only while this process has a free slot for it, so that what waits can go to another process.

Celery's own threads pool has one number of threads for all queues: the jobs of one lane could take them all, and a
worker takes messages that nobody here can begin. Here each room (a lane's queue, or queues that share) has threads of
its own; while all of them work, its queues have no consumer. It is cancelled and added again, which any broker can do.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from celery import bootsteps
from celery.concurrency.base import apply_target
from celery.concurrency.thread import ApplyResult, TaskPool

from tidegate.logs import logger

AMQP = "amqp"

log = logger(__name__)


@dataclass(frozen=True)
class Room:
    """Queues that share slots: as many jobs of them run at a time."""

    queues: frozenset[str]
    slots: int


class Spare:
    """This process's free slots, for who finds more to do than he can: no message is needed to begin in one of them."""

    def __init__(self) -> None:
        self._lend: Callable[[str, Callable[[], None]], bool] = _none

    def by(self, lend: Callable[[str, Callable[[], None]], bool] | None) -> None:
        """From now on the slots of this pool; None: of none."""
        self._lend = lend or _none

    def use(self, queue: str, work: Callable[[], None]) -> bool:
        """Do this in a free slot of a queue, if there is one beside the last, which is for who comes with a message."""
        with suppress(RuntimeError):  # the pool is on its way down
            return self._lend(queue, work)
        return False


def pool_of(rooms: Sequence[Room]) -> type[TaskPool]:
    """Celery's threads pool with threads for each room."""

    class SlotPool(TaskPool):  # type: ignore[misc]
        """Knows how many slots are free, and says so whenever that changes."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.taken: Callable[[], None] = _nothing
            """Called on the consumer's thread, when a slot was taken."""
            self.freed: Callable[[], None] = _nothing
            """Called on any thread, when one is free again."""
            self._lock = threading.Lock()
            self._busy: dict[Room | None, int] = {None: 0, **dict.fromkeys(rooms, 0)}
            self._threads: dict[Room | None, ThreadPoolExecutor] = {
                None: self.executor,  # for a task of nobody's queue
                **{room: ThreadPoolExecutor(max_workers=room.slots) for room in rooms},
            }

        def has_room(self, room: Room) -> bool:
            """Whether a slot is free."""
            with self._lock:
                return self._busy[room] < room.slots

        def on_apply(
            self, target: Any, args: Any = None, kwargs: Any = None, *, callback: Any, accept_callback: Any, **_: Any
        ) -> ApplyResult:
            """Celery hands over one task."""
            room = _room_of(args, rooms)
            with self._lock:
                self._busy[room] += 1
            future = self._threads[room].submit(apply_target, target, args, kwargs, callback, accept_callback)
            future.add_done_callback(lambda _: self._end(room))
            self.taken()
            return ApplyResult(future)

        def lend(self, queue: str, work: Callable[[], None]) -> bool:
            """See `Spare.use`. On any thread."""
            room = _room_with(queue, rooms)
            with self._lock:
                if room is None or self._busy[room] + 1 >= room.slots:
                    return False
                self._busy[room] += 1
            self._threads[room].submit(_logged, work).add_done_callback(lambda _: self._end(room))
            return True

        def on_stop(self) -> None:
            """Wait for what runs."""
            for executor in self._threads.values():
                executor.shutdown(wait=False, cancel_futures=True)
            for executor in self._threads.values():
                executor.shutdown()
            super().on_stop()

        def _end(self, room: Room | None) -> None:
            with self._lock:
                self._busy[room] -= 1
            self.freed()

    return SlotPool


def gate_of(rooms: Sequence[Room], spare: Spare | None = None) -> type[bootsteps.StartStopStep]:
    """A step of Celery's consumer that opens and shuts each room's queues."""

    class Gate(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def __init__(self, parent: Any, **kwargs: Any) -> None:
            super().__init__(parent, **kwargs)
            if parent.conninfo.transport.driver_type == AMQP:
                # The next message comes when the last one is acknowledged, and by then the gate may be shut.
                parent.initial_prefetch_count = 1

        def start(self, parent: Any) -> None:
            """After a (re)connect: what is full already must not be read, not even once."""
            for queue in _names(rooms, lambda room: not parent.pool.has_room(room)):
                parent.task_consumer.cancel_by_queue(queue)
            parent.pool.taken = lambda: _shut(parent, rooms)
            parent.pool.freed = lambda: parent.call_soon(_open, parent, rooms)
            if spare is not None:
                spare.by(parent.pool.lend)

        def stop(self, parent: Any) -> None:
            """Nothing is read any more."""
            if spare is not None:
                spare.by(None)
            parent.pool.taken = parent.pool.freed = _nothing

    return Gate


def _shut(parent: Any, rooms: Sequence[Room]) -> None:
    """Before the message that took the last slot is acknowledged: so the broker sends no other."""
    for queue in _names(rooms, lambda room: not parent.pool.has_room(room)):
        if parent.task_consumer.consuming_from(queue):
            parent.task_consumer.cancel_by_queue(queue)


def _open(parent: Any, rooms: Sequence[Room]) -> None:
    consumer, wanted = parent.task_consumer, parent.app.amqp.queues.consume_from
    if consumer is None or parent.pool.freed is _nothing:  # on its way down
        return
    shut = [queue for queue in _names(rooms, parent.pool.has_room) if not consumer.consuming_from(queue)]
    shut = [queue for queue in shut if queue in wanted]  # an operator's `cancel_consumer` stands
    if not shut:
        return
    declares, consumer.auto_declare = consumer.auto_declare, False  # they were, at the start
    for queue in shut:
        consumer.add_queue(wanted[queue])
    consumer.auto_declare = declares
    consumer.consume()
    if look_again := getattr(consumer.channel, "look_again", None):
        look_again()


def _names(rooms: Sequence[Room], holds: Callable[[Room], bool]) -> list[str]:
    return sorted(queue for room in rooms if holds(room) for queue in room.queues)


def _room_of(args: Any, rooms: Sequence[Room]) -> Room | None:
    """By the message's queue, as the request says that Celery hands over; None for a queue of nobody's."""
    request = args[2] if args and len(args) > 2 and isinstance(args[2], dict) else {}  # noqa: PLR2004
    return _room_with((request.get("delivery_info") or {}).get("routing_key"), rooms)


def _room_with(queue: str | None, rooms: Sequence[Room]) -> Room | None:
    return next((room for room in rooms if queue in room.queues), None)


def _nothing() -> None:
    """Nobody listens."""


def _none(_queue: str, _work: Callable[[], None]) -> bool:
    """There is no pool."""
    return False


def _logged(work: Callable[[], None]) -> None:
    """What Celery does for its tasks; but no traceback, which may quote a job."""
    try:
        work()
    except Exception as exc:  # noqa: BLE001 - nobody else would hear of it
        log.error("slot.failed", error=type(exc).__name__)  # noqa: TRY400 - see above
