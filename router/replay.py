"""Two policies over recorded decisions: which jobs change lane, what leaves, what it costs, how long lanes would wait.

Recorded decisions hold signals, never text, so nothing is inspected and nothing runs. Waits come from the queueing
model of `simulate`; costs, from prices and the tokens that a job asks for.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from router.policy.engine import decide
from router.policy.model import Policy
from router.policy.simulation.fleet import Served, fleet
from router.policy.simulation.run import Limits, simulate
from router.policy.simulation.traffic import replayed, service_times
from router.recorded import Recorded
from router.signals.sensitivity.levels import judged_anew
from tidegate.decision import Decision
from tidegate.signals import Signals

DAY_S = 86_400.0

_LEAST_SPAN_S = 3600.0
"""A cost for a day is not told from less than this."""

_SEED = 1
_WALL_S = 10.0

Lanes = tuple[str | None, str | None]


@dataclass(frozen=True)
class Replayed:
    """What another policy would have done with the same jobs."""

    jobs: int
    moved: int
    moves: dict[Lanes, int]
    """From lane to lane, the most frequent first; None is a dead letter."""
    sensitive_out: int
    """Sensitive jobs that may leave as they are by the new policy and might not by the old one."""
    dead_before: int
    dead_after: int
    cost_usd: float
    """The change over the whole time."""
    span_s: float
    unpriced: tuple[str, ...]
    """Lanes outside without a known price: the cost leaves them out."""
    waits_s: dict[str, tuple[float | None, float | None]]
    """For each lane, the mean wait before and after. None where no job went."""

    @property
    def cost_usd_a_day(self) -> float | None:
        """The change of a day; None where the recording is too short to tell."""
        return self.cost_usd / self.span_s * DAY_S if self.span_s >= _LEAST_SPAN_S else None


def replay(before: Policy, after: Policy, records: Sequence[Recorded]) -> Replayed:
    """Decide every job by both."""
    moves: Counter[Lanes] = Counter()
    sensitive_out = dead_before = dead_after = 0
    cost = 0.0
    old_fleet, new_fleet = (_fleet(policy, records) for policy in (before, after))
    for record in records:
        old = decide(before, record.signals, traced=False)
        new = decide(after, _judged_anew(record.signals, before, after), traced=False)
        was, becomes = _first(old), _first(new)
        moves[was, becomes] += was != becomes
        sensitive_out += record.signals.sensitivity.level.sensitive and _clear(new) and not _clear(old)
        dead_before += was is None
        dead_after += becomes is None
        cost += new_fleet[becomes].cost_usd(record.signals) if becomes else 0.0
        cost -= old_fleet[was].cost_usd(record.signals) if was else 0.0
    served = (*old_fleet.values(), *new_fleet.values())
    return Replayed(
        jobs=len(records),
        moved=moves.total(),
        moves={lanes: count for lanes, count in moves.most_common() if count},
        sensitive_out=sensitive_out,
        dead_before=dead_before,
        dead_after=dead_after,
        cost_usd=cost,
        span_s=max(0.0, records[-1].at - records[0].at) if records else 0.0,
        unpriced=tuple(sorted({lane.lane.name for lane in served if lane.input_usd is None})),
        waits_s=_waits(before, after, records),
    )


def _clear(decision: Decision) -> bool:
    """Whether the job itself leaves, and not a redacted copy."""
    return bool(decision.cleared) and not decision.redacted


def _judged_anew(signals: Signals, before: Policy, after: Policy) -> Signals:
    """The same findings, by what they mean to the policy that would be."""
    was, now = before.sensitivity.table, after.sensitivity.table
    if was == now:
        return signals
    return signals.model_copy(update={"sensitivity": judged_anew(signals.sensitivity, was=was, now=now)})


def _first(decision: Decision) -> str | None:
    return decision.lanes[0] if decision.lanes else None


def _waits(before: Policy, after: Policy, records: Sequence[Recorded]) -> dict[str, tuple[float | None, float | None]]:
    old, new = _mean_waits(before, records), _mean_waits(after, records)
    return {lane: (old.get(lane), new.get(lane)) for lane in dict.fromkeys((*old, *new))}


def _mean_waits(policy: Policy, records: Sequence[Recorded]) -> dict[str, float]:
    arrivals = replayed(records, speed=1.0)
    tally = simulate(policy, arrivals, fleet=_fleet(policy, records), seed=_SEED, limits=Limits(wall_s=_WALL_S))
    return {name: sum(lane.waits_s) / len(lane.waits_s) for name, lane in tally.lanes.items() if lane.waits_s}


def _fleet(policy: Policy, records: Sequence[Recorded]) -> dict[str, Served]:
    return fleet(policy.lanes, given_s={}, measured_s=service_times(records), workers={}, failing={})
