"""Permits: what lets a claimed job's call go to one of a lane's deployments, and what that call came to.

A lane's gate (`gate.lua`) is told with each take what the lane allows; a claim that it lets through writes a permit on
the record, and every move out of `running` settles it. Both happen in the script that moves the job, so nothing stays
reserved, whoever dies.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tidegate.lane import Lane, Zone

Verdict = Literal["granted", "open", "limited", "budget", "elsewhere"]
"""`open`: every deployment is left alone after failures. `limited`: no room before the deadline. `budget`: it is spent.
`elsewhere`: none of them computes where the job may be computed."""

Class = Literal["ok", "job", "limited", "failed", "down", ""]
"""What a call tells of its deployment. `job`: it answered, and the job was at fault; `failed`: it counts for the
breaker; `down`: nothing will work there for a while; '': nothing at all, perhaps it was never called."""

UNGATED = frozenset({"llama_cpp", "noop"})
"""Backends of this process: they have no provider that could be away, so without limits they need no gate."""


@dataclass(frozen=True, kw_only=True)
class Permit:
    """What the gate said of a claimed job."""

    verdict: Verdict
    deployment: str = ""
    """Whom to call."""
    again_s: float | None = None
    """Where it was not granted: after how many seconds it is worth asking again."""
    account: str = ""
    """Of the verdict `budget`: the account that is exhausted."""
    tokens: int = 0
    """Estimate, reserved."""
    usd: float = 0.0
    """Estimate, reserved."""
    probe: bool = False
    """The one call that tries a deployment which was left alone."""

    @classmethod
    def read(cls, text: str) -> "Permit":
        """From a record. What a later release adds is passed over."""
        said = json.loads(text)
        return cls(**{name: said[name] for name in cls.__dataclass_fields__ if name in said})


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What a call came to. Where a run ends without one (its worker died, say), the estimate stands."""

    outcome: Class = ""
    error: str = ""
    """The class of the error; '' where there was none."""
    tokens: int | None = None
    """What was used; None: nobody knows, the estimate stands."""
    usd: float | None = None
    """What it cost; None: nobody knows, the estimate stands."""
    took_s: float | None = None
    heard: Mapping[str, float] = field(default_factory=dict)
    """What the provider said of its limits: `retry_after_s`, `requests_limit`, `requests_left`, `requests_reset_s`, and
    the same of `tokens`."""

    @property
    def wire(self) -> str:
        """As the scripts read it."""
        said = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return _json({name: value for name, value in said.items() if value not in (None, "", {})} or {"outcome": ""})


_NOWHERE: Mapping[Zone, str] = {Zone.INSIDE: "*", Zone.OUTSIDE: ""}
"""The region of what names none, see Lane.deployments_in: inside it is any, outside it is none that a job may need."""


def gate_of(lane: Lane, *, accounts: Sequence[Mapping[str, Any]] = ()) -> str:
    """What a lane allows, as gate.lua reads it; '' for a lane that needs no gate."""
    limits, own = _given(lane.limits), [_given(one.limits) for one in lane.every_deployment]
    if lane.backend in UNGATED and not (limits or any(own) or lane.deployments or accounts):
        return ""
    if len(own) == 1:  # one place instead of two that count the same calls
        own, limits = [{**limits, **{name: min(most, limits.get(name, most)) for name, most in own[0].items()}}], {}
    said: dict[str, Any] = {
        "limits": limits,
        "deployments": [
            {"name": one.name, "weight": one.weight, "limits": most, "region": one.region or _NOWHERE[lane.zone]}
            for one, most in zip(lane.every_deployment, own, strict=True)
        ],
        "breaker": lane.breaker.model_dump(),
        "retry": lane.retry.budget,
    }
    if lane.price:
        said["price"] = lane.price.model_dump()
    if accounts:
        said["accounts"] = [dict(account) for account in accounts]
    return _json(said)


def _given(limits: Any) -> dict[str, int]:
    return dict(limits.model_dump(exclude_none=True))


def _json(said: Mapping[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":"))
