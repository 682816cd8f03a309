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

    def of(self, lane: Lane) -> str:
        """Of a lane as it is now; '' where it needs none."""
        made = self._made.get(lane.name)
        if made is None or made[0] is not lane:
            made = self._made[lane.name] = (lane, self.make(lane))
        return made[1]


def refusal(permit: Permit) -> RunError | None:
    """Why a claimed job may not be run on this lane now; None where it may."""
    made = _REFUSALS.get(permit.verdict)
    return made(permit) if made else None


_REFUSALS: Mapping[Verdict, Callable[[Permit], RunError]] = {
    "open": lambda permit: LaneOpen(retry_after_s=permit.again_s),
    "limited": lambda permit: RateLimited("no room before the job's deadline", retry_after_s=permit.again_s),
    "elsewhere": lambda _permit: NoClearance("nothing of the lane is in a region of the job's", refusal=FOREIGN_REGION),
    "budget": lambda permit: BudgetExhausted(f"budget {permit.account} is exhausted"),
}
