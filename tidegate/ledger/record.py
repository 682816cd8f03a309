"""Record: what the ledger knows about one job. Never its text; the vault's slots are named, not opened."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from tidegate.decision import Decision
from tidegate.ledger.permits import Permit
from tidegate.ledger.states import State
from tidegate.value import Value


class Record(Value):
    """One job as the ledger sees it. Times are Unix seconds by the store's clock."""

    id: str
    state: State
    rev: int
    fence: int = 0
    tenant: str = "default"
    latency: str = "interactive"
    priority: int = 5
    accepted_at: float
    queued_at: float | None = None
    """Since when it waits for its turn: its acceptance, or its last redrive."""
    updated_at: float
    deadline_at: float
    deadline_s: float | None = None
    """The time that the producer gave it: a redrive gives as much again."""
    look_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    lane: str | None = None
    zone: str | None = None
    worker: str | None = None
    attempts: int = 0
    """Runs that were started, over all lanes."""
    tries: int = 0
    """Runs that failed on the present lane."""
    crashes: int = 0
    """Runs that ended because their process died, or an engine."""
    blamed: int = 0
    """How many of those count against it: it was alone in its process, or it was an engine that died."""
    apart: int = 0
    """How often it waited since its last death, as a suspect, because the process that took it ran another one."""
    held: int = 0
    """How often the present lane's providers had no room after all, and it went back into the line."""
    probes: int = 0
    """How often it tried, on the present lane, whether a provider is back that was not."""
    nudges: int = 0
    redrives: int = 0
    asked_lane: str | None = None
    """The lane that whoever redrove it would like; the policy's word counts."""
    reason: str | None = None
    cause: str | None = None
    payload: str | None = None
    """The vault's slot with the payload, sealed for the inside."""
    outside: str | None = None
    """The slot with the copy that was cleared to leave, sealed for the outside."""
    placeholders: str | None = None
    """The slot with what that copy's placeholders stand for, sealed for the inside; None where nothing was replaced."""
    answer: str | None = None
    """The slot with an answer from outside at which the router has not looked yet: it is nobody's result before."""
    result: str | None = None
    clearance: str | None = None
    decision: str | None = None
    fingerprint: str | None = None
    cost_usd: float | None = None
    spent_nano: int = 0
    """What all of its runs cost, those that failed included: billionths of a dollar."""
    priced: str | None = None
    """Where the price comes from, and of which day it is."""
    rule: str | None = None
    """The rule that decided, as its costs are counted by it."""
    elsewhere: str | None = None
    """What its tokens would cost on the cheapest lane outside that could take it: see `savings`."""
    model: str | None = None
    batch: str | None = None
    """The provider's batch (by our id for it) that the job is in, or that answered it."""
    alone: int = 0
    """1 once a batch gave it back: it is in no other one."""
    tokens: int = 0
    """Of its prompt: the router's estimate."""
    max_tokens: int = 0
    """What it may write at most, by the router's word."""
    permit: str | None = None
    """While it runs on a lane that has a gate: what the gate said, see `permits`."""
    avoid: str | None = None
    """The deployment of its lane that failed it last: another one is preferred."""
    flight: str | None = None
    """What it asks, by a keyed name: jobs of one name may share a call. None for one that shares with nobody."""
    joined: str | None = None
    """The job whose call it waits for, or whose call answered it."""
    shadow_of: str | None = None
    """The job that this one is a copy of: it runs for comparison, and nobody gets its result."""
    agreement: float | None = None
    """On a job that had a copy, and on the copy: 1 where both said the same, 0 where they did not."""
    length_ratio: float | None = None
    """Beside it: the shorter answer's length over the longer one's."""

    @cached_property
    def decided(self) -> Decision | None:
        """The router's decision, where it was made."""
        return Decision.from_json(self.decision) if self.decision else None

    @cached_property
    def permitted(self) -> Permit | None:
        """What the gate said of the present run; None on a lane without one."""
        return Permit.read(self.permit) if self.permit else None

    @property
    def redacted(self) -> dict[str, int] | None:
        """How many values of each type the copy outside has placeholders for; None where nothing was replaced."""
        return self.decided.replaced if self.decided is not None and self.decided.redacted else None

    @classmethod
    def from_hash(cls, fields: Mapping[bytes, bytes]) -> "Record":
        """Read the store's hash. Fields of a later release are passed over, so that releases can overlap."""
        known = {_NAMES[key]: value.decode() for key, value in fields.items() if key in _NAMES}
        return cls.model_validate_strings(known)


class Event(Value):
    """One line of a job's history."""

    at: float
    move: str
    state: State
    rev: int
    fence: int = 0
    note: dict[str, Any] = {}


_NAMES: Mapping[bytes, str] = {name.encode(): name for name in Record.model_fields}
