"""Admission: how much may be open at a time, and what is said to whom there is no room for.

Refusing happens in `admission.lua`, in the same step that would put the job on record. What is in now: `pressure`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.errors import SubmitRefused

if TYPE_CHECKING:
    from tidegate.settings import Settings

_SHARE = 0.02
"""A refused producer comes back when this part of the limit should have ended."""

_SHORTEST_S, _LONGEST_S, _UNKNOWN_S = 1.0, 300.0, 5.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What may be in at a time. The defaults are those of the settings."""

    open_: int = 500_000
    per_tenant: int = 250_000
    wait_s: float = 21_600.0
    headroom: float = 0.2

    @classmethod
    def of(cls, settings: "Settings") -> "Limits":
        """The limits that are set."""
        return cls(
            open_=settings.max_open,
            per_tenant=settings.max_open_per_tenant,
            wait_s=settings.max_wait_s,
            headroom=settings.store_headroom,
        )

    @classmethod
    def read(cls, wire: str) -> "Limits":
        """From what another process told."""
        open_, per_tenant, wait_s, headroom = wire.split(",")
        return cls(open_=int(open_), per_tenant=int(per_tenant), wait_s=float(wait_s), headroom=float(headroom))

    @property
    def wire(self) -> str:
        """As the script reads them."""
        return f"{self.open_:d},{self.per_tenant:d},{self.wait_s:.3f},{self.headroom:.3f}"


def refusal(told: Sequence[bytes], *, tenant: str) -> SubmitRefused:
    """The error for what the script told: limit, used, allowed, ends a second."""
    limit, used, allowed, ends_per_s = told[0].decode(), float(told[1]), float(told[2]), float(told[3])
    retry_after_s = _retry_after_s(limit, used=used, allowed=allowed, ends_per_s=ends_per_s)
    said = _SAID[limit].format(used=used, allowed=allowed, tenant=tenant, used_mb=used / 1e6, allowed_mb=allowed / 1e6)
    return SubmitRefused(
        f"no room for another job: {said}; try again in {retry_after_s:.0f} s", limit=limit, retry_after_s=retry_after_s
    )


_SAID = {
    "open": "{used:.0f} jobs are open, at most {allowed:.0f} may be (TIDEGATE_MAX_OPEN)",
    "tenant": "tenant {tenant} has {used:.0f} open jobs, at most {allowed:.0f} (TIDEGATE_MAX_OPEN_PER_TENANT)",
    "wait": "the oldest job has been waiting for {used:.0f} s, at most {allowed:.0f} s (TIDEGATE_MAX_WAIT_S)",
    "memory": "the store would need {used_mb:.1f} MB, at most {allowed_mb:.1f} MB (its maxmemory less "
    "TIDEGATE_STORE_HEADROOM)",
}


def _retry_after_s(limit: str, *, used: float, allowed: float, ends_per_s: float) -> float:
    """When a small part of what is in should have ended; scattered, so that those refused do not come back together."""
    if limit == "wait":
        wanted_s = used - allowed
    elif limit == "memory" or ends_per_s <= 0:
        wanted_s = _UNKNOWN_S
    else:
        wanted_s = (used - allowed + 1 + allowed * _SHARE) / ends_per_s
    jitter = random.uniform(0.8, 1.2)  # noqa: S311 - scatter, not a secret
    return min(_LONGEST_S, max(_SHORTEST_S, wanted_s)) * jitter
