"""How much room is left: what is in, held against the limits past which jobs are refused."""

from typing import Any

from rich.table import Table

from tidegate.cli.console import seconds, table
from tidegate.ledger.pressure import Use

TENANTS_SHOWN = 3
"""The largest ones: those that may come to their limit."""


def facts(use: Use) -> dict[str, Any]:
    """For programs."""
    return {
        "open": {"used": use.open_, "limit": use.limits.open_},
        "tenants": {"used": use.tenants, "limit": use.limits.per_tenant},
        "wait_s": {"used": use.oldest_s, "limit": use.limits.wait_s},
        "memory_bytes": {"used": _wanted(use), "limit": _memory_limit(use)},
        "ends_per_s": use.ends_per_s,
    }


def shown(use: Use) -> Table:
    """For people."""
    rows: list[tuple[Any, ...]] = [("open jobs", use.open_, use.limits.open_, _percent(use.open_, use.limits.open_))]
    for tenant, count in list(use.tenants.items())[:TENANTS_SHOWN]:
        rows.append((f"of tenant {tenant}", count, use.limits.per_tenant, _percent(count, use.limits.per_tenant)))
    rows.append(
        ("oldest waiting", seconds(use.oldest_s), seconds(use.limits.wait_s), _percent(use.oldest_s, use.limits.wait_s))
    )
    used, most = _wanted(use), _memory_limit(use)
    rows.append(("store, with what is reserved", _mb(used), _mb(most) or "no limit", _percent(used, most)))
    return table(("room", "used", "limit", ""), rows)


def _wanted(use: Use) -> int | None:
    return None if use.memory_bytes is None else use.memory_bytes + use.reserved_bytes


def _memory_limit(use: Use) -> int | None:
    return None if use.memory_max_bytes is None else int(use.memory_max_bytes * (1 - use.limits.headroom))


def _mb(value: int | None) -> str | None:
    return None if value is None else f"{value / 1e6:.1f} MB"


def _percent(used: float | None, limit: float | None) -> str | None:
    return None if used is None or not limit else f"{100 * used / limit:.0f}%"
