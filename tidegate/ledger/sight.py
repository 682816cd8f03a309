"""A lane at a glance: who waits, what runs, what its gate lets through, how calls went, what it cost, in one word.

Puts together what other readers read; nothing here writes, and nothing is known of terminals.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.budget import EVERYBODY, Budget
from tidegate.connections import StoreClient
from tidegate.lane import Lane
from tidegate.ledger.accounts import Account, Accounts
from tidegate.ledger.census import Census
from tidegate.ledger.costs import Costs, Sums
from tidegate.ledger.faults import store_errors
from tidegate.ledger.gates import DeploymentView, Gates, GateView, Use
from tidegate.names import STORE_PREFIX
from tidegate.signals import LaneLoad


class Can(StrEnum):
    """Whether a lane takes jobs now."""

    YES = "ok"
    SLOWED = "slowed"
    """It does, and something holds it back."""
    NO = "stopped"


@dataclass(frozen=True, kw_only=True)
class LaneSight:
    """One lane now."""

    lane: Lane
    load: LaneLoad
    gate: GateView
    today: Sums
    """All runs since midnight (UTC), copies for comparison included."""
    accounts: Sequence[Account]
    """Of the budgets that count it."""
    now: float
    """By the store's clock."""

    @property
    def can(self) -> Can:
        """Whether it takes jobs now."""
        if not self.load.slots or self.gate.open or self.spent:
            return Can.NO
        return Can.SLOWED if self.holds else Can.YES

    @property
    def why(self) -> str:
        """What keeps it from taking jobs, or holds it back; '' where nothing does."""
        if not self.load.slots:
            return "no worker"
        if self.gate.open:
            return _probe(self.gate.deployments, self.now)
        if self.spent:
            return f"budget {self.spent[0].budget.name} is spent"
        return ", ".join(self.holds)

    @property
    def spent(self) -> Sequence[Account]:
        """The hard budgets for all that are spent. One tenant's stops nobody else."""
        return [one for one in self._for_all if one.budget.hard and one.used >= 1]

    @property
    def holds(self) -> Sequence[str]:
        """What holds it back, in words."""
        found = [_word(one, self.now, alone=len(self.gate.deployments) == 1) for one in self.gate.deployments]
        return [word for word in (*found, *_full(self.gate)) if word]

    @property
    def calls(self) -> int:
        """The last calls that ended: what the next three are about."""
        return sum(one.calls for one in self.gate.deployments)

    @property
    def error_rate(self) -> float | None:
        """The share of them that failed on the provider's side."""
        rated = [(one.calls, one.error_rate) for one in self.gate.deployments if one.error_rate is not None]
        return sum(calls * rate for calls, rate in rated) / self.calls if rated and self.calls else None

    @property
    def p50_s(self) -> float | None:
        """How long a call takes, over the deployments by their calls; of a lane without a gate the smoothed time."""
        return _weighed(self.gate.deployments, "p50_s") or (None if self.gate.gated else self.load.service_s)

    @property
    def p95_s(self) -> float | None:
        """The slowest deployment's."""
        return max((one.p95_s for one in self.gate.deployments if one.p95_s is not None), default=None)

    @property
    def left_usd(self) -> float | None:
        """What the scarcest budget for all has left; None where none limits dollars."""
        return min((one.free_usd for one in self._for_all if one.free_usd is not None), default=None)

    @property
    def left_tokens(self) -> int | None:
        """The same in tokens."""
        return min((one.free_tokens for one in self._for_all if one.free_tokens is not None), default=None)

    @property
    def _for_all(self) -> list[Account]:
        return [one for one in self.accounts if one.name == EVERYBODY and not one.budget.tenants]

    @property
    def requests(self) -> Use:
        """Requests in a minute: the lane's, or its deployments' together."""
        return _summed([self.gate.requests_per_minute], [one.requests_per_minute for one in self._apart])

    @property
    def tokens(self) -> Use:
        """Tokens in a minute, as well."""
        return _summed([self.gate.tokens_per_minute], [one.tokens_per_minute for one in self._apart])

    @property
    def _apart(self) -> list[DeploymentView]:
        """Of deployments that share their limits, one."""
        return list({one.shared or f"@{one.name}": one for one in self.gate.deployments}.values())


def sights(
    client: StoreClient, lanes: Mapping[str, Lane], budgets: Iterable[Budget], *, prefix: str = STORE_PREFIX
) -> list[LaneSight]:
    """These lanes now, in the policy's order. Raises StoreUnavailable."""
    with store_errors():
        seconds, micros = client.time()
    counts = Costs(client, prefix=prefix)
    today = counts.today()
    spent: dict[str, Sums] = defaultdict(Sums)
    for line in counts.between(today, today):
        spent[line.lane] += line.sums
    loads, accounts = Census(client, prefix=prefix).loads(lanes), Accounts(client, prefix=prefix).every(budgets)
    return [
        LaneSight(
            lane=lane,
            load=loads[lane.name],
            gate=view,
            today=spent[lane.name],
            accounts=[one for one in accounts if one.budget.covers(lane)],
            now=seconds + micros / 1e6,
        )
        for lane, view in zip(lanes.values(), Gates(client, prefix=prefix).view(lanes.values()), strict=True)
    ]


def _word(one: DeploymentView, now: float, *, alone: bool) -> str:
    """What holds one deployment back."""
    whose = "" if alone else f"{one.name} "
    if one.breaker.state != "closed":
        probe_s = max(0.0, (one.breaker.next_probe_at or now) - now)
        cause = f" after {one.breaker.why}" if one.breaker.why else ""
        return f"{whose}open{cause}, tried in {probe_s:.0f} s" if probe_s else f"{whose}being tried{cause}"
    if one.closed_until is not None:
        return f"{whose}asked to wait {max(0.0, one.closed_until - now):.0f} s more"
    return f"{whose}at {one.share:.0%} of its limits" if one.share < 1 else ""


def _full(gate: GateView) -> list[str]:
    """The limits that have no room now."""
    named = {
        "requests a minute": [gate.requests_per_minute, *(one.requests_per_minute for one in gate.deployments)],
        "tokens a minute": [gate.tokens_per_minute, *(one.tokens_per_minute for one in gate.deployments)],
        "requests a day": [gate.requests_per_day, *(one.requests_per_day for one in gate.deployments)],
        "tokens a day": [gate.tokens_per_day, *(one.tokens_per_day for one in gate.deployments)],
        "concurrent calls": [gate.in_flight, *(one.in_flight for one in gate.deployments)],
    }
    return [f"{what} are used up" for what, uses in named.items() if _all_full(uses[:1], uses[1:])]


def _all_full(own: Sequence[Use], each: Sequence[Use]) -> bool:
    """The lane's limit, or that of every deployment."""
    return any(_is_full(use) for use in own) or (bool(each) and all(_is_full(use) for use in each))


def _is_full(use: Use) -> bool:
    most = use.effective if use.effective is not None else use.configured
    return most is not None and use.used >= most


def _probe(deployments: Sequence[DeploymentView], now: float) -> str:
    first = min(deployments, key=lambda one: one.breaker.next_probe_at or now)
    return _word(first, now, alone=len(deployments) == 1)


def _weighed(deployments: Sequence[DeploymentView], name: str) -> float | None:
    told = [(one.calls, getattr(one, name)) for one in deployments if getattr(one, name) is not None]
    calls = sum(count for count, _ in told)
    return sum(count * value for count, value in told) / calls if calls else None


def _summed(own: Sequence[Use], each: Sequence[Use]) -> Use:
    """The lane's own limit where it has one, else its deployments' together, where each has one."""
    used = max(sum(use.used for use in each), *(use.used for use in own))
    given = [use for use in own if use.configured is not None or use.effective is not None]
    if given:
        return given[0].model_copy(update={"used": used})
    return Use(
        configured=_all_of([use.configured for use in each]),
        effective=_all_of([use.effective for use in each]),
        used=used,
    )


def _all_of(parts: Sequence[float | None]) -> float | None:
    return sum(part for part in parts if part is not None) if parts and None not in parts else None
