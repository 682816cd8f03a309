"""The base of every value that crosses a queue or comes from a file: frozen, strict, closed.

What is wrong with an input is told by field and expectation, never by quoting the input: it may be somebody's text.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic_core import ErrorDetails

T = TypeVar("T")

Many = Annotated[tuple[T, ...], Field(strict=False)]
"""A tuple that may be written as a list: strictness is about scalars, not about brackets."""

Some = Annotated[Many[T], Field(min_length=1)]
"""A list that is not empty."""


def _one_shape(written: Any) -> str:
    """Which branch of a union was meant, by its brackets, so that an error speaks of that branch only."""
    return "<list>" if isinstance(written, list | tuple) else "<one>"


OneOrMany = Annotated[
    Annotated[T, Tag("<one>")] | Annotated[Some[T], Tag("<list>")],
    Discriminator(_one_shape),
]
"""A value, or a list of values."""


def many(written: Any) -> tuple[Any, ...]:
    """The values of a one-or-many, each once, in order."""
    return tuple(dict.fromkeys(written)) if isinstance(written, tuple) else (written,)


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
"""A harmless identifier: safe in a queue name, a log line and a metric label."""


class Value(BaseModel):
    """A frozen value: change makes a copy; an unknown field or a wrong type is an error."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    def to_json(self) -> str:
        """The wire form: compact, without the fields that say nothing."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """A value of parts that are known to be right, every field given: for code that makes thousands a second."""
        value = cls.__new__(cls)
        set_attribute = object.__setattr__
        set_attribute(value, "__dict__", values)
        set_attribute(value, "__pydantic_fields_set__", set(values))
        set_attribute(value, "__pydantic_extra__", None)
        set_attribute(value, "__pydantic_private__", None)
        return value

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read the wire form. Raises pydantic's ValidationError."""
        return cls.model_validate_json(text)


def problems(error: ValidationError) -> tuple[str, ...]:
    """Each thing that is wrong, as `field: what was expected`, without the offending value."""
    return tuple(f"{dotted(item['loc'])}: {_said(item['msg'])}" for item in _errors(error))


def problems_on_record(error: ValidationError, *, model: type[BaseModel]) -> tuple[str, ...]:
    """The same for the ledger: a name that is not a field of ours may be somebody's text, so it is left out."""
    ours = field_names(model)
    return tuple(
        f"{dotted(step if isinstance(step, int) or step in ours else '(…)' for step in item['loc'])}: "
        f"{_said(item['msg'])}"
        for item in _errors(error)
    )


def dotted(path: Iterable[Any]) -> str:
    """A field's path as people write it: `messages[0].content`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "(the whole)"


@cache
def field_names(model: type[BaseModel]) -> frozenset[str]:
    """The names of all fields of a model and of the models in it."""
    definitions = model.model_json_schema()
    schemas = (definitions, *definitions.get("$defs", {}).values())
    return frozenset(name for schema in schemas for name in schema.get("properties", {}))


def _errors(error: ValidationError) -> Iterator[ErrorDetails]:
    """Less what only follows: pydantic counts the valid items, so a list of one bad item is "too short" as well."""
    found = error.errors(include_input=False)
    above = {item["loc"][:depth] for item in found for depth in range(len(item["loc"]))}
    return (item for item in found if item["type"] != "too_short" or item["loc"] not in above)


def _said(message: str) -> str:
    """Pydantic's message without the class of the exception that a validator of ours raised."""
    return message.removeprefix("Value error, ")
