"""Shadow copies: a job runs on another lane as well, for comparison, and the producer never notices.

A copy is a job of its own with an id of its own, marked `shadow_of`, sealed and cleared by the same rules. When both
have ended, what they said is compared and the numbers are put on both records; the copy's answer is dropped then.
Whatever goes wrong with a copy is logged and changes nothing.
"""

import contextlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

from router.placement import Placement
from router.policy.bans import bans
from router.policy.model import Policy
from router.redaction.outcome import Redaction
from tidegate.client import with_values
from tidegate.connections import StoreClient
from tidegate.decision import Decision
from tidegate.errors import Conflict, PayloadMissing, SealBroken, Unavailable, UnknownJob
from tidegate.job import Job
from tidegate.lane import Lane, Zone
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger, store_errors
from tidegate.logs import logger
from tidegate.names import STORE_PREFIX
from tidegate.result import JobResult
from tidegate.vault import Vault, new_slot, own_slot

LAST_PRIORITY = 9
"""A copy waits until nobody else does."""

FIRST_LOOK_S = 1.0
LONGEST_LOOK_S = 60.0
_BATCH = 100

log = logger(__name__)


@dataclass(frozen=True)
class Agreement:
    """How far two answers agree."""

    agreement: float
    length_ratio: float

    def fields(self) -> dict[str, str]:
        """For a record."""
        return {"agreement": repr(self.agreement), "length_ratio": repr(round(self.length_ratio, 4))}


class Shadows:
    """Makes copies, and settles them once both have ended."""

    def __init__(
        self, ledger: Ledger, vault: Vault, placement: Placement, *, nudge_s: float, prefix: str = STORE_PREFIX
    ) -> None:
        self._ledger = ledger
        self._redis: StoreClient = ledger.redis
        self._vault = vault
        self._placement = placement
        self._nudge_s = nudge_s
        self._pending = f"{prefix}:shadows"

    def follow(
        self, record: Record, job: Job, decision: Decision, *, policy: Policy, redaction: Redaction | None = None
    ) -> str | None:
        """Run a copy of a job that was placed, where the decision says so. Returns its id. Never raises."""
        if decision.shadow is None:
            return None
        try:
            return self._copied(record, job, decision, policy=policy, redaction=redaction)
        except Exception as exc:  # noqa: BLE001 - a copy is a favour to the operator: it may cost the job nothing
            log.warning("shadow.failed", job=record.id, lane=decision.shadow, error=type(exc).__name__)
            return None

    def settle(self) -> int:
        """Look at the copies whose time has come. Returns how many are settled. Raises Unavailable."""
        with store_errors():
            now = self._ledger.now()
            due = self._redis.zrange(self._pending, "-inf", now, byscore=True, offset=0, num=_BATCH, withscores=True)
        return sum(self._settled(copy.decode(), now) for copy, _ in due)

    def _copied(
        self, record: Record, job: Job, decision: Decision, *, policy: Policy, redaction: Redaction | None
    ) -> str | None:
        lane = policy.lanes.get(decision.shadow or "")
        if lane is None or lane.name in bans(policy, decision.signals, redacting=decision.redacted):
            # The engine has looked already. This is the second lock: a bug there must not copy a job to the outside.
            log.warning("shadow.refused", job=record.id, lane=decision.shadow)
            return None
        copy_id = uuid.uuid4().hex
        left_s = max(1.0, record.deadline_at - self._ledger.now())
        slot = new_slot(copy_id, "payload")
        body = job.to_json().encode()
        self._ledger.accept(
            copy_id,
            slot=slot,
            envelope=self._vault.seals.seal(Zone.INSIDE, slot, body),
            keep_s=int(left_s) + 3600,
            deadline_s=left_s,
            look_in_s=self._nudge_s,
            fields={
                "tenant": job.tenant,
                "latency": record.latency,
                "priority": str(LAST_PRIORITY),
                "shadow_of": record.id,
            },
        )
        with store_errors():
            self._redis.zadd(self._pending, {copy_id: self._ledger.now() + FIRST_LOOK_S})
        decided = copy_of(decision, lane)
        self._placement.place(self._ledger.get(copy_id), job, decided, rewritten=False, redaction=redaction)
        log.info("shadow.placed", job=record.id, copy=copy_id, lane=lane.name)
        return copy_id

    def _settled(self, copy_id: str, now: float) -> bool:
        try:
            done = self._settle(self._ledger.get(copy_id), now)
        except UnknownJob:
            done = True
        except Unavailable:
            raise
        except Exception as exc:  # noqa: BLE001 - one copy that cannot be read must not hold up all others
            log.warning("shadow.unsettled", copy=copy_id, error=type(exc).__name__)
            done = True
        if done:
            with store_errors():
                self._redis.zrem(self._pending, copy_id)
        return done

    def _settle(self, copy: Record, now: float) -> bool:
        try:
            original = self._ledger.get(copy.shadow_of or "")
        except UnknownJob:
            return self._give_up(copy)
        if original.state.ended and original.state is not State.SUCCEEDED:
            return self._give_up(copy)
        if not (original.state.ended and copy.state.ended):
            waited_s = max(FIRST_LOOK_S, now - copy.accepted_at)
            with store_errors():
                self._redis.zadd(self._pending, {copy.id: now + min(LONGEST_LOOK_S, waited_s / 2)}, xx=True)
            return False
        if copy.state is State.SUCCEEDED:
            self._compare(original, copy)
        else:
            log.info("shadow.settled", job=original.id, copy=copy.id, state=copy.state.value, reason=copy.reason)
        self._clear_away(copy)
        return True

    def _compare(self, original: Record, copy: Record) -> None:
        try:
            found = compared(self._answer(original), self._answer(copy))
        except (PayloadMissing, SealBroken) as exc:  # no longer kept: there is nothing to compare
            log.info("shadow.settled", job=original.id, copy=copy.id, error=type(exc).__name__)
            return
        for record in (original, copy):
            self._ledger.annotate(record.id, found.fields())
        log.info(
            "shadow.settled",
            job=original.id,
            copy=copy.id,
            lane=original.lane,
            shadow=copy.lane,
            agreement=found.agreement,
            length_ratio=round(found.length_ratio, 4),
        )

    def _answer(self, record: Record) -> str:
        """With its values: one of the two may have seen the job as it is, and the other a redacted copy."""
        return with_values(
            JobResult.from_json(self._vault.get(own_slot(record.id, "result", record.result or ""))),
            record,
            self._vault,
        ).text

    def _give_up(self, copy: Record) -> bool:
        """The original has no result, so there is nothing to compare with."""
        with contextlib.suppress(Conflict, UnknownJob):
            self._ledger.apply(copy.id, states.cancel())
        self._clear_away(copy)
        return True

    def _clear_away(self, copy: Record) -> None:
        """Nobody may read the copy's answer, and a copy is no dead letter that anybody should redrive."""
        if copy.result:
            self._vault.drop(copy.result)
        if copy.state is State.DEAD:
            with contextlib.suppress(Conflict, UnknownJob):
                self._ledger.forget(copy.id)


def copy_of(decision: Decision, lane: Lane) -> Decision:
    """The copy's decision: the shadow lane and no other, so that a failure there ends it."""
    outside = lane.zone is not Zone.INSIDE
    changes: dict[str, Any] = {
        "lanes": (lane.name,),
        "zone": Zone.OUTSIDE if outside else Zone.INSIDE,
        "cleared": (lane.name,) if outside else (),
        "redacted": decision.redacted and outside,
        "replaced": decision.replaced if outside else {},
        "shadow": None,
        "overflow": None,
    }
    return decision.model_copy(update=changes)


def compared(one: str, other: str) -> Agreement:
    """The same text but for blanks at its ends, or the same JSON; and how their lengths compare. Pure."""
    one, other = one.strip(), other.strip()
    longer = max(len(one), len(other))
    same = one == other or (_as_json(one) is not None and _as_json(one) == _as_json(other))
    return Agreement(agreement=float(same), length_ratio=min(len(one), len(other)) / longer if longer else 1.0)


def _as_json(text: str) -> str | None:
    """JSON in one way of writing it, whatever the order of its keys; None where it is none."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return None
