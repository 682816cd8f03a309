"""The janitor: looks at every job whose time has come, and sees that none is stuck.

It sends lost wake-ups again, starts retries that are due, takes jobs from workers that went silent, and ends those
whose deadline passed. Several may run: the ledger takes one move and refuses the others.
"""

import contextlib
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tidegate.doorbell import Doorbell
from tidegate.errors import BrokerUnavailable, Conflict, Unavailable, UnknownJob
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.states import Move, State
from tidegate.ledger.store import Ledger
from tidegate.logs import logger
from workers import blame

_BATCH = 500
_NUDGE_CAP_S = 3600.0
_NUDGE_GROWTH = 8.0
"""Who serves a line is woken by `wake`, so a job that waits in it is not lost: a look at each is a last resort."""
_BATCH_LOOK_S = 600.0
"""How often it is asked whether the batch of a job is still under way."""
_TRIM_EVERY = 3600

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Janitor:
    """One janitor process."""

    ledger: Ledger
    doorbell: Doorbell
    nudge_s: float
    max_crashes: int
    period_s: float
    chores: Sequence[Callable[[], None]] = ()
    """What else is done each round, at its own pace: each is quick, and may raise Unavailable."""

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop. A store that does not answer is waited for."""
        rounds = 0
        while not stop.is_set():
            try:
                busy = self.sweep() == _BATCH
                self.wake()
                if rounds % _TRIM_EVERY == 0:
                    self.ledger.trim()
                self._do_chores()
            except Unavailable as exc:
                busy = False
                log.warning("janitor.delayed", error=type(exc).__name__)
            rounds += 1
            if not busy:
                stop.wait(self.period_s)

    def _do_chores(self) -> None:
        for chore in self.chores:
            try:
                chore()
            except Unavailable:
                raise
            except Exception as exc:  # noqa: BLE001 - a chore that fails must not stop the sweeping
                log.error("janitor.chore_failed", error=type(exc).__name__)  # noqa: TRY400 - see above

    def sweep(self) -> int:
        """Look once at what is due. Returns how many jobs that were."""
        due = self.ledger.due(limit=_BATCH)
        now = self.ledger.now()
        for job_id in due:
            try:
                self._look(self.ledger.get(job_id), now)
            except (Conflict, UnknownJob):
                continue
            except Unavailable:
                raise
            except Exception as exc:  # noqa: BLE001 - one record that cannot be read must not hold up all others
                log.error(  # noqa: TRY400 - a traceback may quote what could not be read
                    "janitor.failed", job=job_id, error=type(exc).__name__
                )
        return len(due)

    def wake(self) -> None:
        """Send a wake-up for each lane (and the intake) where jobs wait and none was sent for a while."""
        for lane, job_id in self.ledger.line.overdue():
            log.info("janitor.woke", job=job_id, lane=lane)
            self._ring(lane, job_id, priority=0)

    def _look(self, record: Record, now: float) -> None:
        move = verdict(
            record,
            now=now,
            nudge_s=self.nudge_s,
            max_crashes=self.max_crashes,
            held=self.ledger.batches.holds(record, now=now),
            alone=record.state is State.RUNNING and self.ledger.alone(record.id),
            random_unit=random.random(),  # noqa: S311 - jitter, not a secret
        )
        if move is None:
            return
        applied = self.ledger.apply(record.id, move)
        if move.to is not State.BATCHED:
            log.info("janitor.moved", job=record.id, move=move.name, lane=record.lane)
        if applied.ring:
            # Accepted with a lane is who brought an answer from there: that is for a router to look at.
            lane = None if move.to is State.ACCEPTED else record.lane
            self._ring(lane, record.id, priority=record.priority)
        if applied.left:
            self._ring(record.lane, applied.left, priority=record.priority)

    def _ring(self, lane: str | None, job_id: str, *, priority: int) -> None:
        with contextlib.suppress(BrokerUnavailable):  # looked at again, a little later each time
            if lane is None:
                self.doorbell.ring_router(job_id, priority=priority)
            else:
                self.doorbell.ring_lane(lane, job_id, priority=priority)


def verdict(
    record: Record,
    *,
    now: float,
    nudge_s: float,
    max_crashes: int,
    held: bool = False,
    alone: bool = False,
    random_unit: float = 1.0,
) -> Move | None:
    """What to do with a job that is due. Pure, but for chance in [0, 1).

    `held`: by a batch that is under way. `alone`: nothing else ran in the process that its run lapsed with.
    """
    if record.state.ended or (record.look_at or 0.0) > now:
        return None
    if now >= record.deadline_at:
        return states.expire(rev=record.rev)
    if record.state is State.WAITING:
        return states.release(rev=record.rev, nudge_s=nudge_s)
    if record.state is State.RUNNING:
        return blame.lapsed(record, alone=alone, max_crashes=max_crashes, nudge_s=nudge_s, random_unit=random_unit)
    return _batched(record, held=held, nudge_s=nudge_s) or _nudged(record, nudge_s=nudge_s)


def _nudged(record: Record, *, nudge_s: float) -> Move:
    """It waits in a line, so that its wake-up may be lost."""
    wait_s = min(_NUDGE_CAP_S, nudge_s * _NUDGE_GROWTH ** min(record.nudges + 1, 8))
    return states.nudge(state=record.state, rev=record.rev, nudges=record.nudges + 1, nudge_s=wait_s)


def _batched(record: Record, *, held: bool, nudge_s: float) -> Move | None:
    """What no batch holds any more, or took in time, goes back to its lane."""
    if record.state is not State.BATCHED:
        return None
    if held:
        return states.keep_batched(rev=record.rev, look_in_s=_BATCH_LOOK_S)
    return states.leave_batch(rev=record.rev, nudge_s=nudge_s)
