"""Outcomes: carries out in the ledger what follows a failed run. What follows is decided in `failures`."""

import contextlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.doorbell import Doorbell
from tidegate.errors import BrokerUnavailable, EngineCrashed, RunError
from tidegate.lane import Lane, Zone
from tidegate.ledger import states
from tidegate.ledger.permits import Settled
from tidegate.ledger.record import Record
from tidegate.ledger.states import Move, State
from tidegate.ledger.store import Ledger
from tidegate.logs import logger
from workers import failures
from workers.failures import Action, Outcome

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failed run, and everything that decides what follows."""

    record: Record
    lane: Lane
    fence: int
    error: Exception
    gated: bool = False
    """Whether the lane has a gate."""
    settled: Settled | None = None
    """What the call came to, where it had a permit."""

    @property
    def lanes(self) -> tuple[str, ...]:
        """The lanes that the job may take, in order."""
        return self.record.decided.lanes if self.record.decided else (self.lane.name,)

    @property
    def lane_index(self) -> int:
        """Where the present lane stands among them; past the end where it is none of them."""
        return self.lanes.index(self.lane.name) if self.lane.name in self.lanes else len(self.lanes)

    @property
    def tries(self) -> int:
        """Runs on this lane that failed, this one included."""
        return self.record.tries + 1

    @property
    def crashes(self) -> int:
        """Runs that ended with their engine or their worker, this one included where it did."""
        return self.record.crashes + isinstance(self.error, EngineCrashed)

    @property
    def probes(self) -> int | None:
        """How often the job tried before what was left alone, where this run tried it and failed; else None."""
        permit = self.record.permitted
        failed = self.settled is not None and self.settled.outcome in ("failed", "down")
        return self.record.probes if permit is not None and permit.probe and failed else None

    @property
    def blamed(self) -> int:
        """Those of them that count against it: every engine's does, since it is alone in its second one."""
        return self.record.blamed + isinstance(self.error, EngineCrashed)

    @property
    def note(self) -> dict[str, str]:
        """For history and logs. Our own errors' messages carry no text of a job; anybody else's might."""
        said = {"said": str(self.error)} if isinstance(self.error, RunError) else {}
        return {"error": type(self.error).__name__, "lane": self.lane.name, **said}


@dataclass(frozen=True)
class Outcomes:
    """Moves a job on after a failed run."""

    ledger: Ledger
    doorbell: Doorbell
    nudge_s: float = field(kw_only=True)

    def follow(self, failure: Failure) -> None:
        """Retry later, next lane, or dead letter. Raises Conflict where the run had lost its lease."""
        record = failure.record
        outcome = self._outcome(failure)
        log.warning(
            "job.failed", job=record.id, action=outcome.action.value, reason=outcome.reason.value, **failure.note
        )
        self._move(record, _MOVES[outcome.action](failure, outcome, self.nudge_s))

    def _outcome(self, failure: Failure) -> Outcome:
        around: dict[str, Any] = {
            "lane_index": failure.lane_index,
            "lanes": failure.lanes,
            "retry": failure.lane.retry,
            "random_unit": random.random(),  # noqa: S311 - jitter, not a secret
            "time_left_s": failure.record.deadline_at - self.ledger.now(),
        }
        held = failure.record.held if failure.gated else None
        outcome = failures.decide(
            failure.error,
            tries=failure.tries,
            crashes=failure.blamed,
            held=held,
            others=len(failure.lane.every_deployment) > 1,
            probes=failure.probes,
            **around,
        )
        if failure.gated and outcome.action is Action.RETRY and not self.ledger.line.retry(failure.lane.name):
            return failures.beyond_budget(outcome, **around)
        return outcome

    def hand_back(self, record: Record, *, fence: int, settled: Settled | None = None) -> None:
        """This process has to go, or a batch did not try the job: another of the lane takes it."""
        self._move(record, states.hand_back(fence=fence, changes={}, nudge_s=self.nudge_s, settled=settled))

    def wake(self, lane: str, job_id: str, *, priority: int) -> None:
        """Wake somebody who serves a lane."""
        with contextlib.suppress(BrokerUnavailable):  # the janitor sends it again
            self.doorbell.ring_lane(lane, job_id, priority=priority)

    def wake_router(self, job_id: str, *, priority: int) -> None:
        """Wake a router: a job of ours came back to it."""
        with contextlib.suppress(BrokerUnavailable):  # the janitor sends it again
            self.doorbell.ring_router(job_id, priority=priority)

    def _move(self, record: Record, move: Move) -> None:
        applied = self.ledger.apply(record.id, move)
        if move.to is State.PLACED and applied.ring:
            self.wake(move.changes.get("lane") or record.lane or "", record.id, priority=record.priority)
        if applied.left:
            self.wake(record.lane or "", applied.left, priority=record.priority)


def _retry(failure: Failure, outcome: Outcome, _nudge_s: float) -> Move:
    return states.wait(
        fence=failure.fence,
        delay_s=outcome.delay_s,
        tries=failure.tries,
        note=failure.note,
        crashes=failure.crashes,
        blamed=failure.blamed,
        settled=failure.settled,
    )


def _pause(failure: Failure, outcome: Outcome, _nudge_s: float) -> Move:
    return states.wait(
        fence=failure.fence,
        delay_s=outcome.delay_s,
        tries=failure.record.tries,
        note=failure.note,
        settled=failure.settled,
    )


def _hold(failure: Failure, _outcome: Outcome, nudge_s: float) -> Move:
    probed = failure.probes is not None
    return states.hold(
        fence=failure.fence,
        held=failure.record.held + (not probed),
        probes=failure.record.probes + probed,
        nudge_s=nudge_s,
        note=failure.note,
        settled=failure.settled,
    )


def _next_lane(failure: Failure, _outcome: Outcome, nudge_s: float) -> Move:
    lane = failure.lanes[failure.lane_index + 1]
    cleared = failure.record.decided.cleared if failure.record.decided else ()
    return states.hop(
        fence=failure.fence,
        lane=lane,
        zone=(Zone.OUTSIDE if lane in cleared else Zone.INSIDE).value,
        nudge_s=nudge_s,
        note={**failure.note, "to": lane},
        settled=failure.settled,
    )


def _die(failure: Failure, outcome: Outcome, _nudge_s: float) -> Move:
    note = failure.note
    return states.die(
        reason=outcome.reason,
        cause=f"{note['error']} on {note['lane']}" + (f": {note['said']}" if "said" in note else ""),
        sources=states.HELD,
        fence=failure.fence,
        changes={"model": failure.lane.model},
        note=note,
        settled=failure.settled,
    )


_MOVES: Mapping[Action, Callable[[Failure, Outcome, float], Any]] = {
    Action.RETRY: _retry,
    Action.HOLD: _hold,
    Action.PAUSE: _pause,
    Action.NEXT_LANE: _next_lane,
    Action.DEAD: _die,
}
