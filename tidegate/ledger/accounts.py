"""Accounts: what has been spent of each budget in its present period, as the store holds it. Reads only.

They are written by the scripts that begin and end runs: see budget.lua.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidegate.budget import Budget
from tidegate.connections import StoreClient
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX
from tidegate.prices import NANO

_FIELDS = ("usd", "usd_held", "tokens", "tokens_held")


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account of a budget, in its present period."""

    budget: Budget
    name: str
    """A tenant, or `*` where the budget is one for all."""
    spent_nano: int = 0
    held_nano: int = 0
    """Reserved for runs that have not ended."""
    spent_tokens: int = 0
    held_tokens: int = 0
    ends_at: float = 0.0
    """When the period is over, in Unix seconds."""
    readable: bool = True
    """Whether the store's numbers are numbers; where they are not, all counts as spent."""

    @property
    def left_usd(self) -> float | None:
        """What was not spent; None where no dollars are limited. Below zero where more was spent than expected."""
        if self.budget.usd is None:
            return None
        return self.budget.usd - self.spent_nano / NANO if self.readable else 0.0

    @property
    def left_tokens(self) -> int | None:
        """The same in tokens."""
        if self.budget.tokens is None:
            return None
        return self.budget.tokens - self.spent_tokens if self.readable else 0

    @property
    def free_usd(self) -> float | None:
        """What was neither spent nor reserved."""
        return None if self.left_usd is None else self.left_usd - self.held_nano / NANO

    @property
    def free_tokens(self) -> int | None:
        """The same in tokens."""
        return None if self.left_tokens is None else self.left_tokens - self.held_tokens

    @property
    def used(self) -> float:
        """The share that was spent, of dollars or tokens, whichever is more."""
        if not self.readable:
            return 1.0
        of_usd = 0.0 if self.budget.usd is None else self.spent_nano / NANO / self.budget.usd
        of_tokens = 0.0 if self.budget.tokens is None else self.spent_tokens / self.budget.tokens
        return max(of_usd, of_tokens)


class Accounts:
    """The store's accounts, by the store's clock."""

    def __init__(self, client: StoreClient, *, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        self._prefix = prefix

    def of(self, asked: Iterable[tuple[Budget, str]]) -> list[Account]:
        """Some accounts, in this order. Raises StoreUnavailable."""
        wanted = list(asked)
        if not wanted:
            return []
        now = self._now()
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            for budget, name in wanted:
                pipe.hmget(self._key(budget, now), [f"{name}:{field}" for field in _FIELDS])
            rows = pipe.execute()
        return [_account(budget, name, row, now) for (budget, name), row in zip(wanted, rows, strict=True)]

    def every(self, budgets: Iterable[Budget]) -> list[Account]:
        """All accounts on which something was spent or reserved, and that of a budget for all in any case."""
        wanted = list(budgets)
        now = self._now()
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            for budget in wanted:
                pipe.hgetall(self._key(budget, now))
            rows = pipe.execute()
        return [
            account for budget, row in zip(wanted, rows, strict=True) for account in _accounts(budget, _texts(row), now)
        ]

    def _now(self) -> float:
        with store_errors():
            seconds, micros = self._redis.time()
        return float(seconds) + float(micros) / 1e6

    def _key(self, budget: Budget, now: float) -> str:
        return f"{self._prefix}:budget:{budget.name}:{budget.per.key(now)}"


def _accounts(budget: Budget, row: Mapping[str, str], now: float) -> list[Account]:
    names = {field.rpartition(":")[0] for field in row} | set(budget.always)
    return [
        _account(budget, name, [row.get(f"{name}:{field}") for field in _FIELDS], now)
        for name in sorted(names)
        if name in budget.always or budget.each
    ]


def _account(budget: Budget, name: str, row: Sequence[str | bytes | None], now: float) -> Account:
    ends_at = budget.per.end(now)
    try:
        usd, usd_held, tokens, tokens_held = (int(value or 0) for value in row)
    except ValueError:
        return Account(budget=budget, name=name, ends_at=ends_at, readable=False)
    return Account(
        budget=budget,
        name=name,
        spent_nano=usd,
        held_nano=usd_held,
        spent_tokens=tokens,
        held_tokens=tokens_held,
        ends_at=ends_at,
    )


def _texts(row: Mapping[bytes, bytes]) -> dict[str, str]:
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in row.items()}
