"""One lane's batcher: takes its turn, forms batches, and takes each one step further whenever it is time to.

All that it knows is on record: whoever takes the next turn goes on where this one stopped.
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from secrets import token_hex

from tidegate.deployment import Deployment
from tidegate.errors import Misuse, ModelMissing, RateLimited, RunError, TidegateError, Unavailable
from tidegate.lane import Lane
from tidegate.ledger.batches import BatchState, BatchView, LostTurn
from tidegate.ledger.twins import Twin
from tidegate.logs import logger
from workers.managed.batches.api import BatchApi
from workers.managed.batches.collecting import collect, leaves_s, look_in_s
from workers.managed.batches.desk import Desk, Leaving, Pace
from workers.managed.batches.polling import abandon, finish, poll
from workers.managed.batches.sending import send
from workers.managed.batches.twins import part_with
from workers.tasks import Running

STEPS: Mapping[BatchState, Callable[[Desk, BatchView], BatchView]] = {
    BatchState.FORMING: send,
    BatchState.SENDING: send,
    BatchState.SENT: poll,
    BatchState.CANCELLING: poll,
    BatchState.SETTLING: finish,
}
"""What is done next with a batch that is there. Each step may be done again, after any end of the one before."""

_GROWTH = 1.5
_MOST_PAUSE_S = 3600.0
_BEATS = 3
"""Renewals in the time of one turn: two may fail."""

OpenApi = Callable[[Lane, Deployment], BatchApi]

log = logger(__name__)


@dataclass
class _Next:
    """When a batch is looked at again."""

    at: float = 0.0
    pause_s: float = 0.0


@dataclass(kw_only=True)
class Batcher:
    """For one lane, in one thread."""

    running: Running
    lane: str
    open_api: OpenApi
    lease_s: float
    pace: Pace = field(default_factory=Pace)
    token: str = field(default_factory=lambda: token_hex(8))
    _next: dict[str, _Next] = field(default_factory=dict)
    _apis: dict[str, BatchApi] = field(default_factory=dict)
    _opened_for: Lane | None = None
    _paused_until: float = 0.0
    _refused: int = 0

    def __post_init__(self) -> None:
        self.desk = Desk(running=self.running, name=self.lane, token=self.token, open_api=self._api, pace=self.pace)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop. A store or a provider that does not answer is waited for."""
        with self._renewing(stop):
            while not stop.is_set() and self.lane in self.running.lanes:
                try:
                    self.round()
                except (LostTurn, Leaving):
                    log.info("batcher.turn_lost", lane=self.lane)
                except Unavailable as exc:
                    log.warning("batcher.delayed", lane=self.lane, error=type(exc).__name__)
                except Exception as exc:  # noqa: BLE001 - the batches of the lane must go on
                    log.error("batcher.failed", lane=self.lane, error=type(exc).__name__)  # noqa: TRY400 - no text
                stop.wait(self.pace.tick_s)
        self.close()

    def round(self) -> bool:
        """Do what is due. False where it is another's turn."""
        if not self.renew():
            return False
        for batch in self.desk.batches.under_way(self.lane):
            self._advance(batch)
        for twin in self.desk.batches.twins.of(self.lane):
            self._part_with(twin)
        if time.monotonic() >= self._paused_until and (formed := collect(self.desk)) is not None:
            self._advance(formed)
        return True

    def renew(self) -> bool:
        """Take the turn, or keep it."""
        lane = self.running.lanes[self.lane]
        paused = time.monotonic() < self._paused_until
        return self.desk.batches.take_turn(
            self.lane,
            token=self.token,
            lease_s=self.lease_s,
            leaves_s=None if paused else leaves_s(lane),
            look_in_s=look_in_s(lane),
        )

    def close(self) -> None:
        """Leave the turn to another, and let go of connections."""
        with contextlib.suppress(Unavailable):
            self.desk.batches.leave_turn(self.lane, token=self.token)
        self._close_apis()
        self.desk.runner.close()

    def _advance(self, batch: BatchView) -> None:
        """One step further, and the next ones that are due at once."""
        while not batch.over and time.monotonic() >= self._when(batch.id).at:
            before = batch
            try:
                batch = self._step(batch)
            except (Unavailable, LostTurn, Leaving):
                raise
            except (RunError, Misuse) as error:
                self._later(batch.id, error)
                log.warning("batch.delayed", batch=batch.id, state=batch.state.value, error=type(error).__name__)
                return
            if batch.state is before.state:
                self._later(batch.id)
                return
            self._next.pop(batch.id, None)
        if batch.over:
            self._over(batch)

    def _part_with(self, twin: Twin) -> None:
        if time.monotonic() < self._when(twin.provider_id).at:
            return
        try:
            if part_with(self.desk, twin):
                self._next.pop(twin.provider_id, None)
            else:
                self._later(twin.provider_id)
        except (RunError, Misuse) as error:
            self._later(twin.provider_id, error)
            log.warning("batch.twin_delayed", batch=twin.batch_id, error=type(error).__name__)

    def _step(self, batch: BatchView) -> BatchView:
        if self.desk.now() > batch.until + self.pace.cancel_s:
            return abandon(self.desk, batch)
        return STEPS[batch.state](self.desk, batch)

    def _when(self, which: str) -> _Next:
        return self._next.setdefault(which, _Next())

    def _later(self, which: str, error: TidegateError | None = None) -> None:
        """Look at it again in a while that grows, and no sooner than the provider asks for."""
        planned = self._when(which)
        planned.pause_s = min(self.pace.most_s, max(self.pace.first_s, planned.pause_s * _GROWTH))
        asked_s = (error.retry_after_s or 0.0) if isinstance(error, RateLimited) else 0.0
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - scatter, not a secret
        planned.at = time.monotonic() + max(planned.pause_s * jitter, asked_s)

    def _over(self, batch: BatchView) -> None:
        """After a refused batch no other is formed for a while: jobs that come meanwhile go alone."""
        self._next.pop(batch.id, None)
        self._refused = self._refused + 1 if batch.outcome == "refused" else 0
        if self._refused:
            pause_s = min(_MOST_PAUSE_S, self.pace.pause_s * 2.0 ** min(self._refused - 1, 10))
            self._paused_until = time.monotonic() + pause_s

    def _api(self, deployment: str) -> BatchApi:
        """The lane's own of that name, as it is now."""
        lane = self.running.lanes[self.lane]
        if lane != self._opened_for:
            self._close_apis()
            self._opened_for = lane
        if deployment not in self._apis:
            found = lane.deployment(deployment)
            if found is None:
                raise ModelMissing(f"lane {self.lane} has no deployment {deployment} any more")
            self._apis[deployment] = self.open_api(lane, found)
        return self._apis[deployment]

    def _close_apis(self) -> None:
        for api in self._apis.values():
            with contextlib.suppress(Exception):  # whatever a connection says when it ends
                self.desk.runner.run(api.close())
        self._apis.clear()

    @contextlib.contextmanager
    def _renewing(self, stop: threading.Event) -> Iterator[None]:
        """Keep the turn while a step takes long."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(self.lease_s / _BEATS) and not stop.is_set():
                with contextlib.suppress(Unavailable, KeyError):
                    self.renew()

        thread = threading.Thread(target=renew, name=f"batches-{self.lane}-turn", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=1.0)
