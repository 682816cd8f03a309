"""How `sensitivity:` is written in a policy. What it means together is in `mistakes`, `remarks` and `ready`."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from router.policy.conditions import EntityType
from router.policy.grammar import Grammar
from router.signals.sensitivity.lists.words import MAX_WORD_CHARS, says_something
from tidegate.signals import Level
from tidegate.value import Many, Name, Some

MAX_ENTRIES = 100
"""Of each kind: a hundred lists may each hold many words."""

MAX_COMBINATIONS = 200

_GIVEN = tuple(level for level in Level if level is not Level.UNKNOWN)


def _given(level: Level) -> Level:
    if level is Level.UNKNOWN:
        raise ValueError(f"should be {', '.join(_GIVEN)}: unknown is what is left where nobody could judge")
    return level


def _harmless(level: Level) -> Level:
    if level.sensitive:
        raise ValueError(
            "should be public or internal: leave it out, and images make a job unknown, which stays inside"
        )
    return level


SetLevel = Annotated[
    Level,
    AfterValidator(_given),
    WithJsonSchema({"type": "string", "enum": [level.value for level in _GIVEN]}),
]
"""A level that may be given. Nothing gives `unknown`, and nothing lowers it."""

Score = Annotated[float, Field(ge=0, le=1, strict=False)]

Reason = Annotated[str, Field(min_length=1)]


def _word(written: str) -> str:
    if not says_something(written):
        raise ValueError("should hold a letter or a digit")
    return written


Word = Annotated[str, Field(min_length=2, max_length=MAX_WORD_CHARS), AfterValidator(_word)]

Pattern = Annotated[str, Field(min_length=1)]


class TypeMeans(Grammar):
    """What findings of one type mean. What is not said stays as shipped."""

    level: SetLevel | None = None
    """public, internal, personal or restricted."""
    at_least: Score | None = None
    """The score from which a finding has this level: 0.5 passes over what detectors are not sure of."""
    below: SetLevel | None = None
    """The level of findings with a lower score; public where not said."""
    why: Reason | None = None
    """The reason. Asked for where a type is lowered that would keep jobs inside."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.level is None and self.at_least is None and self.below is None:
            raise ValueError("give level, at_least or below")
        if self.level is not None and self.below is not None and self.below.rank > self.level.rank:
            raise ValueError("below must not be more guarded than level: a weak finding is no worse than a strong one")
        return self


class Together(Grammar):
    """Types that mean more together than each by itself. A combination raises a level and never lowers one."""

    name: Name | None = None
    """What it is called. One with the name of a shipped combination takes its place."""
    all_of: Some[EntityType]
    """All of these types must be found."""
    any_of: Some[EntityType] | None = None
    """And one of these."""
    level: SetLevel
    """The level that they have together."""
    why: Reason
    """The reason in plain words: it is put on record with each job that it raises."""

    @model_validator(mode="after")
    def _of_two(self) -> Self:
        if len(set(self.all_of)) + (self.any_of is not None) < 2:  # noqa: PLR2004 -- together means two
            raise ValueError("needs two types at least: what one type means stands under types")
        if set(self.all_of) & set(self.any_of or ()):
            raise ValueError("a type of all_of stands in any_of, too: it is always there")
        return self


class _Listed(Grammar):
    """Words or a pattern."""

    words: Some[Word] | None = None
    """Whole words or phrases; case, and how their parts are joined, do not count."""
    pattern: Pattern | None = None
    """A regular expression in RE2's syntax; case does not count. In single quotes, so that backslashes stay."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.words is None) == (self.pattern is None):
            raise ValueError("give words or pattern")
        return self


class Denied(_Listed):
    """What must be seen wherever it stands: names of projects, hosts, customers."""

    name: Name
    """What the list is called in findings on record."""
    type: EntityType = "INTERNAL_NAME"
    """The type of what it finds."""
    level: SetLevel | None = None
    """The level of its type, where the type has none yet."""
    why: Reason | None = None
    """The reason in plain words."""


class Allowed(_Listed):
    """What is known to be harmless: a finding that is nothing but this, or a part of it, is left out."""

    types: Some[EntityType] | None = None
    """The types of findings that are left out; whatever was found where not given."""
    why: Reason
    """The reason in plain words."""


class Own(Grammar):
    """A type of your own, by its form."""

    type: EntityType
    """What it is called: a new name, or a shipped type that gets another form."""
    pattern: Pattern
    """A regular expression in RE2's syntax; case does not count. In single quotes, so that backslashes stay."""
    context: Some[Word] | None = None
    """Words of which one must stand within 100 characters."""
    score: Score = 1.0
    """How sure a match is."""
    level: SetLevel | None = None
    """The level of its type, where the type has none yet; restricted where nobody says."""
    why: Reason | None = None
    """The reason in plain words."""


class Images(Grammar):
    """That images, which nothing here can look at, may be taken for harmless."""

    level: Annotated[
        Level,
        AfterValidator(_harmless),
        WithJsonSchema({"type": "string", "enum": [Level.PUBLIC.value, Level.INTERNAL.value]}),
    ]
    """public or internal."""
    why: Reason
    """The reason: what keeps personal images out of the jobs that this policy sees."""


_Entries = Field(max_length=MAX_ENTRIES)


class Section(Grammar):
    """What findings mean, what to look for besides, and what to leave out. What is not said stays as shipped."""

    types: Annotated[dict[EntityType, TypeMeans], Field(min_length=1)] | None = None
    """What findings mean, by their type."""
    combinations: Annotated[Many[Together], Field(max_length=MAX_COMBINATIONS)] = ()
    """Types that mean more together."""
    deny: Annotated[Many[Denied], _Entries] = ()
    """What must be seen wherever it stands: names of projects, hosts, customers."""
    allow: Annotated[Many[Allowed], _Entries] = ()
    """What is known to be harmless: your own address, test cards."""
    patterns: Annotated[Many[Own], _Entries] = ()
    """Types of your own, by their form."""
    images: Images | None = None
    """What an image means. Where nothing is said, a job with an image is `unknown`."""
