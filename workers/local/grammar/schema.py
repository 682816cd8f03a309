"""A schema's parts -> rules of a grammar."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing.jsonschema import EMPTY_REGISTRY

from workers.local.grammar import numbers, pattern
from workers.local.grammar.combine import merged
from workers.local.grammar.terms import json_literal, json_text, literal, one_of, refused, repeated

MAX_NESTING = 32
"""How deep a schema may nest, parts that refer to others inside a combination included."""
FREE_NESTING = 6
"""How deep a value may nest of which the schema says nothing."""
MAX_TERMS = 10_000
MAX_CHARS = 200_000
"""A grammar beyond this takes llama.cpp longer to parse than any answer is worth."""

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
OF_TYPE: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "prefixItems", "additionalItems", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
}
"""What a grammar can say of each type."""
SAID_OF_ALL = frozenset({"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"})
EXPRESSED = SAID_OF_ALL.union(*OF_TYPE.values())
WITHOUT_EFFECT: Mapping[str, Any] = {"uniqueItems": False, "minProperties": 0, "minContains": 1}
"""Keywords that say nothing with this value."""

FORMATS: Mapping[str, str] = {
    "date": "date",
    "time": "time",
    "date-time": 'date "T" time',
    "uuid": 'hex{8} "-" hex{4} "-" hex{4} "-" hex{4} "-" hex{12}',
}

SPACE = '" "?'
BASE: Mapping[str, str] = {
    "space": SPACE,
    "hex": "[0-9a-fA-F]",
    "char": r'[^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" ([0-9a-cefA-CEF] hex{3} | [dD] [0-7] hex{2}))',
    "string": r'"\"" char* "\"" space',
    "date": '[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])',
    "time": '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? '
    '("Z" | [+-] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])',
    "scalar": f'string | ({numbers.FREE_NUMBER}) space | ("true" | "false" | "null") space',
}


def gbnf(schema: Mapping[str, Any]) -> str:
    """The grammar of a schema. Raises Failing that names what cannot be expressed."""
    return written(_Writer(schema).rules())


def rules(schema: Mapping[str, Any], *, prefix: str) -> dict[str, str]:
    """The rules of one schema among several, from `<prefix>root` on; they use those of BASE. Raises Failing."""
    return _Writer(schema, prefix=prefix).rules()


def written(rules: Mapping[str, str]) -> str:
    """Rules as llama.cpp reads them, those that all share before them."""
    return "\n".join(f"{name} ::= {text}" for name, text in {**BASE, **rules}.items())


def any_object() -> str:
    """The grammar of `json_object`: any object, not nested for ever."""
    return written(_Writer({"type": "object"}).rules())


class _Writer:
    """Collects rules; each part of a schema becomes a term that uses them."""

    def __init__(self, root: Mapping[str, Any], *, prefix: str = "") -> None:
        self._root = root
        self._prefix = prefix
        kind: type[Validator] = validator_for(root, default=Draft202012Validator)
        self._known: Collection[str] = kind.VALIDATORS
        self._kind = kind
        self._rules: dict[str, str] = {}
        self._names: dict[str, str] = {}
        """A rule's text, or a reference's pointer -> the rule's name."""
        self._chars = self._terms = 0

    def rules(self) -> dict[str, str]:
        """Its own rules, from `root` on."""
        self._rules[f"{self._prefix}root"] = self._term(self._root, 0)
        return self._rules

    def _rule(self, text: str) -> str:
        """A rule's name; the same text is the same rule."""
        if text not in self._names:
            self._names[text] = name = f"{self._prefix}r{len(self._names)}"
            self._put(name, text)
        return self._names[text]

    def _put(self, name: str, text: str) -> None:
        self._rules[name] = text
        self._chars += len(text)
        if self._chars > MAX_CHARS:
            raise refused("so large a schema")

    def _term(self, schema: Any, depth: int) -> str:
        """A term for whatever the schema allows."""
        self._within_bounds(depth)
        if schema is True or schema == {}:
            return self._free(FREE_NESTING)
        if schema is False:
            raise refused("a schema that allows nothing")
        self._refuse_unexpressed(schema)
        rest = {key: value for key, value in schema.items() if key in EXPRESSED}
        if set(rest) == {"$ref"}:
            return self._reference(rest["$ref"], depth)
        for keyword in ("$ref", "allOf"):
            if keyword in rest:
                parts = [self._target(rest.pop("$ref"))] if keyword == "$ref" else rest.pop("allOf")
                return self._term(merged([rest, *parts]), depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if keyword in rest:
                alternatives = rest.pop(keyword)
                return self._choice(self._term(merged([rest, one]) if rest else one, depth + 1) for one in alternatives)
        if "const" in rest or "enum" in rest:
            return self._values(rest)
        return self._choice(self._typed(kind, rest, depth) for kind in _types(rest))

    def _within_bounds(self, depth: int) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:  # parts that are written out wherever they are referred to may multiply
            raise refused("so large a schema")
        if depth > MAX_NESTING:
            raise refused(f"more than {MAX_NESTING} levels")

    def _refuse_unexpressed(self, schema: Mapping[str, Any]) -> None:
        for keyword, value in schema.items():
            if keyword in self._known and keyword not in EXPRESSED and WITHOUT_EFFECT.get(keyword, self) != value:
                raise refused(keyword)

    def _choice(self, terms: Iterator[str]) -> str:
        found = list(dict.fromkeys(terms))
        return found[0] if len(found) == 1 else self._rule(" | ".join(found))

    def _reference(self, pointer: str, depth: int) -> str:
        """A rule of its own, so that a schema may refer to itself."""
        key = f"#{pointer}"
        if key not in self._names:
            self._names[key] = name = f"{self._prefix}r{len(self._names)}"
            self._put(name, self._term(self._target(pointer), depth + 1))
        return self._names[key]

    def _target(self, pointer: Any) -> Any:
        if not isinstance(pointer, str) or not (pointer == "#" or pointer.startswith("#/")):
            raise refused("$ref to another document")
        found: Any = self._root
        for step in pointer.split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            try:
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise refused("$ref to nowhere") from None
        return found

    def _values(self, schema: Mapping[str, Any]) -> str:
        """Those of the named values that the other keywords allow."""
        rest = {key: value for key, value in schema.items() if key not in ("enum", "const")}
        values = [value for value in schema.get("enum", [schema.get("const")]) if self._allows(rest, value)]
        if "const" in schema and "enum" in schema:
            values = [value for value in values if self._allows({"const": schema["const"]}, value)]
        if not values:
            raise refused("enum or const", ": no value is left")
        return self._rule(f"{one_of(map(json_text, values), name=self._rule)} space")

    def _allows(self, schema: Mapping[str, Any], value: Any) -> bool:
        # A registry of its own: the default one fetches a foreign $ref over the network.
        return bool(self._kind(schema, registry=EMPTY_REGISTRY).is_valid(value))

    def _typed(self, kind: str, schema: Mapping[str, Any], depth: int) -> str:
        return self._rule(_TYPED[kind](self, schema, depth))

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        more = schema.get("additionalProperties", "properties" not in schema)
        parts = dict(schema.get("properties", {}))
        required = frozenset(schema.get("required", ()))
        for name in sorted(required - set(parts)):
            if more is False:
                raise refused("required", " with a name that additionalProperties forbids")
            parts[name] = more
        pairs = [
            (f'{json_literal(name)} space ":" space {self._term(part, depth + 1)}', name in required)
            for name, part in parts.items()
            if part is not False or name in required
        ]
        extra = None if more is False else f'string ":" space {self._term(more, depth + 1)}'
        if not pairs and more is True:
            return self._free_object(FREE_NESTING)
        return f'"{{" space {self._pairs(pairs, extra)} "}}" space'

    def _pairs(self, pairs: list[tuple[str, bool]], extra: str | None) -> str:
        """In the schema's order, each that is not required may be left out; a comma before each but the first."""
        comma = '"," space'
        extra_rule = extra and self._rule(extra)
        then = f"({comma} {extra_rule})*" if extra else '""'
        first = f"({extra_rule} {then})?" if extra else '""'
        for text, required in reversed(pairs):
            pair = self._rule(text)
            began, begins = f"{comma} {pair} {then}", f"{pair} {then}"
            then, first = (
                self._rule(began if required else f"({began}) | {then}"),
                self._rule(begins if required else f"({begins}) | {first}"),
            )
        return first

    def _array(self, schema: Mapping[str, Any], depth: int) -> str:
        items, tuple_ = schema.get("items", True), schema.get("prefixItems")
        if isinstance(items, list):  # before draft 2020-12
            tuple_, items = items, schema.get("additionalItems", True)
        least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
        if tuple_:
            if least > len(tuple_) or (most is not None and most < len(tuple_)):
                raise refused("minItems or maxItems beside a list of items")
            return f'"[" space {self._tuple(tuple_, depth)}'
        if items is False:
            most = 0
        if most == 0:
            return '"[" space "]" space'
        item = self._term(items, depth + 1)
        further = repeated(f'("," space {item})', max(0, least - 1), None if most is None else int(most) - 1)
        inner = f"{item} {further}"
        return f'"[" space {inner if least else f"({inner})?"} "]" space'

    def _tuple(self, items: list[Any], depth: int) -> str:
        return ' "," space '.join(self._term(item, depth + 1) for item in items) + ' "]" space'

    def _string(self, schema: Mapping[str, Any], _depth: int) -> str:
        said = [key for key in ("pattern", "format") if key in schema]
        bounded = "minLength" in schema or "maxLength" in schema
        if len(said) + bounded > 1:
            raise refused(" and ".join(said), ": only one of pattern, format and the lengths at a time")
        if "pattern" in schema:
            return f'"\\"" {pattern.gbnf(schema["pattern"], name=self._rule)} "\\"" space'
        if "format" in schema:
            if schema["format"] not in FORMATS:
                raise refused("format", f" other than {', '.join(FORMATS)}")
            return f'"\\"" {FORMATS[schema["format"]]} "\\"" space'
        if not bounded:
            return "string"
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        return f'"\\"" {repeated("char", least, None if most is None else int(most))} "\\"" space'

    def _free(self, depth: int) -> str:
        """Any value, so many levels deep at most."""
        if depth == 0:
            return "scalar"
        value = self._free(depth - 1)
        array = f'"[" space ({value} ("," space {value})*)? "]" space'
        return self._rule(f"scalar | {self._rule(self._free_object(depth))} | {self._rule(array)}")

    def _free_object(self, depth: int) -> str:
        pair = self._rule(f'string ":" space {self._free(depth - 1)}')
        return f'"{{" space ({pair} ("," space {pair})*)? "}}" space'


_TYPED: Mapping[str, Callable[[_Writer, Mapping[str, Any], int], str]] = {
    "object": _Writer._object,  # noqa: SLF001 - the class's own table
    "array": _Writer._array,  # noqa: SLF001
    "string": _Writer._string,  # noqa: SLF001
    "number": lambda _, schema, __: f"{numbers.number(schema)} space",
    "integer": lambda _, schema, __: f"{numbers.integer(schema)} space",
    "boolean": lambda *_: '("true" | "false") space',
    "null": lambda *_: f"{literal('null')} space",
}


def _types(schema: Mapping[str, Any]) -> list[str]:
    """Those that the schema names; else those of which it says something, and all where it says nothing."""
    named = schema.get("type")
    if named is not None:
        found = [named] if isinstance(named, str) else list(named)
        return [one for one in found if one != "integer" or "number" not in found]
    return [kind for kind, keywords in OF_TYPE.items() if keywords & set(schema)] or [
        kind for kind in TYPES if kind != "integer"
    ]
