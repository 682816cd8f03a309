"""The ledger in Redis: each change is one Lua script, so it happens whole or not at all."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tidegate.connections import StoreClient
from tidegate.errors import Conflict, SubmitRefused, UnknownJob
from tidegate.ledger.admission import Limits
from tidegate.ledger.batches import Batches
from tidegate.ledger.faults import store_errors
from tidegate.ledger.line import Line
from tidegate.ledger.moving import KEEP, Accepted, Applied, Keep, NewJob, Step, Stored, accepted, arguments, outcome
from tidegate.ledger.openings import Openings
from tidegate.ledger.pressure import Pressure
from tidegate.ledger.record import Event, Record
from tidegate.ledger.scripts import Call, Scripts, flat, journalled
from tidegate.ledger.shelf import Shelf
from tidegate.ledger.states import Move, State
from tidegate.names import STORE_PREFIX

__all__ = ["Accepted", "Applied", "Keep", "Ledger", "NewJob", "Step", "Stored", "journalled", "store_errors"]


class Ledger:
    """Reads and moves records. Every method raises StoreUnavailable where the store does not answer."""

    def __init__(
        self,
        client: StoreClient,
        *,
        keep: Keep = KEEP,
        limits: Limits | None = None,
        prefix: str = STORE_PREFIX,
    ) -> None:
        self.redis = client
        self._keep = keep
        self._limits = limits or Limits()
        self._prefix = prefix
        self._scripts = Scripts(client)
        self.line = Line(self._scripts, keep=keep, prefix=prefix)
        self.batches = Batches(client, self._scripts, prefix=prefix)
        self.openings = Openings(self._scripts, prefix=prefix)
        self.shelf = Shelf(client, keep_s=keep.dead_s, prefix=prefix)
        self.pressure = Pressure(client, limits=self._limits, prefix=prefix)

    def accept(self, job_id: str, **details: Any) -> Accepted:
        """Put a job on record with its sealed payload; see NewJob. The same id twice keeps the first.

        Raises SubmitRefused where there is no room, unless it is `admitted` already: it lies in the broker.
        """
        found = self.accept_all([NewJob(job_id=job_id, **details)])[0]
        if isinstance(found, Accepted):
            return found
        raise found

    def accept_all(self, jobs: Sequence[NewJob]) -> list[Accepted | SubmitRefused]:
        """The same for many, in one round trip. Behind one that was refused none is taken."""
        batch = secrets.token_hex(8) if len(jobs) > 1 else ""
        answers = self._scripts.run_all("accept", [self._accepting(job, batch=batch) for job in jobs])
        return [
            accepted(answer, tenant=job.fields.get("tenant", "default"))
            for job, answer in zip(jobs, answers, strict=True)
        ]

    def apply(self, job_id: str, move: Move, *, texts: Sequence[Stored] = ()) -> Applied:
        """Make one move. Raises Conflict where its conditions do not hold, UnknownJob where there is no record."""
        found = self.apply_all([Step(job_id=job_id, move=move, texts=texts)])[0]
        if isinstance(found, Applied):
            return found
        raise found

    def apply_all(self, steps: Sequence[Step]) -> list[Applied | Conflict | UnknownJob]:
        """Make the moves of several jobs in one round trip; each by itself is made or refused."""
        calls = [
            ((), [self._prefix, step.job_id, *arguments(step.move, keep=self._keep, texts=step.texts)])
            for step in steps
        ]
        answers = self._scripts.run_all("apply", calls)
        return [outcome(step, answer) for step, answer in zip(steps, answers, strict=True)]

    def get(self, job_id: str) -> Record:
        """One record. Raises UnknownJob."""
        with store_errors():
            fields = self.redis.hgetall(self._job(job_id))
        if not fields:
            raise UnknownJob(f"no job {job_id} is on record (it may have been kept long enough and removed)")
        record = Record.from_hash(fields)
        if record.id != job_id:  # by it slots are told apart, so whoever edits it could lend one job another's text
            raise UnknownJob(f"no job {job_id} is on record: what lies there says that it is another")
        return record

    def get_many(self, job_ids: Iterable[str]) -> list[Record]:
        """The records that exist, in the order asked for, in one round trip."""
        asked = list(job_ids)
        with store_errors(), self.redis.pipeline(transaction=False) as pipe:
            for job_id in asked:
                pipe.hgetall(self._job(job_id))
            found = zip(asked, pipe.execute(), strict=True)
        records = ((job_id, Record.from_hash(fields)) for job_id, fields in found if fields)
        return [record for job_id, record in records if record.id == job_id]

    def history(self, job_id: str) -> list[Event]:
        """What happened to a job, oldest first (the last 200 moves)."""
        with store_errors():
            lines = self.redis.lrange(f"{self._job(job_id)}:history", 0, -1)
        return [Event.from_json(line) for line in lines]

    def due(self, *, limit: int) -> list[str]:
        """The jobs that the janitor should look at now, the longest overdue first."""
        with store_errors():
            ids = self.redis.zrange(
                f"{self._prefix}:agenda", "-inf", str(self.now()), byscore=True, offset=0, num=limit
            )
        return [job_id.decode() for job_id in ids]

    def dead(self) -> Iterator[Record]:
        """All dead letters, the oldest first."""
        with store_errors():
            ids = [job_id.decode() for job_id in self.redis.zrange(f"{self._prefix}:dead", 0, -1)]
        for start in range(0, len(ids), 500):
            yield from self.get_many(ids[start : start + 500])

    def forget(self, job_id: str, *, by: str = "tidegate") -> None:
        """Remove a dead letter for good: record, history and payload. Raises Conflict where it is none, UnknownJob."""
        state = self._scripts.run("forget", keys=[self._job(job_id)], args=[self._prefix, job_id, by]).decode()
        if not state:
            raise UnknownJob(f"no job {job_id} is on record")
        if state != State.DEAD:  # redriven meanwhile, perhaps: an open job is never removed
            raise Conflict(f"job {job_id} is {state}; only dead letters are purged")

    def annotate(self, job_id: str, fields: Mapping[str, str]) -> bool:
        """Add fields to a record, whatever its state: what is learnt after a job's end. False where it is gone."""
        return bool(self._scripts.run("annotate", keys=[self._job(job_id)], args=list(flat(fields))))

    def alone(self, job_id: str) -> bool:
        """Whether nothing else ran in the process of a run whose lease lapsed. False where nobody knows."""
        return bool(self._scripts.run("alone", args=[self._prefix, job_id]))

    def trim(self) -> int:
        """Drop index entries of dead letters whose records are past their retention. Returns how many."""
        with store_errors():
            return int(self.redis.zremrangebyscore(f"{self._prefix}:dead", "-inf", self.now() - self._keep.dead_s))

    def now(self) -> float:
        """The store's clock: the one by which deadlines and leases run, whatever the hosts' clocks say."""
        with store_errors():
            seconds, micros = self.redis.time()
        return float(seconds) + float(micros) / 1e6

    def _accepting(self, job: NewJob, *, batch: str) -> Call:
        fields = dict(job.fields)
        args = [
            self._prefix,
            job.job_id,
            job.envelope,
            job.keep_s,
            job.deadline_s,
            job.look_in_s,
            fields.pop("tenant", "default"),
            fields.pop("priority", "5"),
            "" if "shadow_of" in fields else "1",  # a copy is placed by whoever made it
            "" if job.admitted else self._limits.wire,
            batch,
            *flat({**fields, "payload": job.slot}),
        ]
        return [self._job(job.job_id), f"{self._prefix}:vault:{job.slot}"], args

    def _job(self, job_id: str) -> str:
        return f"{self._prefix}:job:{job_id}"
