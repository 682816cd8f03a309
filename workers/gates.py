"""What a worker tells its lanes' gates, and how their word to a job becomes an error like any other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tidegate.errors import BudgetExhausted, LaneOpen, NoClearance, RateLimited, RunError
from tidegate.lane import Lane
from tidegate.ledger.permits import Permit, Verdict, gate_of
from workers.guard import FOREIGN_REGION


@dataclass(frozen=True)
class Gates:
    """The lanes' gates as gate.lua reads them, made anew where a lane has changed."""

    make: Callable[[Lane], str] = gate_of
    _made: dict[str, tuple[Lane, str]] = field(default_factory=dict)

    def forget(self) -> None:
        """What they were made of has changed, beside the lanes."""
        self._made.clear()

    def of(self, lane: Lane) -> str:
        """Of a lane as it is now; '' where it needs none."""
        made = self._made.get(lane.name)
        if made is None or made[0] is not lane:
            made = self._made[lane.name] = (lane, self.make(lane))
        return made[1]


def refusal(permit: Permit, *, latency: str) -> RunError | None:
    """Why a claimed job may not be run on this lane now; None where it may."""
    if permit.verdict == "granted":
        return None
    made = _REFUSALS.get(permit.verdict)
    return made(permit, latency) if made else NoClearance("the gate said what this release does not know")


LENT_S = 2.0
"""Where a budget has no room beside what other runs hold, they may settle for less: a job looks again so much later."""


def _over_budget(permit: Permit, latency: str) -> BudgetExhausted:
    if permit.lent:
        told = f"budget {permit.account} has no room beside what is held for other runs"
        return BudgetExhausted(told, retry_after_s=LENT_S)
    # Nobody waits for it: where its deadline allows, it runs in the next period.
    again_s = permit.again_s if latency == "batch" else None
    return BudgetExhausted(f"budget {permit.account} is exhausted", retry_after_s=again_s)


_REFUSALS: Mapping[Verdict, Callable[[Permit, str], RunError]] = {
    "open": lambda permit, _: LaneOpen(retry_after_s=permit.again_s),
    "limited": lambda permit, _: RateLimited("no room before the job's deadline", retry_after_s=permit.again_s),
    "elsewhere": lambda _permit, _: NoClearance(
        "nothing of the lane is in a region of the job's", refusal=FOREIGN_REGION
    ),
    "budget": _over_budget,
}
