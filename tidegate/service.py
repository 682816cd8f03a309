"""Service: how a Celery worker of ours runs, be it router or lane worker.

It reports its presence, watches that it still consumes, and stops in order. What its tasks do is not known here.
"""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from celery import Celery, bootsteps
from kombu.entity import Queue

from tidegate.ledger.census import Census, Presence
from tidegate.logs import logger
from tidegate.presence import BEAT_S, reported
from tidegate.slots import Room, Spare, gate_of, pool_of
from tidegate.taskevents import FLUSH_S, TaskEvents

STALLED_S = 60.0
"""A consumer that was silent for this long while its broker answers is stuck (celery #10205)."""

EXIT_STALLED = 75
"""EX_TEMPFAIL: the supervisor starts a fresh process."""

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Service:
    """One worker process: what it consumes, and what it says of itself."""

    app: Celery
    queues: Sequence[Queue]
    presence: Presence
    census: Census
    slots: Mapping[str, int] = field(default_factory=dict)
    """Of queues that have slots of their own; the others share what else the presence says."""
    spare: Spare | None = None
    """Who may begin in its free slots without a message."""
    events: TaskEvents | None = None
    """Who tells monitors what this process runs."""
    log_level: str = "INFO"

    def run(self) -> None:
        """Serve until told to stop."""
        pulse = _pulse_step(self.events)
        self.app.steps["consumer"].add(pulse)
        self.app.steps["consumer"].add(gate_of(self.rooms, self.spare))
        self.app.conf.task_queues = list(self.queues)
        # The gate does both, by queue, and on any broker.
        self.app.conf.worker_disable_prefetch = False
        self.app.conf.worker_enable_prefetch_count_reduction = False
        worker = self.app.Worker(
            hostname=self.presence.name,
            pool=pool_of(self.rooms),
            concurrency=self.presence.slots,
            queues=[queue.name for queue in self.queues],
            loglevel=self.log_level,
            without_gossip=True,
            without_mingle=True,
            optimization="fair",
            quiet=True,
        )
        with reported(self.census, self.presence) as stop:
            threading.Thread(target=self._watch, args=(stop, pulse), name="watchdog", daemon=True).start()
            worker.start()
        raise SystemExit(worker.exitcode or 0)

    @property
    def rooms(self) -> tuple[Room, ...]:
        """Which queues share which slots."""
        own = tuple(Room(frozenset({queue}), slots) for queue, slots in self.slots.items())
        shared = frozenset(queue.name for queue in self.queues if queue.name not in self.slots)
        return (*own, Room(shared, self.presence.slots - sum(self.slots.values()))) if shared else own

    def _watch(self, stop: threading.Event, pulse: Any) -> None:
        while not stop.wait(BEAT_S):
            silent_s = time.monotonic() - pulse.turned_at
            if silent_s > STALLED_S and self._broker_answers():
                log.error("consumer.stalled", worker=self.presence.name, silent_s=round(silent_s))
                os._exit(EXIT_STALLED)

    def _broker_answers(self) -> bool:
        try:
            with self.app.connection_for_read() as connection:
                connection.ensure_connection(max_retries=1, timeout=5)
        except Exception:  # noqa: BLE001 - each transport raises errors of its own
            return False
        return True


def _pulse_step(events: TaskEvents | None = None) -> Any:
    """A step of Celery's consumer that notes the time on each turn of its loop, and lends its dispatcher of events."""

    class Pulse(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = ("celery.worker.consumer.tasks:Tasks",)
        turned_at = time.monotonic()  # never `last`: a bootstep with that attribute is put after the event loop

        def start(self, parent: Any) -> None:
            type(self).turned_at = time.monotonic()
            self._timers = [parent.timer.call_repeatedly(1.0, self._beat)]
            if events is not None:
                events.by(parent.event_dispatcher)
                self._timers.append(parent.timer.call_repeatedly(FLUSH_S, events.flush))

        def stop(self, _parent: Any) -> None:
            if events is not None:
                events.flush()
                events.by(None)
            for timer in self._timers:
                timer.cancel()

        def _beat(self) -> None:
            type(self).turned_at = time.monotonic()

    return Pulse
