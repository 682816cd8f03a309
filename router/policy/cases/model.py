"""What a case says: given this, expect that. Under `tests` of a policy, and in `NAME.tests.yaml` beside it."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from router.policy.cases.given import Given
from router.policy.grammar import Grammar
from tidegate.lane import Zone
from tidegate.signals import Level
from tidegate.value import Many, Name, Value


class Expect(Grammar):
    """What must come out. Only what is written is compared."""

    lane: Name | None = None
    """The lane that goes first."""
    lanes: Many[Name] | None = None
    """All lanes, in order; `[]` where the job must become a dead letter."""
    rule: Name | None = None
    """The rule that decides."""
    zone: Zone | None = None
    """`inside`: nothing may leave. `outside`: at least one lane outside is cleared."""
    shadow: Name | None = None
    """The lane that gets a copy."""
    redacted: bool | None = None
    """Whether what leaves is a redacted copy."""
    regions: Many[Name] | None = None
    """Where it may be computed, in alphabetical order."""
    answers_at_most: Level | None = None
    """The most guarded level that an answer from outside may have."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        return self


class Case(Grammar):
    """One case that the policy must decide as written."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """What it shows, in a sentence."""
    given: Given = Given()
    """The job and the state of the system: as signals, or as a text."""
    expect: Expect
    """What must come out."""


class CasesFile(Grammar):
    """A file of cases beside a policy: `NAME.tests.yaml` beside `NAME.yaml`."""

    version: Literal[1] = 1
    """The version of this grammar."""
    policy: str | None = None
    """The policy's file, from here; `NAME.yaml` where not given."""
    tests: Annotated[Many[Case], Field(min_length=1)]
    """The cases."""


class CasesPart(Value):
    """A policy file of which only the cases are looked at."""

    model_config = ConfigDict(extra="ignore")

    tests: Many[Case] = ()
