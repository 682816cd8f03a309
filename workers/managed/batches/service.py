"""The batchers of a worker process: a thread for each of its lanes that has batches, or has some under way."""

import contextlib
import threading
from dataclasses import dataclass, field

from tidegate.deployment import Deployment
from tidegate.errors import Unavailable
from tidegate.lane import BATCHED_BACKENDS, Lane, Zone
from tidegate.logs import logger
from tidegate.settings import Settings
from workers.managed.batches.api import BatchApi, open_batches
from workers.managed.batches.batcher import Batcher
from workers.managed.batches.desk import Pace
from workers.tasks import Running

LOOK_S = 1.0
_SELDOM = 60
"""Looks until it is asked whether a lane that has no batches any more has some under way."""

log = logger(__name__)


@dataclass(kw_only=True)
class Batchers:
    """Sees that each lane has its thread; of several processes that serve a lane, one has the turn."""

    running: Running
    settings: Settings
    _threads: dict[str, threading.Thread] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        looks = 0
        while not stop.wait(LOOK_S):
            for lane in list(self.running.lanes.values()):
                with contextlib.suppress(Unavailable):
                    self._look(lane, stop, thorough=looks % _SELDOM == 0)
            looks += 1

    def _look(self, lane: Lane, stop: threading.Event, *, thorough: bool) -> None:
        present = self._threads.get(lane.name)
        if (present is not None and present.is_alive()) or not self._wanted(lane, thorough=thorough):
            return
        batcher = Batcher(
            running=self.running,
            lane=lane.name,
            open_api=self._open,
            lease_s=self.running.leases.lease_s,
            pace=Pace.of(lane.batch.window_s) if lane.batch else Pace(),
        )
        thread = threading.Thread(target=batcher.run, args=(stop,), name=f"batches-{lane.name}", daemon=True)
        self._threads[lane.name] = thread
        thread.start()

    def _wanted(self, lane: Lane, *, thorough: bool) -> bool:
        if lane.zone is Zone.INSIDE or lane.backend not in BATCHED_BACKENDS:
            return False
        return lane.batch is not None or (thorough and bool(self.running.ledger.batches.under_way(lane.name)))

    def _open(self, lane: Lane, deployment: Deployment) -> BatchApi:
        return open_batches(lane, deployment, self.settings)
