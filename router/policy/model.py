"""What a policy file may say, as values; and `Policy`, the same ready for the engine.

Only the grammar stands here. What rules mean together (missing lanes, doubled names) is the loader's to check.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue

from router.policy.conditions import Condition, When
from router.policy.grammar import Bounds, Grammar, OneOrMany
from router.policy.guarantees import Guarantee
from tidegate.lane import Lane, Zone
from tidegate.lanes import Lanes
from tidegate.value import Many, Name

Send = OneOrMany[Name]
"""A lane, or lanes in order of preference."""


class OverflowWhen(Grammar):
    """When a lane overflows."""

    wait_s: Bounds[float]
    """The estimated wait for the rule's first lane, in seconds: `{over: 20}`."""


class Overflow(Grammar):
    """Where jobs go while the rule's first lane is too busy. A sensitive job never overflows to the outside."""

    to: Name
    """The lane that goes first while `when` holds."""
    when: OverflowWhen
    """When it holds."""


class Rule(Grammar):
    """One rule: if `when` holds, the job goes to `send`. The first rule that matches decides."""

    name: Name
    """What the rule is called in records and explanations."""
    when: Annotated[When, BeforeValidator(lambda written: {} if written is None else written)] = When()
    """Conditions that must all hold; nothing means always."""
    send: Send
    """A lane, or lanes in order of preference."""
    why: Annotated[str, Field(min_length=1)]
    """The reason in plain words: it is put on record with each decision."""
    overflow: Overflow | None = None
    """Another lane to prefer while the first one is too busy."""


class Default(Grammar):
    """Where a job goes that no rule matched: at least one lane must be inside."""

    send: Send
    """A lane, or lanes in order of preference."""
    why: Annotated[str, Field(min_length=1)]
    """The reason in plain words."""


class PolicyFile(Grammar):
    """A tidegate policy: lanes, rules that choose among them, and what happens when no rule matches."""

    version: Literal[1]
    """The version of this grammar."""
    name: Name | None = None
    """What the policy is called in records; the file's name where not given."""
    lanes: Lanes
    rules: Many[Rule] = ()
    """Looked at from the top; the first that matches decides."""
    default: Default
    """Where a job goes that no rule matched."""
    guarantees: Many[Guarantee] = (Guarantee.NOTHING_SENSITIVE_OUTSIDE,)
    """What no rule may do. The built-in one holds whether it is named or not."""
    tests: Many[dict[str, JsonValue]] = ()
    """Reserved for cases that the policy must decide as written; not run by this version."""


@dataclass(frozen=True, slots=True)
class ReadyOverflow:
    """An overflow, ready for the engine."""

    to: str
    wait_s: Bounds[float]
    wanted: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule, ready for the engine."""

    name: str
    conditions: tuple[Condition, ...]
    send: tuple[str, ...]
    why: str
    overflow: ReadyOverflow | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that was checked, ready for the engine."""

    name: str
    version: str
    """`default@3f9c…`: the name and the first 12 hex digits of the content's SHA-256."""
    lanes: Mapping[str, Lane]
    rules: tuple[ReadyRule, ...]
    default: ReadyRule
    warnings: tuple[str, ...] = ()

    @property
    def shelter(self) -> tuple[str, ...]:
        """The lanes inside among the default's: where a job goes when all else fails. The loader sees to one."""
        return tuple(lane for lane in self.default.send if self.lanes[lane].zone is Zone.INSIDE)
