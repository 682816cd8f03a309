"""The line: who waits in the intake or for a lane, and who is next.

A message only says that there is something to do; what is done next is decided here, alike on every broker:

- interactive jobs before batch jobs, but every eighth take is a batch job's, so that none starves;
- among tenants by turns (fair queuing by virtual time): who submits a thousand jobs waits for nobody but himself, and
  who was away has no credit;
- of one tenant's jobs the oldest, where each step of urgency counts like a minute of waiting.

Wake-ups are counted: under backlog a few are enough, because whoever takes a job and leaves others rings again.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from secrets import token_hex
from typing import Any, TypeVar

from tidegate.errors import UnknownJob
from tidegate.lane import Zone
from tidegate.ledger.moving import Applied, Keep, arguments
from tidegate.ledger.permits import Permit
from tidegate.ledger.record import Record
from tidegate.ledger.scripts import Scripts
from tidegate.ledger.states import Move
from tidegate.logs import logger

T = TypeVar("T")

LOOKS, STAY_S = 3, 0.05
"""How often one who found nobody looks again, and how long he waits each time at most: a message takes longer than the
bell in the store, and costs more than both."""

log = logger(__name__)

_INTAKE = b"accepted:intake"

Join = tuple[str, float]
"""Which of a lane's jobs share calls (`Lane.joins`); seconds until the janitor looks at one that waits for another."""

NO_JOIN: Join = ("", 0.0)

_SLOT_FIELDS: Mapping[Zone, str] = {Zone.INSIDE: "payload", Zone.OUTSIDE: "outside"}


class Idle(Enum):
    """Nobody waits."""

    STAY = "stay"
    """Whoever asked should ask again in a moment, and say that he was woken: no wake-up is sent in between."""
    GO = "go"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A run that has begun, and all that it needs."""

    record: Record
    claim: Applied
    slot: str | None
    envelope: bytes | None = field(repr=False)
    """What lies in that slot; None where it expired."""
    ring: str
    """Another job of the lane that somebody should be woken for; '' where enough wake-ups are under way."""
    ring_in_s: float = 0.0
    """When: the lane's gate has no room for it before."""
    more: bool = False
    """Whether more of a gated lane's jobs may begin now than wake-ups are under way."""

    @property
    def permit(self) -> Permit | None:
        """What the lane's gate said; None on a lane without one."""
        return self.record.permitted


@dataclass(frozen=True, kw_only=True)
class Shut:
    """Jobs wait, and the lane's gate has no room for the first of them."""

    ring: str
    """A job of the lane that somebody should be woken for."""
    ring_in_s: float | None
    """When; None where another will be woken for it by then."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """Jobs that one router may place now."""

    jobs: Sequence[tuple[Record, bytes | None]]
    ring: str
    """Another job that a router should be woken for; '' where enough wake-ups are under way."""


class Line:
    """Takes from the line; jobs come into it, and leave it, with their moves."""

    def __init__(self, scripts: Scripts, *, keep: Keep, prefix: str) -> None:
        self._scripts = scripts
        self._keep = keep
        self._prefix = prefix

    def take(
        self,
        lane: str,
        *,
        zone: Zone,
        claim: Move,
        gate: str = "",
        join: Join = NO_JOIN,
        named: str = "",
        woken: bool = False,
        patient: bool = False,
    ) -> Taken | Shut | Idle:
        """The lane's next job, claimed, if there is one and the gate (see `permits.gate_of`) lets it through.

        Those who ask what a run asks already wait for its answer, and none of them is it.
        """
        head = [self._prefix, lane, named, _flag(woken), token_hex(8), _SLOT_FIELDS[zone], _flag(patient), gate, *join]
        found, *rest = self._scripts.run("take", args=[*head, *arguments(claim, keep=self._keep)])
        if not found:
            stay, ring, ring_in_s = rest
            if ring:
                return Shut(ring=ring.decode(), ring_in_s=float(ring_in_s) if ring_in_s else None)
            return Idle.STAY if stay else Idle.GO
        job_id, ring, rev, fence, at, fields, slot, envelope, ring_in_s, more = rest
        record = Record.from_hash(_hash(fields))
        if record.id != job_id.decode():  # by it slots are told apart: see Ledger.get
            raise UnknownJob(f"no job {job_id.decode()} is on record: what lies there says that it is another")
        return Taken(
            record=record,
            claim=Applied(rev=rev, fence=fence, at=float(at)),
            slot=slot.decode() or None,
            envelope=envelope or None,
            ring=ring.decode(),
            ring_in_s=float(ring_in_s or 0),
            more=bool(more),
        )

    def collect(
        self,
        *,
        most: int,
        most_bytes: int,
        look_in_s: float,
        named: str = "",
        woken: bool = False,
        patient: bool = False,
    ) -> Collected | Idle:
        """The intake's next jobs, for one router; who does not place them in that time leaves them to another."""
        args = [self._prefix, most, most_bytes, look_in_s, _flag(woken), named, _flag(patient)]
        ring, stay, *rest = self._scripts.run("collect", args=args)
        if rest:
            return Collected(jobs=list(_readable(rest)), ring=ring.decode())
        return Idle.STAY if stay else Idle.GO

    def stay(self, lane: str | None) -> bool:
        """Wait a moment for a job to come into a lane's line (None: the intake's), and tell whether one did.

        For one who was told to stay: for others there is no bell. Raises StoreUnavailable.
        """
        room = "accepted:intake" if lane is None else f"placed:{lane}"
        return self._scripts.wait(f"{self._prefix}:order:{room}/bell", within_s=STAY_S)

    def hedge(self, lane: str, job_id: str, *, fence: int, gate: str, lease_s: float) -> str | None:
        """A permit for a second call beside that of a run. Names the deployment; None where there is no room for it."""
        args = [self._prefix, lane, job_id, fence, gate, lease_s]
        return self._scripts.run("hedge", args=args).decode() or None

    def retry(self, lane: str) -> bool:
        """Take one retry from a lane's retry budget, if it has one left."""
        return bool(self._scripts.run("retry", args=[self._prefix, lane]))

    def overdue(self) -> list[tuple[str | None, str]]:
        """The lanes (None: the intake) where jobs wait and nobody was woken for a while, with a job to ring for."""
        found = self._scripts.run("overdue", args=[self._prefix])
        return [
            (None if room == _INTAKE else room.decode().partition(":")[2], job_id.decode())
            for room, job_id in zip(found[::2], found[1::2], strict=True)
        ]


def patiently(
    ask: Callable[[bool, bool], T | Idle], *, stay: Callable[[], object], leaving: threading.Event
) -> T | None:
    """Ask (woken, patient) for what is next; where nobody waits stay, and ask again. None: it is time to go."""
    woken = False
    for looks_left in reversed(range(LOOKS + 1)):
        found = ask(woken, looks_left > 0 and not leaving.is_set())
        if not isinstance(found, Idle):
            return found
        if found is Idle.GO:
            return None
        woken = True
        if not leaving.is_set():
            stay()
    return None


def _flag(given: bool) -> str:  # noqa: FBT001 - that is all it takes
    return "1" if given else ""


def _readable(flat: Sequence[Any]) -> Iterator[tuple[Record, bytes | None]]:
    """One record that cannot be read must not hold up those beside it."""
    for job_id, fields, envelope in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
        try:
            record = Record.from_hash(_hash(fields))
        except ValueError as exc:
            log.error("record.unreadable", job=job_id.decode(), error=type(exc).__name__)  # noqa: TRY400 - it may quote
            continue
        if record.id == job_id.decode():  # by it slots are told apart: see Ledger.get
            yield record, envelope or None
        else:
            log.error("record.foreign", job=job_id.decode())


def _hash(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """Lua's answer to HGETALL is a list."""
    fields: Any = iter(flat)
    return dict(zip(fields, fields, strict=True))
