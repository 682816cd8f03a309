"""The desk of one lane's batcher: its ledger, its provider, its turn, and the moves of jobs that all steps share."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

from tidegate.errors import Conflict, TidegateError, UnknownJob
from tidegate.lane import Lane
from tidegate.ledger.batches import GRACE_S, Batches, BatchState, BatchView
from tidegate.ledger.permits import Settled
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.states import State
from tidegate.logs import logger
from workers.managed.batches.api import BatchApi, Mark
from workers.outcomes import Failure
from workers.tasks import Running

T = TypeVar("T")

UNPAID = Settled(tokens=0, usd=0.0)
"""What is known of a line that was not answered."""

ABANDONED = "abandoned"
"""The outcome of a batch whose lines may have been answered, and nobody will know."""

AT_ONCE = 100
"""Jobs whose records are read in one round trip."""

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long things may take, and how often they are looked at, in seconds."""

    tick_s: float = 0.5
    call_s: float = 60.0
    """One question to the provider."""
    send_s: float = 600.0
    """To send a batch."""
    read_s: float = 1800.0
    """To read a batch's results; what was not read by then is read the next time."""
    sure_s: float = 60.0
    """After a try to send whose end nobody knows: how long until the provider's own list is believed not to have it."""
    first_s: float = 5.0
    """Between two looks at a batch; grows by half each time."""
    most_s: float = 120.0
    pause_s: float = 300.0
    """After a refused batch, in which jobs go alone; doubled each time, up to an hour."""
    cancel_s: float = GRACE_S - 300.0
    """After its window: how long a batch is waited for that was cancelled."""

    @classmethod
    def of(cls, window_s: float) -> "Pace":
        """Where a batch has little time, all is done sooner."""
        usual = cls()
        return replace(
            usual,
            sure_s=min(usual.sure_s, window_s / 20),
            first_s=min(usual.first_s, window_s / 100),
            most_s=min(usual.most_s, window_s / 20),
            pause_s=min(usual.pause_s, window_s / 4),
        )


class Leaving(TidegateError):
    """This process has to go: the next one goes on from what is on record."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What each step of a batch works with."""

    running: Running
    name: str
    """The lane's."""
    token: str
    """Of this batcher's turn."""
    open_api: Callable[[str], BatchApi]
    """By a deployment's name. Raises ModelMissing where the lane has it no more."""
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    pace: Pace = Pace()

    @property
    def lane(self) -> Lane:
        """As it is now. Raises KeyError where it is gone."""
        return self.running.lanes[self.name]

    @property
    def batches(self) -> Batches:
        """The ledger's."""
        return self.running.ledger.batches

    def now(self) -> float:
        """By the store's clock."""
        return self.running.ledger.now()

    def api(self, batch: BatchView) -> BatchApi:
        """Whoever has the batch, or is to get it. Raises a RunError."""
        return self.open_api(batch.deployment)

    def call(self, work: Coroutine[Any, Any, T], *, api: BatchApi, within_s: float | None = None) -> T:
        """Ask the provider. Raises a RunError without a vendor's exception in it, and what our own code raises."""

        async def bounded() -> T:
            async with asyncio.timeout(within_s or self.pace.call_s):
                return await work

        try:
            return self.runner.run(bounded())
        except TidegateError:
            raise
        except Exception as error:  # noqa: BLE001 - nothing of a vendor's passes this line
            failure = api.failure(error)
        raise failure

    def step(self, batch: BatchView, **changes: Any) -> BatchView:
        """Put the next step on record. Raises LostTurn."""
        changed = self.batches.step(batch, token=self.token, **changes)
        if changed.state is not batch.state:
            log.info("batch.moved", batch=batch.id, lane=self.name, state=changed.state.value, outcome=changed.outcome)
        return changed

    def mark(self, batch: BatchView) -> Mark:
        """By what the provider's list tells it from others."""
        members = self.batches.members(batch.id)
        others = {one.provider_id for one in self.batches.all() if one.id != batch.id and one.provider_id}
        return Mark(
            batch_id=batch.id,
            custom_ids=frozenset(custom_id(job_id, fence) for job_id, fence in members.items()),
            lines=batch.lines or len(members),
            since=batch.sending_at,
            others=frozenset(others),
        )

    def held(self, batch: BatchView) -> Iterator[Record]:
        """The jobs that the batch still has, read in pieces while they are gone through."""
        return (record for record in self.jobs(batch) if holds(batch, record))

    def jobs(self, batch: BatchView) -> Iterator[Record]:
        """All that came in and did not go back."""
        for records in self.records(list(self.batches.members(batch.id))):
            yield from (record for record in records if record.batch == batch.id)

    def records(self, job_ids: list[str]) -> Iterator[list[Record]]:
        """Those that are on record, so many at a time."""
        ids = iter(job_ids)
        while some := list(islice(ids, AT_ONCE)):
            if self.running.leases.leaving.is_set():
                raise Leaving
            yield self.running.ledger.get_many(some)

    def failed(self, record: Record, error: Exception, *, settled: Settled = UNPAID) -> None:
        """A job's line was refused, or cannot be made: what follows is what follows a call that failed so."""
        Refusals(self.running.ledger.redis).met(error, job_id=record.id)
        with contextlib.suppress(Conflict, UnknownJob):
            self.running.outcomes.follow(
                Failure(record=record, lane=self.lane, fence=record.fence, error=error, settled=settled)
            )

    def give_back(self, batch: BatchView) -> int:
        """What the batch still has goes back to the lane, to be called there alone. Returns how many."""
        count = 0
        for record in self.held(batch):
            self.return_one(record)
            count += 1
        return count

    def return_one(self, record: Record) -> None:
        """The same for one job."""
        with contextlib.suppress(Conflict, UnknownJob):
            self.running.outcomes.hand_back(record, fence=record.fence, settled=UNPAID)

    def let_go(self, job_ids: Iterable[str], *, alone: bool = True) -> None:
        """Who waits for the line of one of these jobs, which has ended by itself, waits in vain: back in line."""
        for job_id in self.batches.waited_for(job_ids):
            waiters = self.batches.end_wait(job_id, answered=False, alone=alone)
            if waiters.left:
                self.running.outcomes.wake(self.name, waiters.left, priority=0)

    def wanted(self, batch: BatchView) -> bool:
        """Whether anybody still wants an answer of its."""
        if next(self.held(batch), None) is not None:
            return True
        return bool(self.batches.waited_for(self.batches.members(batch.id)))

    def close_batch(self, batch: BatchView, *, outcome: str, cause: str | None = None) -> BatchView:
        """The batch is over: what it still has goes back, and what became of its jobs is counted. Raises LostTurn."""
        self.step(batch)  # who was stopped meanwhile must not take from another's batch
        returned = self.give_back(batch)
        self.let_go(self.batches.members(batch.id))
        answered = 0
        for record in self.jobs(batch):
            answered += record.state in (State.SUCCEEDED, State.ACCEPTED)  # accepted: the router looks at its answer
            if record.permit:  # it ended by itself, and no line told what it cost
                self.batches.settle(batch.id, record.id, Settled() if outcome == ABANDONED else UNPAID)
        log.info(
            "batch.over", batch=batch.id, lane=self.name, outcome=outcome, cause=cause, jobs=batch.jobs,
            succeeded=answered, returned=returned,
        )  # fmt: skip
        return self.step(
            batch, state=BatchState.DONE, outcome=outcome, cause=cause, succeeded=answered, done_at=self.now()
        )


def custom_id(job_id: str, fence: int) -> str:
    """The name of a job's line: another run of the same job would have another one."""
    return f"{job_id}-{fence}"


def holds(batch: BatchView, record: Record) -> bool:
    """Whether the batch has this job now."""
    return record.state is State.BATCHED and record.batch == batch.id
