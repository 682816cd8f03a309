"""Batches: which jobs a provider's batch holds, what became of it, and whose turn it is to collect a lane's.

A batch is put on record, with its jobs, before anything is sent, and each step before or after the call that it is
about: whoever is killed in between leaves a record from which another goes on. No text is in it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tidegate.connections import StoreClient
from tidegate.errors import Conflict
from tidegate.ledger.faults import store_errors
from tidegate.ledger.permits import Settled
from tidegate.ledger.record import Record
from tidegate.ledger.scripts import Scripts, flat
from tidegate.ledger.states import State
from tidegate.ledger.twins import Twins
from tidegate.value import Value

DONE_KEEP_S = 86_400
"""How long a batch that is over can be looked at."""

GRACE_S = 1800.0
"""How long after its window a batch may hold jobs: to be cancelled, and for what was answered by then to be read."""

_FORM_AT_ONCE = 250
"""Jobs that one script moves: it holds up everybody else."""


class BatchState(StrEnum):
    """Where a batch is. The last one is its end."""

    FORMING = "forming"
    """Jobs come in; nothing has been sent."""
    SENDING = "sending"
    """It may be at the provider, under our id: whoever goes on from here asks for that before he sends it."""
    SENT = "sent"
    CANCELLING = "cancelling"
    """Its window is over, or nobody wants its answers any more."""
    SETTLING = "settling"
    """The provider is done with it; its lines are being read."""
    DONE = "done"


class BatchView(Value):
    """One batch, as the ledger knows it. Times are Unix seconds by the store's clock."""

    id: str
    lane: str
    state: BatchState = BatchState.FORMING
    jobs: int = 0
    """How many came in."""
    deployment: str = ""
    """Which of the lane's deployments it was sent to."""
    provider_id: str | None = None
    """The provider's name for it; None until that is known."""
    price_share: float = 1.0
    """What a token costs in it, as a share of the lane's price."""
    formed_at: float
    until: float
    """When its window ends."""
    sending_at: float | None = None
    """When it was first tried to send it: the provider cannot have had it before."""
    tried_at: float | None = None
    tries: int = 0
    """How often it may have been sent."""
    answered: int = 0
    """Lines that the provider had done when last asked."""
    lines: int = 0
    """How many were in the last try to send it: some of its jobs may have gone before."""
    twins: str = ""
    """The provider's names for second ones, which a process sent that had been stopped; they were cancelled."""
    twice_usd: float | None = None
    """What was done of those by then, and paid for a second time."""
    done_at: float | None = None
    outcome: str | None = None
    """Of one that is over: `settled`, `refused`, `empty` or `abandoned`."""
    cause: str | None = None
    """The name of the error that ended it, where one did."""
    succeeded: int | None = None
    """Of one that is over: jobs that it answered. The others went on alone, or ended by themselves."""

    @property
    def over(self) -> bool:
        """Whether nothing more will be done with it."""
        return self.state is BatchState.DONE

    def age_s(self, now: float) -> float:
        """How long it took, or has taken yet."""
        return max(0.0, (self.done_at or now) - self.formed_at)


@dataclass(frozen=True, kw_only=True)
class Waiters:
    """Jobs that wait for the answer of one that has ended by itself."""

    fences: Mapping[str, int]
    """Each with its fencing token."""
    left: str
    """One that somebody should be woken for: it waited for an answer that does not come."""
    at: float


class LostTurn(Conflict):
    """Another process collects the lane's batches now."""


class Batches:
    """Reads and moves batches. Every method raises StoreUnavailable where the store does not answer."""

    def __init__(self, client: StoreClient, scripts: Scripts, *, prefix: str) -> None:
        self._redis = client
        self._scripts = scripts
        self._prefix = prefix
        self.twins = Twins(client, scripts, prefix=prefix)

    def take_turn(self, lane: str, *, token: str, lease_s: float, leaves_s: float | None, look_in_s: float) -> bool:
        """Collect a lane's batches from now on, or go on with it. False where another does.

        Jobs are set aside whose deadline leaves `leaves_s`; none where that is None.
        """
        told = "" if leaves_s is None else f"{leaves_s:.3f}|{look_in_s:.3f}"
        return self._turn(lane, token, str(int(lease_s * 1000)), told)

    def leave_turn(self, lane: str, *, token: str) -> None:
        """Let another collect, at once."""
        self._turn(lane, token, "0", "")

    def sweep(self, lane: str, *, most: int, join: str = "") -> tuple[int, float]:
        """Set aside what can be; how many are, and for how long the oldest has been. `join`: see `Lane.joins`."""
        count, oldest_s = self._scripts.run("batch_sweep", args=[self._prefix, lane, most, join])
        return int(count), float(oldest_s)

    def form(
        self,
        batch: BatchView,
        *,
        token: str,
        gate: str,
        most_jobs: int,
        most_bytes: int,
        look_in_s: float,
        nudge_s: float,
    ) -> int:
        """Take jobs that were set aside into a batch. Returns how many. Raises LostTurn.

        `gate`: see `permits.gate_of`. For whom a budget has no room, he goes back to the line.
        """
        fields = _fields(batch, without=("id", "lane", "jobs", "formed_at"))
        jobs, size_bytes = 0, 0
        while jobs < most_jobs and size_bytes < most_bytes:
            most = min(_FORM_AT_ONCE, most_jobs - jobs)
            head = [self._prefix, batch.lane, token, batch.id, most, most_bytes - size_bytes, look_in_s, "outside"]
            head += [gate, batch.deployment, batch.price_share, nudge_s]
            taken, *rest = self._scripts.run("batch_form", args=[*head, *flat(fields)])
            if taken < 0:
                raise LostTurn(f"another process collects the batches of {batch.lane}")
            jobs, size_bytes = jobs + taken, size_bytes + rest[0]
            if not rest[1]:
                break
        return jobs

    def step(self, batch: BatchView, *, token: str, **changes: Any) -> BatchView:
        """Put the next step on record. Raises LostTurn. Returns the batch as it is now.

        Without changes: see whether it is still this caller's to send.
        """
        changed = batch.model_copy(update=changes)
        fields = {name: _wire(getattr(changed, name)) for name in changes}
        args = [self._prefix, batch.lane, token, batch.id, DONE_KEEP_S if changed.over else ""]
        args += [batch.tries, *flat(fields)]
        if not self._scripts.run("batch_step", args=args):
            raise LostTurn(f"another process collects the batches of {batch.lane}")
        return changed

    def settle(self, batch_id: str, job_id: str, settled: Settled) -> None:
        """What a line came to whose job was cancelled, or expired. Once is enough; again does nothing."""
        cost = "" if settled.usd is None else repr(settled.usd)
        self._scripts.run("batch_settle", args=[self._prefix, job_id, batch_id, settled.wire, cost])

    def waited_for(self, job_ids: Iterable[str]) -> list[str]:
        """Those of them for whose answers other jobs wait."""
        ids = list(job_ids)
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.exists(f"{self._prefix}:followers:{job_id}")
            return [job_id for job_id, waited in zip(ids, pipe.execute(), strict=True) if waited]

    def end_wait(self, job_id: str, *, answered: bool, alone: bool = True) -> Waiters:
        """The line of a job that has ended by itself came to something: those who wait for it may have that.

        Or to nothing: then they are in line again, for a call of their own where they are to be `alone`.
        """
        args = [self._prefix, job_id, "1" if answered else "", "1" if alone else ""]
        waiting, ring, at = self._scripts.run("flight_end", args=args)
        fences = {name.decode(): int(fence) for name, fence in zip(waiting[::2], waiting[1::2], strict=True)}
        return Waiters(fences=fences, left=ring.decode(), at=float(at))

    def members(self, batch_id: str) -> dict[str, int]:
        """The jobs that came in, each with the fencing token that it got."""
        with store_errors():
            found = self._redis.hgetall(self._members(batch_id))
        return {job_id.decode(): int(fence) for job_id, fence in found.items()}

    def get(self, batch_id: str) -> BatchView | None:
        """One batch; None where it is not on record (any more)."""
        with store_errors():
            fields = self._redis.hgetall(self._batch(batch_id))
        return _view(fields) if fields else None

    def all(self) -> list[BatchView]:
        """Those that are under way and those that were until a day ago, the oldest first."""
        return list(self._all())

    def under_way(self, lane: str) -> list[BatchView]:
        """A lane's, but for those that are over; the oldest first."""
        return [batch for batch in self._all() if batch.lane == lane and not batch.over]

    def holds(self, record: Record, *, now: float) -> bool:
        """Whether a batch that is under way has this job, or may still take it."""
        if record.state is not State.BATCHED or record.batch is None:
            return False
        with store_errors():
            member = self._redis.hexists(self._members(record.batch), record.id)
        batch = self.get(record.batch) if member else None
        return batch is not None and not batch.over and now < batch.until + GRACE_S

    def _all(self) -> Iterator[BatchView]:
        key = f"{self._prefix}:batches"
        with store_errors():
            ids = [batch_id.decode() for batch_id in self._redis.zrange(key, 0, -1)]
            with self._redis.pipeline(transaction=False) as pipe:
                for batch_id in ids:
                    pipe.hgetall(self._batch(batch_id))
                found = dict(zip(ids, pipe.execute(), strict=True))
            gone = [batch_id for batch_id, fields in found.items() if not fields]
            if gone:
                self._redis.zrem(key, *gone)
        yield from (_view(fields) for fields in found.values() if fields)

    def _turn(self, lane: str, token: str, lasts_ms: str, told: str) -> bool:
        args = [token, lasts_ms, told]
        return bool(self._scripts.run("batch_turn", keys=[f"{self._prefix}:batcher:{lane}"], args=args))

    def _batch(self, batch_id: str) -> str:
        return f"{self._prefix}:batch:{batch_id}"

    def _members(self, batch_id: str) -> str:
        return f"{self._batch(batch_id)}:jobs"


def _fields(batch: BatchView, *, without: tuple[str, ...]) -> Mapping[str, str]:
    told = {name: _wire(getattr(batch, name)) for name in BatchView.model_fields if name not in without}
    return {name: value for name, value in told.items() if value}


def _wire(value: object) -> str:
    return "" if value is None else str(value)


def _view(fields: Mapping[bytes, bytes]) -> BatchView:
    """Fields of a later release are passed over, so that releases can overlap."""
    texts = {key.decode(): value.decode() for key, value in fields.items()}
    known = {name: value for name, value in texts.items() if name in BatchView.model_fields}
    return BatchView.model_validate(known, strict=False)
