"""Budget: what may be spent, by whom, where, and in what time. As it is written in a policy, and its periods.

What has been spent lies in the store, beside the ledger: see `tidegate.ledger.accounts`.
"""

import math
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tidegate.lane import Lane, Zone
from tidegate.value import Name, OneOrMany, Value, many

EVERYBODY = "*"
"""The account of a budget that is one for all; no tenant's name has a star."""


class Per(StrEnum):
    """The time for which a budget is given, in UTC: it begins anew at midnight, or on the first of the month."""

    DAY = "day"
    MONTH = "month"

    def key(self, at: float) -> str:
        """The period of a moment, as it stands in a key of the store: `20261122` or `202611`."""
        return _utc(at).strftime("%Y%m%d" if self is Per.DAY else "%Y%m")

    def end(self, at: float) -> float:
        """When the period of a moment is over, in Unix seconds."""
        day = _utc(at).replace(hour=0, minute=0, second=0, microsecond=0)
        days = 1 if self is Per.DAY else monthrange(day.year, day.month)[1] - day.day + 1
        return (day + timedelta(days=days)).timestamp()


class Budget(Value):
    """What may be spent in a day or a month, counted by UTC."""

    name: Name
    tenant: OneOrMany[Name] | None = None
    """Whose jobs count; everybody's where not given."""
    each: Literal["tenant"] | None = None
    """`tenant`: so much for each tenant, instead of for all of them together."""
    lane: OneOrMany[Name] | None = None
    """The lanes that count; all lanes outside where not given."""
    per: Per
    """`day` or `month`, in UTC."""
    usd: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """So many dollars."""
    tokens: Annotated[int, Field(ge=1, le=10**15)] | None = None
    """So many tokens, read and written together."""
    hard: bool = True
    """Past it no lane outside takes a job. `false`: lanes inside go first, and the decision says why."""
    warn_at: Annotated[float, Field(gt=0, le=1)] = 0.8
    """The share at which it is told that it comes to its end."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.usd is None and self.tokens is None:
            raise ValueError("give usd, tokens, or both: without either it limits nothing")
        return self

    @property
    def lanes(self) -> tuple[str, ...]:
        """The lanes that it names."""
        return () if self.lane is None else many(self.lane)

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants that it names."""
        return () if self.tenant is None else many(self.tenant)

    @property
    def always(self) -> tuple[str, ...]:
        """The accounts that it has before anybody has spent anything."""
        return self.tenants if self.each else (EVERYBODY,)

    def covers(self, lane: Lane) -> bool:
        """Whether what runs there counts."""
        return lane.name in self.lanes if self.lane is not None else lane.zone is Zone.OUTSIDE

    def concerns(self, tenant: str) -> bool:
        """Whether this tenant's jobs count."""
        return self.tenant is None or tenant in self.tenants

    def account(self, tenant: str) -> str:
        """On whose account a tenant's job goes."""
        return tenant if self.each else EVERYBODY


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(math.floor(at), tz=UTC)  # whole seconds: a fraction may round to the next day
