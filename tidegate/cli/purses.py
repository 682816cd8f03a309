"""What is left of the policy's budgets: for `tidegate costs --budgets`, and whoever else shows it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from tidegate.cli.console import table, usd
from tidegate.ledger.accounts import Account
from tidegate.prices import NANO


def facts(one: Account) -> dict[str, Any]:
    """For programs."""
    budget = one.budget
    return {
        "budget": budget.name,
        "account": one.name,
        "lanes": list(budget.lanes) or "outside",
        "per": budget.per.value,
        "hard": budget.hard,
        "usd": {
            "limit": budget.usd,
            "spent": one.spent_nano / NANO,
            "held": one.held_nano / NANO,
            "left": one.free_usd,
        },
        "tokens": {
            "limit": budget.tokens,
            "spent": one.spent_tokens,
            "held": one.held_tokens,
            "left": one.free_tokens,
        },
        "used": one.used,
        "state": state_of(one),
        "ends_at": one.ends_at,
    }


def state_of(one: Account) -> str:
    """In a word."""
    if one.used >= 1:
        return "spent"
    return "warned" if one.used >= one.budget.warn_at else "ok"


def shown(accounts: Sequence[Account]) -> Table | str:
    """For people."""
    if not accounts:
        return "the policy has no budgets"
    headings = ("budget", "of", "per", "kind", "limit", "spent", "held", "left", "used", "state", "until (UTC)")
    return table(headings, (row for one in accounts for row in _rows(one)))


def _rows(one: Account) -> list[tuple[Any, ...]]:
    budget = one.budget
    ends = dt.datetime.fromtimestamp(one.ends_at, tz=dt.UTC).strftime("%Y-%m-%d %H:%M")
    of = "all" if one.name == "*" else one.name
    head = (budget.name, of, budget.per.value, "hard" if budget.hard else "soft")
    tail = (f"{one.used:.0%}", state_of(one), ends)
    money = (usd(budget.usd), usd(one.spent_nano / NANO), usd(one.held_nano / NANO), usd(one.free_usd))
    tokens = tuple(
        f"{count:,} tokens" for count in (budget.tokens or 0, one.spent_tokens, one.held_tokens, one.free_tokens or 0)
    )
    rows = [(*head, *money, *tail)] if budget.usd is not None else []
    return rows + ([(*head, *tokens, *tail)] if budget.tokens is not None else [])
