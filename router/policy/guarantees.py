"""What no rule may do: how guarantees are written. What they take away from a job is in `bans`."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from router.policy.conditions import When
from router.policy.grammar import Grammar
from tidegate.value import Name, OneOrMany


class BuiltIn(StrEnum):
    """The built-in guarantees by name. They always hold, whether a policy names them or not."""

    NOTHING_SENSITIVE_OUTSIDE = "nothing-sensitive-outside"


class Never(Grammar):
    """Where no such job may go."""

    zone: Literal["outside"] | None = None
    """`outside`: to no lane on somebody else's machines."""
    lanes: OneOrMany[Name] | None = None
    """To none of these lanes."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.zone is None) == (self.lanes is None):
            raise ValueError("give zone: outside, or lanes")
        return self


class Guarantee(Grammar):
    """A promise of the operator: whatever rules say, such a job never goes there."""

    name: Name
    """What the guarantee is called in records and proofs."""
    when: Annotated[When, BeforeValidator(lambda written: {} if written is None else written)] = When()
    """The jobs that it speaks of; nothing means every job. What was not measured counts as meant."""
    never: Never
    """Where they may not go."""
    why: Annotated[str, Field(min_length=1)] | None = None
    """The reason in plain words."""


def _form(written: object) -> str:
    return "<mapping>" if isinstance(written, dict | Guarantee) else "<one>"


Written = Annotated[
    Annotated[BuiltIn, Tag("<one>")] | Annotated[Guarantee, Tag("<mapping>")],
    Discriminator(_form),
]
"""The name of a built-in one, or one of the operator's own."""
