"""The ledger in Redis: each change is one Lua script, so it happens whole or not at all."""

import json
import math
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

from redis import exceptions

from tidegate.connections import StoreClient
from tidegate.errors import Conflict, StorageFull, StoreUnavailable, UnknownJob
from tidegate.ledger.admission import Limits, refusal
from tidegate.ledger.record import Event, Record
from tidegate.ledger.states import Move, State
from tidegate.names import STORE_PREFIX

_ANNOTATE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
"""


_TELL = """
local at = redis.call('HMGET', KEYS[1], 'state', 'rev', 'fence')
if not at[1] then return 0 end
local clock = redis.call('TIME')
local now = string.format('%.6f', tonumber(clock[1]) + tonumber(clock[2]) / 1000000)
redis.call('RPUSH', KEYS[1] .. ':history', string.format(
  '{"at":%s,"move":"%s","state":"%s","rev":%d,"fence":%d,"note":%s}',
  now, ARGV[1], at[1], tonumber(at[2]), tonumber(at[3]), ARGV[2]))
redis.call('LTRIM', KEYS[1] .. ':history', -200, -1)
-- A history that had gone would come back without an end.
local left = redis.call('TTL', KEYS[1])
if left > 0 then redis.call('EXPIRE', KEYS[1] .. ':history', left) end
return 1
"""

_SEE_ROOM = "return refused(ARGV[1], ARGV[2], 0, ARGV[3]) or {}"


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
        self._accept = client.register_script(_script("admission.lua") + _script("accept.lua"))
        self._transition = client.register_script(_script("admission.lua") + _script("transition.lua"))
        self._annotate = client.register_script(_ANNOTATE)
        self._tell = client.register_script(_TELL)
        self._see_room = client.register_script(_script("admission.lua") + _SEE_ROOM)

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
        return Record.from_hash(fields)

    def get_many(self, job_ids: Iterable[str]) -> list[Record]:
        """The records that exist, in the order asked for, in one round trip."""
        with store_errors(), self.redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hgetall(self._job(job_id))
            return [Record.from_hash(fields) for fields in pipe.execute() if fields]

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
        for ids in self.dead_ids():
            yield from self.get_many(ids)

    def dead_ids(self, *, until: float = math.inf, page: int = 500) -> Iterator[list[str]]:
        """The ids of all dead letters that died by `until`, the oldest first, page by page.

        Letters may come and go meanwhile: none is told twice, and none that stays is passed over.
        """
        since, told = -math.inf, frozenset[bytes]()
        while True:
            # Whoever died in the same microsecond as the last one told is read again, and known.
            with store_errors():
                found = self.redis.zrange(
                    f"{self._prefix}:dead",
                    repr(since),
                    repr(until),
                    byscore=True,
                    offset=0,
                    num=page + len(told),
                    withscores=True,
                )
            fresh = [(job_id, at) for job_id, at in found if job_id not in told]
            if not fresh:
                return
            yield [job_id.decode() for job_id, _ in fresh]
            last = fresh[-1][1]
            told = frozenset(job_id for job_id, at in found if at == last)
            since = last

    def dead_figures(self) -> tuple[int, float | None, float]:
        """How many dead letters are kept, when the oldest of them died, and the time now."""
        since = self.now() - self._keep.dead_s
        with store_errors(), self.redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.zcount(f"{self._prefix}:dead", since, "+inf")
            pipe.zrange(f"{self._prefix}:dead", since, "+inf", byscore=True, offset=0, num=1, withscores=True)
            (seconds, micros), count, oldest = pipe.execute()
        return int(count), oldest[0][1] if oldest else None, float(seconds) + float(micros) / 1e6

    def glance(self, job_ids: Iterable[str], names: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Some fields of each record that exists, in one round trip: for lists, which need not read decisions."""
        ids = list(job_ids)
        with store_errors(), self.redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hmget(self._job(job_id), names)
            rows = pipe.execute()
        for job_id, row in zip(ids, rows, strict=True):
            found = {name: value.decode() for name, value in zip(names, row, strict=True) if value is not None}
            if found:
                yield job_id, found

    def tell(self, job_id: str, move: str, *, note: Mapping[str, Any]) -> None:
        """Put on a job's history what was done with it beside its moves. Raises UnknownJob."""
        with store_errors():
            known = self._tell(keys=[self._job(job_id)], args=[move, json.dumps(dict(note), separators=(",", ":"))])
        if not known:
            raise UnknownJob(f"no job {job_id} is on record")

    def first(self, name: str, *, keep_s: float) -> bool:
        """Whether nobody has said this name lately: of several processes one does what one should do."""
        with store_errors():
            return bool(self.redis.set(f"{self._prefix}:first:{name}", "1", nx=True, px=int(keep_s * 1000)))

    def see_room(self, *, tenant: str) -> None:
        """Raises SubmitRefused where a job of this tenant would be refused now."""
        with store_errors():
            told = self._see_room(args=[self._prefix, tenant, self._limits.wire])
        if told:
            raise refusal(told, tenant=tenant)

    def forget(self, job_id: str) -> None:
        """Remove a dead letter for good: record, history and payload."""
        with store_errors(), self.redis.pipeline(transaction=True) as pipe:
            pipe.watch(self._job(job_id))
            record = self.get(job_id)
            if record.state is not State.DEAD:
                raise Conflict(f"job {job_id} is {record.state}; only dead letters are purged")
            named = (record.payload, record.outside, record.placeholders, record.result)
            slots = [f"{self._prefix}:vault:{slot}" for slot in named if slot]
            pipe.multi()
            pipe.zrem(f"{self._prefix}:dead", job_id)
            pipe.unlink(self._job(job_id), f"{self._job(job_id)}:history", *slots)
            try:
                pipe.execute()
            except exceptions.WatchError:  # redriven meanwhile: an open job is never removed
                raise Conflict(f"job {job_id} was moved meanwhile; only dead letters are purged") from None

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


@contextmanager
def store_errors() -> Iterator[None]:
    """Translate the client's errors: callers never see a vendor's exception."""
    try:
        yield
    except exceptions.OutOfMemoryError:
        raise StorageFull("the store is out of memory: raise its maxmemory, or let jobs end first") from None
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as exc:
        raise StoreUnavailable(f"the store does not answer ({type(exc).__name__}): is it running?") from exc
    except exceptions.ResponseError as exc:
        if str(exc).startswith(("MISCONF", "OOM")) or "MISCONF" in str(exc):
            raise StorageFull("the store cannot write to its disk: free some space in its data folder") from None
        if str(exc).startswith(("LOADING", "BUSY")):
            raise StoreUnavailable("the store is still loading its data") from None
        raise


def _script(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _flat(fields: Mapping[str, Any]) -> Iterator[str]:
    for key, value in fields.items():
        yield key
        yield str(value)


def _or_empty(value: float | None) -> str:
    return "" if value is None else repr(value)
