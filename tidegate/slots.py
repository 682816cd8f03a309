"""Slots: a queue is read only while this process has a free slot for it, so that what waits can go to another process.

Celery's own threads pool has one number of threads for all queues: the jobs of one lane could take them all, and a
worker takes messages that nobody here can begin. Here each room (a lane's queue, or queues that share) has threads of
its own; while all of them work, its queues have no consumer. It is cancelled and added again, which any broker can do.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from celery import bootsteps
from celery.concurrency.base import apply_target
from celery.concurrency.thread import ApplyResult, TaskPool

AMQP = "amqp"


@dataclass(frozen=True)
class Room:
    """Queues that share slots: as many jobs of them run at a time."""

    queues: frozenset[str]
    slots: int


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


def gate_of(rooms: Sequence[Room]) -> type[bootsteps.StartStopStep]:
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

        def stop(self, parent: Any) -> None:
            """Nothing is read any more."""
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
    queue = (request.get("delivery_info") or {}).get("routing_key")
    return next((room for room in rooms if queue in room.queues), None)


def _nothing() -> None:
    """Nobody listens."""
