"""A small value that fits a JSON schema: enough for the schemas that people write for extraction.

Own and small, for want of a library that makes the least instance at run time: those there are make random ones and
belong to tests. What it cannot make it refuses: every instance is checked before it is given.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jsonschema
import referencing

Schema = Mapping[str, Any]

MAX_DEPTH = 32
MAX_ITEMS = 64
MAX_CHARS = 10_000
FORMATS: Mapping[str, str] = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "stand-in@example.com",
    "uri": "https://example.com/stand-in",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class Unanswerable(Exception):
    """The schema asks for more than a stand-in can make."""


def instance(schema: Schema, *, text: str) -> Any:
    """A value that fits; its free strings are `text`. Raises Unanswerable."""
    try:
        value = _Maker(root=schema, text=text).make(schema)
        fits = jsonschema.Draft202012Validator(schema, registry=referencing.Registry()).is_valid(value)
    except Exception:  # noqa: BLE001 - a schema is anybody's text: a wrong keyword raises whatever it likes
        fits = False
    if not fits:
        raise Unanswerable("the stand-in cannot make an instance of this schema")
    return value


class _Maker:
    """One walk down a schema."""

    def __init__(self, *, root: Schema, text: str) -> None:
        self._root, self._text = root, text

    def make(self, schema: Schema, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise Unanswerable("the schema never ends")
        schema = self._resolved(schema)
        for keyword in ("const", "default"):
            if keyword in schema:
                return schema[keyword]
        if schema.get("enum"):
            return schema["enum"][0]
        kinds: Mapping[str, Callable[[Schema, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._number,
            "number": self._number,
            "boolean": lambda _schema, _depth: False,
            "null": lambda _schema, _depth: None,
        }
        return kinds[_kind(schema)](schema, depth)

    def _resolved(self, schema: Schema) -> Schema:
        """Without references and choices: the first alternative is as good as any."""
        merged = dict(schema)
        for _ in range(MAX_DEPTH):
            if "$ref" in merged:
                merged |= self._found(merged.pop("$ref"))
            elif choice := merged.pop("anyOf", None) or merged.pop("oneOf", None):
                merged |= choice[0]
            elif parts := merged.pop("allOf", None):
                for part in parts:
                    merged = _joined(merged, self._resolved(part))
            else:
                break
        return merged

    def _found(self, reference: str) -> Schema:
        place: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            place = place[step.replace("~1", "/").replace("~0", "~")]
        return dict(place)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        known = schema.get("properties", {})
        return {name: self.make(known.get(name, {}), depth + 1) for name in schema.get("required", known)}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        return [self.make(schema.get("items", {}), depth + 1) for _ in range(min(schema.get("minItems", 0), MAX_ITEMS))]

    def _string(self, schema: Schema, _depth: int) -> str:
        text = FORMATS.get(schema.get("format", ""), self._text)
        return text.ljust(min(schema.get("minLength", 0), MAX_CHARS), ".")[: schema.get("maxLength")]

    def _number(self, schema: Schema, _depth: int) -> Any:
        step = schema.get("multipleOf", 1)
        least = max(schema.get("minimum", 0), schema.get("exclusiveMinimum", -step) + step)
        most = min(schema.get("maximum", least), schema.get("exclusiveMaximum", least + step) - step)
        return -(-min(least, most) // step) * step


def _kind(schema: Schema) -> str:
    named = schema.get("type")
    if isinstance(named, list):
        named = named[0]
    return str(named or ("object" if "properties" in schema or "required" in schema else "string"))


def _joined(one: Schema, other: Schema) -> dict[str, Any]:
    joined = {**one, **other}
    if "properties" in one or "properties" in other:
        joined["properties"] = {**one.get("properties", {}), **other.get("properties", {})}
        joined["required"] = [*one.get("required", ()), *other.get("required", ())]
    return joined
