"""Recovery: dead letters whose cause is over go through the router again, without anybody's asking.

Only for reasons that the operators name, each letter so often, so many a second, and one janitor at a time. Whether a
cause is over is asked of `CauseOver`; what else may tell (a provider's breaker that closed, say) is one more of them.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from tidegate import deadletters
from tidegate.deadletters import Choice, Letter
from tidegate.doorbell import Doorbell
from tidegate.errors import Conflict, InvalidSettings, Reason, SubmitRefused, UnknownJob
from tidegate.ledger.census import Census
from tidegate.ledger.store import Ledger, store_errors
from tidegate.logs import logger
from tidegate.names import STORE_PREFIX

EVERY_S = 5.0

SETTLED_S = 10.0
"""A letter lies for this long at least: its lane may be failing still."""

LOOKED_AT = 2_000
"""Letters that one round looks at; the next one goes on from there."""

WHO = "auto"
"""As whom history names us."""

_LANE_FAILED = frozenset(
    {
        Reason.MAX_ATTEMPTS,
        Reason.TIMEOUT,
        Reason.PROVIDER_AUTH,
        Reason.QUOTA_EXHAUSTED,
        Reason.MODEL_MISSING,
    }
)
"""Reasons that can be over: the lane's trouble and not the job's."""

log = logger(__name__)


class CauseOver(Protocol):
    """Tells for a letter whether what it died of is over."""

    def __call__(self, letter: Letter) -> bool:
        """Whether it is."""


@dataclass(frozen=True)
class LaneSucceeds:
    """The letter's lane ended another job well since: the provider is back, the key is good again."""

    succeeded_at: Mapping[str, float]

    def __call__(self, letter: Letter) -> bool:
        """Whether it did."""
        return self.succeeded_at.get(letter.lane or "", 0.0) > letter.ended_at


@dataclass(frozen=True)
class LaneServedAnew:
    """A worker that serves the letter's lane started since: with the model that was missing, it may be."""

    since: Mapping[str, float]

    def __call__(self, letter: Letter) -> bool:
        """Whether one did."""
        return letter.reason == Reason.MODEL_MISSING and self.since.get(letter.lane or "", 0.0) > letter.ended_at


def causes_over(census: Census) -> Sequence[CauseOver]:
    """What can tell today that a cause is over. Raises Unavailable."""
    since: dict[str, float] = {}
    for worker in census.workers():
        for lane in worker.lanes:
            since[lane] = max(since.get(lane, 0.0), worker.since)
    return (LaneSucceeds(census.succeeded_at()), LaneServedAnew(since))


@dataclass(kw_only=True)
class Recovery:
    """Redrives letters whose cause is over. Raises Unavailable."""

    ledger: Ledger
    doorbell: Doorbell
    reasons: frozenset[Reason]
    most_redrives: int
    per_s: float
    causes: Callable[[], Sequence[CauseOver]]
    clock: Callable[[], float] = time.monotonic
    _next_at: float = field(default=0.0, init=False)
    _rest: Iterator[Letter] = field(default_factory=lambda: iter(()), init=False)

    def __call__(self) -> None:
        """Look at some letters, where it is time to and no other janitor does."""
        now = self.clock()
        if not self.reasons or now < self._next_at:
            return
        self._next_at = now + EVERY_S
        if self._mine():
            self._round(most=max(1, int(self.per_s * EVERY_S)))

    def _mine(self) -> bool:
        """Of several janitors one does this round: whoever says its name first."""
        name = f"{STORE_PREFIX}:recovery:{int(self.ledger.now() / EVERY_S)}"
        with store_errors():
            return bool(self.ledger.redis.set(name, "1", nx=True, px=int(EVERY_S * 2000)))

    def _round(self, *, most: int) -> None:
        causes = self.causes()
        redriven = 0
        for letter in self._some():
            if not any(over(letter) for over in causes):
                continue
            redriven += self._redriven(letter)
            if redriven == most:
                return

    def _some(self) -> Iterator[Letter]:
        """The next letters that may be meant; from the beginning again where there are no more."""
        looked_at = 0
        for letter in islice(self._rest, LOOKED_AT):
            looked_at += 1
            if letter.reason in self.reasons and letter.redrives < self.most_redrives:
                yield letter
        if looked_at < LOOKED_AT:
            self._rest = deadletters.chosen(self.ledger, Choice(older_than_s=SETTLED_S))

    def _redriven(self, letter: Letter) -> bool:
        try:
            deadletters.redrive(self.ledger, self.doorbell, self.ledger.get(letter.id), by=WHO)
        except (Conflict, UnknownJob, SubmitRefused) as exc:
            log.info("recovery.left", job=letter.id, error=type(exc).__name__)
            return False
        log.info("recovery.redriven", job=letter.id, lane=letter.lane, reason=letter.reason)
        return True


def reasons_of(text: str) -> frozenset[Reason]:
    """The reasons that a setting names. Raises InvalidSettings for one that is none, or is never over."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in {reason.value for reason in _LANE_FAILED}]
    if wrong:
        can = ", ".join(sorted(reason.value for reason in _LANE_FAILED))
        raise InvalidSettings(f"TIDEGATE_AUTO_REDRIVE: {', '.join(wrong)} is never over by itself; these can be: {can}")
    return frozenset(Reason(name) for name in names)
