"""The conditions of a rule, as they are written. Pure; what they mean for a job is in `matching`.

A new condition is one field of `When` and one line of the table in `matching`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from router.policy.grammar import Bounds, Grammar, OneOrManyLevels, levels
from router.policy.hours import Hours
from tidegate.job import Latency
from tidegate.signals import Band, Capability, Level
from tidegate.value import Name, OneOrMany, Some

EntityType = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Entities(Grammar):
    """Entity types that the detectors found."""

    any: Some[EntityType] | None = None
    """Holds when one of these types was found."""
    alone: Some[EntityType] | None = None
    """Holds when these types alone make the job sensitive: nothing else was found, and nobody asked for more."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.any is None) == (self.alone is None):
            raise ValueError("give any or alone")
        return self


class LaneWait(Bounds[float]):
    """The estimated wait for a lane, in seconds. A lane that nobody serves waits for ever."""

    lane: Name
    """The lane whose wait is looked at."""


class Health(Grammar):
    """Whether anybody serves a lane."""

    lane: Name
    """The lane that is looked at."""
    state: Literal["up", "down"] = Field(alias="is")
    """`up`: a worker serves it. `down`: nobody does."""


class BudgetLeft(Bounds[float]):
    """What is left of a budget, in USD."""

    lane: Name | None = None
    """The lane whose budget is looked at; or give a tenant."""
    tenant: Name | None = None
    """The tenant whose budget is looked at; or give a lane."""

    @model_validator(mode="after")
    def _whose(self) -> Self:
        if (self.lane is None) == (self.tenant is None):
            raise ValueError("give lane or tenant, whose budget it is")
        return self

    @property
    def key(self) -> str:
        """Under which name the signals hold it."""
        return f"tenant:{self.tenant}" if self.lane is None else f"lane:{self.lane}"


class When(Grammar):
    """Conditions that must all hold. None at all: always."""

    sensitivity: OneOrManyLevels | None = None
    """How sensitive the job is: a level, some levels, or `{at_least: personal}`."""
    entities: Entities | None = None
    """What was found in the text: `{any: [EMAIL_ADDRESS]}`."""
    complexity: OneOrMany[Band] | None = None
    """How hard the job is. `unknown` is a class of its own."""
    tokens: Bounds[int] | None = None
    """The length of the prompt in tokens, estimated at four characters each."""
    max_tokens: Bounds[int] | None = None
    """How long the answer may become, in tokens."""
    needs: OneOrMany[Capability] | None = None
    """What the job needs of a lane; a list means all of these."""
    tenant: OneOrMany[Name] | None = None
    """Whose job it is."""
    task: OneOrMany[Name] | None = None
    """What kind of work the producer says it is. A job that says nothing is of no kind."""
    latency: OneOrMany[Latency] | None = None
    """Whether somebody waits for the answer."""
    time: Hours | None = None
    """The time of the week in UTC: `{from: "18:00", to: "06:00", days: [sat, sun]}`."""
    wait_s: LaneWait | None = None
    """The estimated wait for a lane: `{lane: local-small, over: 20}`."""
    health: Health | None = None
    """Whether anybody serves a lane: `{lane: local-small, is: down}`."""
    budget_left_usd: BudgetLeft | None = None
    """What is left of a budget: `{tenant: acme, under: 5}`."""
    any_of: Some["When"] | None = Field(default=None, alias="any")
    """Holds when one of these holds."""
    all_of: Some["When"] | None = Field(default=None, alias="all")
    """Holds when all of these hold."""
    negated: "When | None" = Field(default=None, alias="not")
    """Holds when this does not. What was not measured neither holds nor does not."""
    expr: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    """An expression in CEL over the same signals. It is looked at last, and lies outside the proof."""

    def levels(self) -> frozenset[Level]:
        """The sensitivity levels that this allows by its own `sensitivity`; all where it says nothing."""
        return frozenset(Level if self.sensitivity is None else levels(self.sensitivity))

    def says(self) -> dict[str, Any]:
        """What is written here, by the field's name in the file."""
        return {
            info.alias or name: value
            for name, info in type(self).model_fields.items()
            if (value := getattr(self, name)) is not None
        }

    def purse_tenants(self) -> frozenset[str]:
        """The tenants whose budgets are asked for here, at any depth."""
        own = {self.budget_left_usd.tenant} if self.budget_left_usd and self.budget_left_usd.tenant else set()
        inner = (*(self.any_of or ()), *(self.all_of or ()), *((self.negated,) if self.negated else ()))
        return frozenset(own).union(*(when.purse_tenants() for when in inner))

    @property
    def proven(self) -> bool:
        """Whether a machine can reason about it: no expression at any depth."""
        inner = (*(self.any_of or ()), *(self.all_of or ()), *((self.negated,) if self.negated else ()))
        return self.expr is None and all(when.proven for when in inner)
