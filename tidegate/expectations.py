"""What a model expected at a place of a document, told to a person: the field, the expectation, "did you mean".

Knows pydantic's errors and models; knows nothing of YAML.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

Step = str | int


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what, and whether the value is at fault or the field's name."""

    path: tuple[Step, ...]
    message: str
    at_value: bool


def explain(item: ErrorDetails, model: type[BaseModel], tree: Any) -> Problem | None:
    """Turn one of pydantic's errors into words; None for one that only follows from another."""
    path = tuple(_real_steps(tree, item["loc"], missing=item["type"] == "missing"))
    if item["type"] == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), _fields(model, path[:-1]))
        return Problem(path, f"unknown field{hint}", at_value=False)
    if item["type"] == "missing":
        return Problem(path, "is missing", at_value=False)
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    value = _value(tree, path)
    if item["type"] == "too_short" and isinstance(value, Mapping | list):
        # Pydantic counts the items that are valid: a list of one bad item is "too short" beside the item's own error.
        least = item["ctx"]["min_length"]
        return Problem(path, f"needs at least {least}", at_value=False) if len(value) < least else None
    if item["type"] in ("enum", "literal_error") and isinstance(value, str):
        near = difflib.get_close_matches(value, re.findall(r"'([^']*)'", message), n=1)
        message += f"; did you mean '{near[0]}'?" if near else ""
    if item["type"] in _NUMBERS and isinstance(value, str):
        message += _without_unit(value)
    return Problem(path, message, at_value=not isinstance(value, Mapping | list))


def did_you_mean(word: str, expected: Iterable[str]) -> str:
    """`; did you mean 'to'?`, or what there is to choose from, or nothing."""
    names = sorted(set(expected))
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; expected one of: {', '.join(names)}" if names else ""


_NUMBERS = ("int_type", "int_parsing", "float_type", "float_parsing")
_WITH_UNIT = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z%$]{1,10})")


def _without_unit(text: str) -> str:
    """`20s` where a number is meant: the unit stands in the field's name."""
    found = _WITH_UNIT.fullmatch(text.strip())
    if found is None:
        return ""
    return f" without a unit: write {found['number']} if '{found['unit']}' is what the field counts in"


def _real_steps(tree: Any, loc: tuple[Any, ...], *, missing: bool) -> Iterator[Step]:
    """Drop the steps that pydantic adds for the branches of a union: they are not in the file."""
    for index, step in enumerate(loc):
        in_list = isinstance(tree, list) and isinstance(step, int) and step < len(tree)
        if in_list or (isinstance(tree, Mapping) and step in tree):
            tree = tree[step]
            yield step
        elif missing and index == len(loc) - 1:
            yield step


def _value(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _fields(model: type[BaseModel], path: tuple[Step, ...]) -> Iterator[str]:
    """The field names that the model knows at `path`."""
    current: list[Any] = [model]
    for step in path:
        current = [inner for annotation in current for inner in _descend(annotation, step)]
    for annotation in current:
        for found in _choices(annotation):
            if isinstance(found, type) and issubclass(found, BaseModel):
                yield from (info.alias or name for name, info in found.model_fields.items())


def _descend(annotation: Any, step: Step) -> Iterator[Any]:
    """What stands one step deeper than `annotation`."""
    for choice in _choices(annotation):
        origin, inner = get_origin(choice), get_args(choice)
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            yield from (info.annotation for name, info in choice.model_fields.items() if (info.alias or name) == step)
        elif isinstance(step, int) and origin in (tuple, list):
            yield inner[0]
        elif isinstance(step, str) and origin in (dict, Mapping):
            yield inner[1]


def _choices(annotation: Any) -> Iterator[Any]:
    """The branches of a union, without the annotations around them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _choices(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for inner in get_args(annotation):
            yield from _choices(inner)
    else:
        yield annotation
