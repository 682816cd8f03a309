"""Whether a value fits a JSON schema, told in bounded time: both come from strangers, and this process has other work.

Patterns run on RE2, which takes time in proportion to the text; Python's own engine can be kept busy for years, and
holds the interpreter's lock meanwhile. All else is looked at by the clock, and given up when its time is over.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing.jsonschema import EMPTY_REGISTRY

CHECK_S = 2.0
"""For one value. What people write is told in milliseconds."""

MAX_SCHEMA_DEPTH = 64

Schema = Mapping[str, Any]
Check = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]


class Unchecked(Exception):
    """Nobody can tell: the schema is none, or has what is not checked here, or takes too long. It says which."""


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """The first place where a value breaks a schema. Its path may be somebody's words: never for a record or a log."""

    path: str
    keyword: str
    wanted: Any


def misfit(value: Any, schema: Schema, *, within_s: float = CHECK_S) -> Misfit | None:
    """Where a value breaks a schema; None where it fits. Raises Unchecked."""
    refused = problem(schema)
    if refused is not None:
        raise Unchecked(refused)
    _clock.until = time.monotonic() + within_s
    try:
        # A registry of its own: the default one fetches a foreign $ref over the network.
        found = next(_kind(schema)(dict(schema), registry=EMPTY_REGISTRY).iter_errors(value), None)
    except Unchecked:
        raise
    except Exception:  # noqa: BLE001 - a schema is a stranger's: a wrong keyword raises whatever it likes, with its words
        raise Unchecked("the schema cannot be applied") from None
    if found is None:
        return None
    return Misfit(path=found.json_path, keyword=str(found.validator), wanted=found.validator_value)


def problem(schema: Schema) -> str | None:
    """Why a schema cannot be checked against, as far as that shows before there is a value. Quotes nothing of it."""
    try:
        _walk(schema, _Seen(), depth=0)
    except Unchecked as exc:
        return str(exc)
    return None


@dataclass
class _Seen:
    patterns: bool = False
    unevaluated: bool = False


def _walk(node: Any, seen: _Seen, *, depth: int) -> None:
    """Every object in it. Some are no schemas but values, as in an `enum`: those are refused too readily, if ever."""
    if depth > MAX_SCHEMA_DEPTH:
        raise Unchecked(f"the schema is nested deeper than {MAX_SCHEMA_DEPTH}")
    if isinstance(node, Mapping):
        _object(node, seen, depth)
        for inner in node.values():
            _walk(inner, seen, depth=depth + 1)
    elif isinstance(node, list | tuple):
        for inner in node:
            _walk(inner, seen, depth=depth + 1)


def _object(node: Mapping[str, Any], seen: _Seen, depth: int) -> None:
    if depth and isinstance(node.get("$schema"), str):
        raise Unchecked("a schema within the schema names a draft of its own")  # it would be checked by another class
    if isinstance(node.get("pattern"), str):
        _compiled(node["pattern"])
    if isinstance(node.get("patternProperties"), Mapping):
        seen.patterns = True
        for pattern in node["patternProperties"]:
            _compiled(pattern)
    seen.unevaluated = seen.unevaluated or "unevaluatedProperties" in node
    if seen.patterns and seen.unevaluated:
        raise Unchecked("the schema has both patternProperties and unevaluatedProperties")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    """RE2's form of a pattern. Raises Unchecked for what it has not: looking around, and going back to a group."""
    import re2  # noqa: PLC0415 - few schemas have a pattern

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError):
        raise Unchecked("the schema has a pattern that cannot be checked in bounded time") from None


_clock = threading.local()
"""Until when the present check of a thread may go on."""


def _counted(check: Check) -> Check:
    """A keyword that looks at the clock first."""

    def counted(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        if time.monotonic() > _clock.until:
            raise Unchecked("to hold the answer against the schema takes too long")
        yield from check(validator, wanted, value, schema) or ()

    return counted


def _pattern(validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "string") and not _found(pattern, value):
        yield ValidationError("pattern")


def _pattern_properties(validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    for pattern, schema in wanted.items() if validator.is_type(value, "object") else ():
        for name, inner in value.items():
            if _found(pattern, name):
                yield from validator.descend(inner, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(value, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, inner in value.items():
        if name in known or any(_found(pattern, name) for pattern in patterns):
            continue
        if validator.is_type(wanted, "object"):
            yield from validator.descend(inner, wanted, path=name)
        elif not wanted:
            yield ValidationError("additionalProperties")


def _unique_items(validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """The library's own compares each with each."""
    if wanted and validator.is_type(value, "array") and len({_hashable(item) for item in value}) < len(value):
        yield ValidationError("uniqueItems")


def _hashable(value: Any) -> Any:
    """Equal where JSON's values are: 1 and 1.0 are one number, and neither is true."""
    if isinstance(value, dict):
        return "object", frozenset((name, _hashable(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_hashable, value))
    return ("bool", value) if isinstance(value, bool) else value


def _found(pattern: str, text: str) -> bool:
    try:
        return _compiled(pattern).search(text) is not None
    except UnicodeError:  # half a surrogate pair, which JSON may spell and RE2 cannot read
        raise Unchecked("the answer has a character that no pattern can be held against") from None


_OURS: Mapping[str, Check] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}


@cache
def _bounded(kind: type[Validator]) -> type[Validator]:
    """A draft whose keywords all keep to their time."""
    checks = {name: _counted(_OURS.get(name, check)) for name, check in kind.VALIDATORS.items()}
    made: type[Validator] = validators.extend(kind, checks)  # type: ignore[no-untyped-call]
    return made


def _kind(schema: Schema) -> type[Validator]:
    """The draft that the schema names."""
    named: type[Validator] = validator_for(dict(schema), default=Draft202012Validator)
    return _bounded(named)
