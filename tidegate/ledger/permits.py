"""Permits: what lets a claimed job's call go to one of a lane's deployments, and what that call came to.

A lane's gate (`gate.lua`) is told with each take what the lane allows; a claim that it lets through writes a permit on
the record, and every move out of `running` settles it. Both happen in the script that moves the job, so nothing stays
reserved, whoever dies.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tidegate.budget import Budget
from tidegate.deployment import Deployment, Limits
from tidegate.lane import Lane, Zone
from tidegate.limiting import counted
from tidegate.prices import NANO, Rate, rate

Verdict = Literal["granted", "open", "limited", "budget", "elsewhere"]
"""`open`: every deployment is left alone. `limited`: no room before the deadline. `budget`: none is left.
`elsewhere`: none of them computes where the job may be computed."""

Class = Literal["ok", "job", "limited", "failed", "down", ""]
"""What a call tells of its deployment. `job`: it answered, and the job was at fault; `failed`: it counts for the
breaker; `down`: nothing will work there for a while; '': nothing at all, perhaps it was never called."""

SIGNALS_CHARS_PER_TOKEN = 4.0
"""At which the router estimates a prompt's tokens; each lane knows its own rate."""

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
    """Of the verdict `budget`: the budget that has no room."""
    lent: bool = False
    """Whether there may be room again when other runs have settled what is held for them."""
    tokens: int = 0
    """Estimate, reserved."""
    nano: int = 0
    """Estimate, reserved: billionths of a dollar."""
    probe: bool = False
    """The one call that tries a deployment which was left alone."""

    @property
    def usd(self) -> float:
        """Estimate, reserved."""
        return self.nano / NANO

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
    prompt: int | None = None
    """Tokens read, and below, tokens written: for `tidegate costs`."""
    completion: int | None = None
    model: str | None = None
    """Which was ordered, where no permit says so."""
    saved_usd: float | None = None
    """What the same would have cost outside, of a run inside."""
    took_s: float | None = None
    hedge: Literal["", "first", "second", "unused"] = ""
    """Where the run may have had a second call: whose answer counted; `unused` where it was never made."""
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
    whole, each = counted(lane)
    limits, own = _given(whole), [_given(one) for one in each]
    if lane.backend in UNGATED and not (limits or any(own) or lane.deployments or accounts):
        return ""
    said: dict[str, Any] = {
        "limits": limits,
        "deployments": [
            {
                "name": one.name,
                "weight": one.weight,
                "limits": most,
                "model": one.model,
                "price": _price(lane, one),
                "region": one.region or _NOWHERE[lane.zone],
            }
            for one, most in zip(lane.every_deployment, own, strict=True)
        ],
        "breaker": lane.breaker.model_dump(),
        "retry": lane.retry.budget,
        "stretch": SIGNALS_CHARS_PER_TOKEN / lane.chars_per_token,
    }
    if accounts:
        said["accounts"] = [dict(account) for account in accounts]
    return _json(said)


def accounts_of(lane: Lane, budgets: Iterable[Budget]) -> list[dict[str, Any]]:
    """The budgets that count what runs on a lane, as budget.lua reads them."""
    return [
        {
            "name": budget.name,
            "per": budget.per.value,
            "each": budget.each is not None,
            "hard": budget.hard and lane.zone is Zone.OUTSIDE,
            **({"tenants": list(budget.tenants)} if budget.tenants else {}),
            **({} if budget.usd is None else {"usd": round(budget.usd * NANO)}),
            **({} if budget.tokens is None else {"tokens": budget.tokens}),
        }
        for budget in budgets
        if budget.covers(lane)
    ]


def _price(lane: Lane, deployment: Deployment) -> dict[str, float]:
    """At most so much for a million tokens; nothing where nobody knows: such a lane is not served at all."""
    found = rate(lane, deployment) or Rate(input_nano=0.0, output_nano=0.0)
    return {"input_usd": found.input_nano / 1000, "output_usd": found.output_nano / 1000}


def _given(limits: Limits) -> dict[str, Any]:
    return dict(limits.model_dump(exclude_none=True))


def _json(said: Mapping[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":"))
