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
    regions: OneOrMany[Name] | None = None
    """To nothing that computes in one of these regions, nor to anything outside that names no region."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(given is not None for given in (self.zone, self.lanes, self.regions)) != 1:
            raise ValueError("give one of zone: outside, lanes, regions")
        return self


class Only(Grammar):
    """Where alone such a job may go."""

    regions: OneOrMany[Name]
    """To what computes in one of these regions, and to lanes inside that name no region."""


class Answers(Grammar):
    """What an answer from outside may carry. It is looked at before anybody gets it."""

    at_most: Literal["public", "internal", "personal", "restricted"]
    """The most guarded level that it may have. An answer that nobody could judge is forbidden in any case."""


class Guarantee(Grammar):
    """A promise of the operator: whatever rules say, such a job never goes there, or its answer is never that."""

    name: Name
    """What the guarantee is called in records and proofs."""
    when: Annotated[When, BeforeValidator(lambda written: {} if written is None else written)] = When()
    """The jobs that it speaks of; nothing means every job. What was not measured counts as meant."""
    never: Never | None = None
    """Where they may not go."""
    only: Only | None = None
    """Where alone they may go."""
    answers: Answers | None = None
    """What may come back for them from outside."""
    why: Annotated[str, Field(min_length=1)] | None = None
    """The reason in plain words."""

    @model_validator(mode="after")
    def _one_promise(self) -> Self:
        if sum(given is not None for given in (self.never, self.only, self.answers)) != 1:
            raise ValueError("give one of never, only, answers")
        return self


def _form(written: object) -> str:
    return "<mapping>" if isinstance(written, dict | Guarantee) else "<one>"


Written = Annotated[
    Annotated[BuiltIn, Tag("<one>")] | Annotated[Guarantee, Tag("<mapping>")],
    Discriminator(_form),
]
"""The name of a built-in one, or one of the operator's own."""
