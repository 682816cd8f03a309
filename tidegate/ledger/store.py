"""The ledger in Redis: each change is one Lua script, so it happens whole or not at all."""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tidegate.connections import StoreClient
from tidegate.errors import Conflict, UnknownJob
from tidegate.ledger.admission import Limits, refusal
from tidegate.ledger.faults import store_errors
from tidegate.ledger.pressure import Pressure
from tidegate.ledger.record import Event, Record
from tidegate.ledger.shelf import Shelf
from tidegate.ledger.states import Move, State
from tidegate.names import STORE_PREFIX

__all__ = ["Accepted", "Applied", "Keep", "Ledger", "store_errors"]

_ANNOTATE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
"""


@dataclass(frozen=True, kw_only=True)
class Keep:
    """How long records and their texts stay after an end, in seconds."""

    result_s: int = 86_400
    dead_s: int = 14 * 86_400

    def after(self, end: State) -> int:
        """The time for one kind of end."""
        return self.dead_s if end is State.DEAD else self.result_s


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What became of a submit: a new record, or the one that was there."""

    created: bool
    state: State
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What a move left behind."""

    rev: int
    fence: int
    at: float


class Ledger:
    """Reads and moves records. Every method raises StoreUnavailable where the store does not answer."""

    def __init__(
        self,
        client: StoreClient,
        *,
        keep: Keep = Keep(),
        limits: Limits | None = None,
        prefix: str = STORE_PREFIX,
    ) -> None:
        self.redis = client
        self._keep = keep
        self._limits = limits or Limits()
        self._prefix = prefix
        self._accept = client.register_script(_text("admission.lua") + _script("accept.lua"))
        self._transition = client.register_script(_text("admission.lua") + _script("transition.lua"))
        self._forget = client.register_script(_script("forget.lua"))
        self._annotate = client.register_script(_ANNOTATE)
        self.shelf = Shelf(client, keep_s=keep.dead_s, prefix=prefix)
        self.pressure = Pressure(client, limits=self._limits, prefix=prefix)

    def accept(
        self,
        job_id: str,
        *,
        slot: str,
        envelope: bytes,
        keep_s: int,
        deadline_s: float,
        look_in_s: float,
        fields: Mapping[str, str],
        admitted: bool = False,
    ) -> Accepted:
        """Put a job on record with its sealed payload. The same id twice keeps the first.

        Raises SubmitRefused where there is no room, unless it is `admitted` already: it lies in the broker.
        """
        args = [
            self._prefix,
            job_id,
            envelope,
            keep_s,
            deadline_s,
            look_in_s,
            "" if admitted else self._limits.wire,
            *_flat({**fields, "payload": slot}),
        ]
        with store_errors():
            created, *rest = self._accept(keys=[self._job(job_id), f"{self._prefix}:vault:{slot}"], args=args)
        if created < 0:
            raise refusal(rest, tenant=fields.get("tenant", "default"))
        state, fingerprint = rest
        return Accepted(created=bool(created), state=State(state.decode()), fingerprint=fingerprint.decode())

    def apply(self, job_id: str, move: Move) -> Applied:
        """Make one move. Raises Conflict where its conditions do not hold, UnknownJob where there is no record."""
        args = [
            self._prefix,
            job_id,
            ",".join(sorted(move.sources)),
            move.to.value,
            _or_empty(move.fence),
            _or_empty(move.rev),
            "1" if move.take_fence else "",
            _or_empty(move.look_in_s),
            self._keep.after(move.to),
            move.name,
            json.dumps(dict(move.note), separators=(",", ":")),
            _or_empty(move.deadline_in_s),
            secrets.token_hex(6),
            *_flat(move.changes),
        ]
        with store_errors():
            done, *rest = self._transition(keys=[self._job(job_id)], args=args)
        if not done:
            state, rev = rest[0].decode(), rest[1]
            if not state:
                raise UnknownJob(f"no job {job_id} is on record")
            raise Conflict(f"{move.name} refused: job {job_id} is {state} at revision {rev}")
        return Applied(rev=rest[0], fence=rest[1], at=float(rest[2]))

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
        with store_errors():
            state = self._forget(keys=[self._job(job_id)], args=[self._prefix, job_id, by]).decode()
        if not state:
            raise UnknownJob(f"no job {job_id} is on record")
        if state != State.DEAD:  # redriven meanwhile, perhaps: an open job is never removed
            raise Conflict(f"job {job_id} is {state}; only dead letters are purged")

    def annotate(self, job_id: str, fields: Mapping[str, str]) -> bool:
        """Add fields to a record, whatever its state: what is learnt after a job's end. False where it is gone."""
        with store_errors():
            return bool(self._annotate(keys=[self._job(job_id)], args=list(_flat(fields))))

    def trim(self) -> int:
        """Drop index entries of dead letters whose records are past their retention. Returns how many."""
        with store_errors():
            return int(self.redis.zremrangebyscore(f"{self._prefix}:dead", "-inf", self.now() - self._keep.dead_s))

    def now(self) -> float:
        """The store's clock: the one by which deadlines and leases run, whatever the hosts' clocks say."""
        with store_errors():
            seconds, micros = self.redis.time()
        return float(seconds) + float(micros) / 1e6

    def _job(self, job_id: str) -> str:
        return f"{self._prefix}:job:{job_id}"


def journalled(script: str) -> str:
    """A script with the journal's function before it: what it moves goes into the audit log in the same step."""
    return _text("journal.lua") + script


def _script(name: str) -> str:
    return journalled(_text(name))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _flat(fields: Mapping[str, Any]) -> Iterator[str]:
    for key, value in fields.items():
        yield key
        yield str(value)


def _or_empty(value: float | None) -> str:
    return "" if value is None else repr(value)
