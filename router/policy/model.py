"""What a policy file may say, as values; and `Policy`, the same ready for the engine.

Only the grammar stands here. What rules mean together (missing lanes, doubled names) is the loader's to check.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from router.policy.cases.model import Case
from router.policy.conditions import EntityType, When
from router.policy.grammar import Bounds, Grammar
from router.policy.guarantees import BuiltIn, Written
from router.policy.index import Index
from router.policy.matching import Condition
from router.policy.sensitivity.grammar import Section
from router.policy.truth import Test
from router.signals.sensitivity.lists import AS_SHIPPED, Rules
from tidegate.budget import Budget
from tidegate.budgets import Budgets
from tidegate.lane import Lane, Zone
from tidegate.lanes import Lanes
from tidegate.prices import Rate
from tidegate.signals import Level
from tidegate.value import Many, Name, OneOrMany, Some

Send = OneOrMany[Name]
"""A lane, or lanes in order of preference."""

Weight = Annotated[float, Field(gt=0, le=1_000_000)]
"""A share among the other weights: 95 and 5 mean the same as 0.95 and 0.05."""

Reason = Annotated[str, Field(min_length=1)]


class OverflowWhen(Grammar):
    """When a lane overflows."""

    wait_s: Bounds[float]
    """The estimated wait for the rule's first lane, in seconds: `{over: 20}`."""


class Overflow(Grammar):
    """Where jobs go that would wait too long for the rule's first lane. A sensitive one never overflows outside."""

    to: Name
    """The lane that then goes first, where the job begins there sooner."""
    when: OverflowWhen
    """When it begins: who would wait so long goes."""
    until: OverflowWhen | None = None
    """A lower limit than `when`: once it has begun, who would wait so little stays, and all others go."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.until is not None and self.until.wait_s.meets(self.when.wait_s):
            raise ValueError("until must not hold where when does: the overflow would begin and end at once")
        return self


class Refuse(Grammar):
    """When a job is turned away instead of waiting."""

    when: OverflowWhen
    """The estimated wait for the first lane that the job may take, in seconds: `{wait_s: {over: 600}}`."""


class Rule(Grammar):
    """One rule: if `when` holds, the job goes to `send`. The first rule that matches decides."""

    name: Name
    """What the rule is called in records and explanations."""
    when: Annotated[When, BeforeValidator(lambda written: {} if written is None else written)] = When()
    """Conditions that must all hold; nothing means always."""
    send: Send
    """A lane, or lanes in order of preference."""
    why: Reason
    """The reason in plain words: it is put on record with each decision."""
    overflow: Overflow | None = None
    """Another lane to prefer while the first one is too busy."""
    split: Annotated[dict[Name, Weight], Field(min_length=1)] | None = None
    """Shares of lanes for a canary: `{openai-small: 95, openai-large: 5}`. A conversation stays where it began."""
    shadow: Name | None = None
    """A lane that gets a copy for comparison, where the job itself may go there. Its answer reaches nobody."""
    refuse: Refuse | None = None
    """When a job is refused as `overloaded` instead of waiting."""
    redact: Literal[True] | None = None
    """A sensitive job may go to the rule's lanes outside, with placeholders for what was found in it."""

    @model_validator(mode="after")
    def _one_first(self) -> Self:
        if self.overflow is not None and self.split is not None:
            raise ValueError("give overflow or split, not both: each says which lane goes first")
        return self


class Default(Grammar):
    """Where a job goes that no rule matched: at least one lane must be inside."""

    send: Send
    """A lane, or lanes in order of preference."""
    why: Reason
    """The reason in plain words."""


class For(Grammar):
    """Whose jobs this policy decides, where several policies stand side by side."""

    tenants: Some[Name] | None = None
    """Jobs of these tenants."""
    environments: Some[Name] | None = None
    """In installations with one of these names in TIDEGATE_ENVIRONMENT."""

    @model_validator(mode="after")
    def _for_somebody(self) -> Self:
        if self.tenants is None and self.environments is None:
            raise ValueError("give tenants, environments, or both")
        return self


class PolicyFile(Grammar):
    """A tidegate policy: lanes, rules that choose among them, and what happens when no rule matches."""

    version: Literal[1]
    """The version of this grammar."""
    name: Name | None = None
    """What the policy is called in records; the file's name where not given."""
    include: OneOrMany[str] | None = None
    """Files with lanes, budgets and `sensitivity` that several policies share, relative to this one: `lanes.yaml`."""
    scope: For | None = Field(default=None, alias="for")
    """Whose jobs it decides, where several policies stand side by side."""
    lanes: Lanes
    budgets: Budgets = {}
    """What may be spent in a day or a month, by name: by whom, and on which lanes."""
    rules: Many[Rule] = ()
    """Looked at from the top; the first that matches decides."""
    default: Default
    """Where a job goes that no rule matched."""
    guarantees: Many[Written] = (BuiltIn.NOTHING_SENSITIVE_OUTSIDE,)
    """What no rule may do. The built-in one holds whether it is named or not."""
    sensitivity: Section | None = None
    """What findings mean, what to look for besides, and what to leave out. What is not said stays as shipped."""
    allow_outside: Many[EntityType] = ()
    """Entity types that you declare harmless: they alone keep no job inside. Every tool prints this in red."""
    tests: Many[Case] = ()
    """Cases that the policy must decide as written."""


@dataclass(frozen=True, slots=True)
class ReadyOverflow:
    """An overflow, ready for the engine."""

    to: str
    when: Bounds[float]
    until: Bounds[float] | None = None


@dataclass(frozen=True, slots=True)
class ReadyGuarantee:
    """A guarantee of the operator's, ready for the engine."""

    name: str
    when: When
    test: Test
    lanes: frozenset[str] = frozenset()
    """The lanes that it takes away as a whole."""
    regions: frozenset[str] | None = None
    """The regions that it leaves; None: it does not speak of regions."""
    at_most: Level | None = None
    """The most guarded level that it lets an answer from outside have; None: it does not speak of answers."""

    @property
    def restricts(self) -> bool:
        """Whether it says where a job may go."""
        return bool(self.lanes) or self.regions is not None


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule, ready for the engine."""

    name: str
    when: When
    conditions: tuple[Condition, ...]
    send: tuple[str, ...]
    why: str
    overflow: ReadyOverflow | None = None
    split: tuple[tuple[str, float], ...] = ()
    """Lanes with the upper end of each one's share of [0, 1)."""
    shadow: str | None = None
    refuse: Bounds[float] | None = None
    redact: bool = False
    """Whether its lanes outside get a redacted copy of a sensitive job; without, they get no sensitive job."""

    @property
    def reach(self) -> tuple[str, ...]:
        """Every lane that the rule can send to, by overflow and split too; without the shadow."""
        overflow = (self.overflow.to,) if self.overflow else ()
        return tuple(dict.fromkeys((*self.send, *overflow, *(lane for lane, _ in self.split))))


@dataclass(frozen=True)
class Policy:
    """A policy that was checked, ready for the engine."""

    name: str
    version: str
    """`default@3f9c…`: the name and the first 12 hex digits of the content's SHA-256."""
    lanes: Mapping[str, Lane]
    rules: tuple[ReadyRule, ...]
    default: ReadyRule
    guarantees: tuple[ReadyGuarantee, ...] = ()
    """The operator's own; the built-in one holds beside them."""
    allow_outside: frozenset[str] = frozenset()
    """Entity types that the operator declared harmless: to be printed in red."""
    sensitivity: Rules = field(default=AS_SHIPPED, repr=False, compare=False)
    """How jobs are inspected and judged."""
    budgets: tuple[Budget, ...] = ()
    """What may be spent."""
    rates: Mapping[str, Rate] = field(default_factory=dict, repr=False, compare=False)
    """What a token costs at most on each lane."""
    scope: For | None = None
    """Whose jobs it decides; None: everybody's for whom there is no other."""
    warnings: tuple[str, ...] = ()
    file: PolicyFile | None = field(default=None, repr=False, compare=False)
    """What was written, with the included lanes: for tools that reason about it."""

    @cached_property
    def shelter(self) -> tuple[str, ...]:
        """The lanes inside among the default's: where a job goes when all else fails. The loader sees to one."""
        return tuple(lane for lane in self.default.send if self.lanes[lane].zone is Zone.INSIDE)

    @cached_property
    def outside(self) -> frozenset[str]:
        """The lanes on somebody else's machines."""
        return frozenset(name for name, lane in self.lanes.items() if lane.zone is not Zone.INSIDE)

    def barred_by(self, regions: Collection[str]) -> frozenset[str]:
        """The lanes that compute in none of these regions."""
        return frozenset(name for name, lane in self.lanes.items() if not lane.deployments_in(regions))

    @cached_property
    def purse_tenants(self) -> tuple[str, ...]:
        """The tenants whose budgets a condition asks for, whoever's job it is."""
        whens = (*(rule.when for rule in self.every), *(promise.when for promise in self.guarantees))
        return tuple(sorted(frozenset().union(*(when.purse_tenants() for when in whens))))

    @cached_property
    def index(self) -> Index:
        """The rules, sorted out in advance, so that few are asked for each job."""
        return Index(self.every)

    @cached_property
    def every(self) -> tuple[ReadyRule, ...]:
        """The rules in their order, and the default last."""
        return (*self.rules, self.default)
