"""The order of fields: that of the models. Names that operators choose (lanes, say) keep the order of the file."""

from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

Kinds = tuple[Any, ...]
"""What may stand at a place: annotations, as far as anything is known."""

_LAST = ("why", "tests")
"""What reads best after all the others."""


def ordered(keys: Iterable[str], kinds: Kinds) -> list[str]:
    """The keys in the order of the models; those that no model knows follow, as they were."""
    keys = list(keys)
    fields = _fields(kinds)
    known = {name: index for index, name in enumerate((*fields, *_LAST)) if name in fields}
    return sorted(keys, key=lambda key: known.get(key, len(fields)))


def inside(kinds: Kinds, step: str | int) -> Kinds:
    """What may stand under a key or in a list."""
    return tuple(found for kind in kinds for choice in _choices(kind) for found in _descend(choice, step))


def _fields(kinds: Kinds) -> list[str]:
    models = [choice for kind in kinds for choice in _choices(kind) if _is_model(choice)]
    return list(dict.fromkeys(info.alias or name for model in models for name, info in model.model_fields.items()))


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
