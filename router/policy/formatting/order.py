"""The order of fields, by a table. Conditions, and names that operators choose (lanes, say), keep that of the file."""

from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from router.policy.cases.model import Case, CasesFile, Expect
from router.policy.guarantees import Guarantee as Own
from router.policy.model import Default, For, Overflow, PolicyFile, Rule
from router.policy.sensitivity.grammar import Allowed, Denied, Images, Section, Together, TypeMeans
from router.policy.sensitivity.grammar import Own as OwnPattern
from router.prompts import PromptFile
from tidegate.budget import Budget
from tidegate.lane import Engine, Lane, Retry
from tidegate.price import Price

Kinds = tuple[Any, ...]
"""What may stand at a place: annotations, as far as anything is known."""

_ORDERED: Mapping[type[BaseModel], tuple[str, ...]] = {
    # What holds for all rules stands above them.
    PolicyFile: (
        "version",
        "name",
        "include",
        "for",
        "lanes",
        "budgets",
        "sensitivity",
        "guarantees",
        "allow_outside",
        "rules",
        "default",
        "tests",
    ),
    CasesFile: ("version", "policy", "tests"),
    PromptFile: ("version", "prompts"),
    Lane: tuple(Lane.model_fields),
    Price: tuple(Price.model_fields),
    Retry: tuple(Retry.model_fields),
    Engine: tuple(Engine.model_fields),
    Budget: tuple(Budget.model_fields),
    Rule: ("name", "when", "send", "split", "overflow", "refuse", "shadow", "redact", "why"),
    Overflow: ("to", "when", "until"),
    Default: ("send", "why"),
    For: ("tenants", "environments"),
    Section: tuple(Section.model_fields),
    TypeMeans: tuple(TypeMeans.model_fields),
    Images: tuple(Images.model_fields),
    Together: tuple(Together.model_fields),
    Denied: ("name", "words", "pattern", "type", "level", "why"),
    Allowed: ("words", "pattern", "types", "why"),
    OwnPattern: tuple(OwnPattern.model_fields),
    Own: ("name", "when", "never", "only", "answers", "why"),
    Case: ("name", "given", "expect"),
    Expect: ("lane", "lanes", "rule", "zone", "redacted", "shadow", "regions", "answers_at_most"),
}
"""The fields in the order in which they are read. Conditions are a sentence: their order is the writer's."""


def ordered(keys: Iterable[str], kinds: Kinds) -> list[str]:
    """The keys in the order of the table; those that it does not know follow, as they were."""
    keys = list(keys)
    known = {name: index for index, name in enumerate(_fields(kinds))}
    return sorted(keys, key=lambda key: known.get(key, len(known)))


def inside(kinds: Kinds, step: str | int) -> Kinds:
    """What may stand under a key or in a list."""
    return tuple(found for kind in kinds for choice in _choices(kind) for found in _descend(choice, step))


def _fields(kinds: Kinds) -> list[str]:
    models = [choice for kind in kinds for choice in _choices(kind) if choice in _ORDERED]
    return list(dict.fromkeys(name for model in models for name in _ORDERED[model]))


def _descend(choice: Any, step: str | int) -> Iterator[Any]:
    origin, inner = get_origin(choice), get_args(choice)
    if _is_model(choice):
        fields = choice.model_fields.items()
        yield from (info.annotation for name, info in fields if (info.alias or name) == step)
    elif isinstance(step, int) and origin in (tuple, list):
        yield inner[0]
    elif isinstance(step, str) and origin in (dict, Mapping):
        yield inner[1]


def _choices(kind: Any) -> Iterator[Any]:
    """The branches of a union, without the annotations around them."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _choices(get_args(kind)[0])
    elif origin in (Union, UnionType):
        for inner in get_args(kind):
            yield from _choices(inner)
    else:
        yield kind


def _is_model(choice: Any) -> bool:
    return isinstance(choice, type) and issubclass(choice, BaseModel)
