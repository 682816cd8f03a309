"""Several schemas that hold at once -> one, where they do not say two things about one matter."""

from collections.abc import Mapping
from typing import Any

from workers.local.grammar.terms import refused

_SILENT = frozenset({"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"})
"""What says nothing about a value: the last word stands."""


def merged(schemas: list[Any]) -> dict[str, Any]:
    """All of them at once. Raises Failing where they contradict each other, or only seem to."""
    found: dict[str, Any] = {}
    for schema in schemas:
        if not isinstance(schema, dict):
            raise refused("true or false inside a combination")
        for key, value in schema.items():
            found[key] = _both(key, found[key], value) if key in found else value
    return found


def _both(key: str, one: Any, other: Any) -> Any:
    if one == other or key in _SILENT:
        return other
    if key == "required":
        return [*one, *other]
    if key == "type" and (types := [kind for kind in _listed(one) if kind in _listed(other)]):
        return types
    if key == "properties":
        return _without_conflict(one, other)
    raise refused("a combination whose parts say two things of one matter")


def _without_conflict(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    if any(one[name] != other[name] for name in one.keys() & other.keys()):
        raise refused("a combination whose parts say two things of one property")
    return {**one, **other}


def _listed(types: Any) -> list[Any]:
    return types if isinstance(types, list) else [types]
