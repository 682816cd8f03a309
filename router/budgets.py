"""Budgets: what is left of each for a job's tenant, as this router knows it: what the store counted a moment ago."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from router.policy.model import Policy
from tidegate.ledger.accounts import Account, Accounts
from tidegate.logs import logger
from tidegate.signals import BudgetLeft

RECENT_S = 0.25
"""Who asks for each of many jobs need not have each counted: when a run begins, the store counts for itself."""

log = logger(__name__)

MOST_KEPT = 10_000
"""Tenants are anybody's choice."""


@dataclass(frozen=True)
class Left:
    """What a job of one tenant may still spend."""

    budgets: Mapping[str, BudgetLeft] = field(default_factory=dict)
    """By the budget's name."""
    usd: Mapping[str, float] = field(default_factory=dict)
    """By `lane:NAME` and `tenant:NAME`, for conditions: the least that is left of all budgets that count there."""


NOTHING_MEASURED = Left()


class Budgets:
    """Thread-safe: a router decides on several threads."""

    def __init__(self, accounts: Accounts, *, keep_s: float = RECENT_S) -> None:
        self._accounts = accounts
        self._keep_s = keep_s
        self._read: dict[tuple[str, str], tuple[float, Left]] = {}
        self._told: set[tuple[str, str, str, float]] = set()
        self._lock = threading.Lock()

    def left(self, policy: Policy, tenant: str) -> Left:
        """For a tenant's job, by a policy. Raises StoreUnavailable: without it nothing is decided."""
        if not policy.budgets:
            return NOTHING_MEASURED
        key, now = (policy.version, tenant), time.monotonic()
        with self._lock:
            at, found = self._read.get(key, (0.0, NOTHING_MEASURED))
        if found is not NOTHING_MEASURED and now - at < self._keep_s:
            return found
        found = self._measured(policy, tenant)
        with self._lock:
            if len(self._read) >= MOST_KEPT:
                self._read.clear()
            self._read[key] = (time.monotonic(), found)
        return found

    def _measured(self, policy: Policy, tenant: str) -> Left:
        tenants = tuple(dict.fromkeys((tenant, *policy.purse_tenants)))
        wanted = {
            (budget.name, budget.account(one)): (budget, budget.account(one))
            for budget in policy.budgets
            for one in tenants
            if budget.concerns(one)
        }
        read = {(one.budget.name, one.name): one for one in self._accounts.of(wanted.values())}
        self._warn(read.values())

        def of(whose: str) -> list[Account]:
            return [read[budget.name, budget.account(whose)] for budget in policy.budgets if budget.concerns(whose)]

        return Left(
            budgets={one.budget.name: BudgetLeft(usd=one.left_usd, tokens=one.left_tokens) for one in of(tenant)},
            usd={
                **_least((f"tenant:{whose}", one) for whose in tenants for one in of(whose)),
                **_least(
                    (f"lane:{name}", one)
                    for name, lane in policy.lanes.items()
                    for one in of(tenant)
                    if one.budget.covers(lane)
                ),
            },
        )

    def _warn(self, accounts: Iterable[Account]) -> None:
        """Once for each account and period, and once more when it is spent."""
        for one in accounts:
            event = "budget.spent" if one.used >= 1 else "budget.warned"
            key = (one.budget.name, one.name, event, one.ends_at)
            if one.used >= min(1.0, one.budget.warn_at) and key not in self._told:
                if len(self._told) >= MOST_KEPT:
                    self._told.clear()
                self._told.add(key)
                log.warning(event, budget=one.budget.name, account=one.name, used=round(one.used, 3))


def _least(said: Iterable[tuple[str, Account]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, account in said:
        if account.free_usd is not None:
            found[key] = min(account.free_usd, found.get(key, account.free_usd))
    return found
