"""YAML files read into values: every error at once, each with its place.

Read as YAML 1.2, less what hides mistakes: duplicate keys, aliases, tags and numbers that are none are errors, and a
bare `no` stays the string that was written. What the values mean is not known here; the models that a caller passes
say what is expected.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tidegate.errors import InvalidDocument
from tidegate.expectations import explain
from tidegate.value import dotted

M = TypeVar("M", bound=BaseModel)
Steps = tuple[str | int, ...]

MAX_BYTES = 1_000_000
"""A policy of ten thousand rules is smaller; a larger file is a mistake or an attack."""

MAX_DEPTH = 32
"""No document of ours is nested a third as deep."""


@dataclass(frozen=True)
class Place:
    """Where something stands, from 1: its name (a key or a list's item) and its value."""

    name: tuple[int, int]
    value: tuple[int, int]
    text: tuple[int, int] | None = None
    """Where a string's first character stands; None where its lines in the file are not those of the value."""
    file: str | None = None
    """The file, where it is another than the document's: an included one."""


@dataclass(frozen=True)
class Document:
    """A parsed YAML file that still knows where each thing stands."""

    name: str
    tree: Mapping[str, Any]
    places: Mapping[Steps, Place] = field(default_factory=dict, repr=False)
    flaws: tuple[str, ...] = ()
    """What is wrong with it as YAML: told together with what the models say."""

    def parse(self, model: type[M], *, part: tuple[str, ...] = ()) -> M:
        """The value that the file (or a part of it) describes. Raises InvalidDocument with all errors."""
        value, problems = self.attempt(model, part=part)
        if value is None or problems:
            raise InvalidDocument(in_order(problems))
        return value

    def attempt(self, model: type[M], *, part: tuple[str, ...] = ()) -> tuple[M | None, tuple[str, ...]]:
        """The value, where there is one, and all problems: for a caller that has checks of its own to add."""
        tree: Any = self.tree
        for key in part:
            tree = tree.get(key) if isinstance(tree, Mapping) else None
        try:
            return model.model_validate_json(json.dumps(tree)), self.flaws
        except ValidationError as exc:
            return None, (*self.flaws, *self._problems(exc, model, part, tree))

    def at(self, path: Steps, message: str, *, value: bool = False) -> str:
        """A message with its place: `file:line:col: field: message`, at the field's name or at its value."""
        file, (line, column) = self._place(path, value=value)
        return f"{file}:{line}:{column}: {dotted(path)}: {message}"

    def spot(self, path: Steps) -> str:
        """`file:line`, without folders: where something is said, for records and tables."""
        file, (line, _) = self._place(path, value=False)
        return f"{Path(file).name}:{line}"

    def within(self, path: Steps, message: str, *, line: int, column: int) -> str:
        """The same for something inside a string, whose line and column (from 1) count in the string."""
        place = self.places.get(path)
        if place is None or place.text is None:
            return self.at(path, f"{message} (line {line}, column {column} of the text)", value=True)
        first_line, indent = place.text
        spot = f"{place.file or self.name}:{first_line + line - 1}:{indent + column - 1}"
        return f"{spot}: {dotted(path)}: {message}"

    def _place(self, path: Steps, *, value: bool) -> tuple[str, tuple[int, int]]:
        """The place of the deepest step that the file has."""
        for length in range(len(path), 0, -1):
            place = self.places.get(path[:length])
            if place is not None:
                return place.file or self.name, (place.value if value and length == len(path) else place.name)
        return self.name, (1, 1)

    def _problems(self, error: ValidationError, model: type[BaseModel], part: Steps, tree: Any) -> Iterator[str]:
        for item in error.errors(include_input=False, include_url=False):
            found = explain(item, model, tree)
            if found is not None:
                yield self.at((*part, *found.path), found.message, value=found.at_value)


def in_order(problems: Iterable[str]) -> tuple[str, ...]:
    """Problems as a reader meets them: file by file, by line and column, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=_file_line_and_column))


def read(path: Path) -> Document:
    """Read one YAML file. Raises InvalidDocument where it cannot be read as such."""
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as exc:
        raise InvalidDocument((f"{name}:1:1: cannot be read: {exc.strerror}",)) from None
    if len(raw) > MAX_BYTES:
        raise InvalidDocument((f"{name}:1:1: {len(raw)} bytes; at most {MAX_BYTES} are read",))
    try:
        return parse(raw.decode("utf-8-sig"), name=name)
    except UnicodeDecodeError as exc:
        before = raw[: exc.start]
        line, column = before.count(b"\n") + 1, exc.start - before.rfind(b"\n")
        raise InvalidDocument((f"{name}:{line}:{column}: not UTF-8",)) from None


def parse(text: str, *, name: str = "<text>") -> Document:
    """Read YAML from a string. Raises InvalidDocument where it cannot be read as such."""
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        raise InvalidDocument((f"{name}:{place}: {_first_line(exc.problem or exc.context or str(exc))}",)) from None
    except RecursionError:
        raise InvalidDocument((f"{name}:{_too_deep(text)}: nested deeper than {MAX_DEPTH}",)) from None
    except (YAMLError, ValueError, LookupError, AttributeError, TypeError, AssertionError) as exc:
        # The scanner raises bare Python errors on some broken input; none may reach an operator as a traceback.
        raise InvalidDocument((f"{name}:1:1: not readable as YAML: {_first_line(str(exc))}",)) from None
    if not isinstance(node, MappingNode):
        raise InvalidDocument((f"{name}:1:1: expected a mapping at the top",))
    walk = _Walk(name, text.splitlines())
    tree = walk.mapping(node, ())
    return Document(name=name, tree=tree, places=walk.places, flaws=tuple(walk.flaws))


def _too_deep(text: str) -> str:
    """The place where a file that was too deep to compose passes the limit: the parser alone does not recurse."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            return f"{event.start_mark.line + 1}:{event.start_mark.column + 1}"
    return "1:1"


class _Walk:
    """One pass over the nodes: plain values, the place of each, and the flaws."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self._lines = lines
        self.places: dict[Steps, Place] = {}
        self.flaws: list[str] = []
        self._name = name
        self._seen: set[int] = set()

    def mapping(self, node: MappingNode, path: Steps) -> dict[str, Any]:
        """A mapping's keys are taken as written: `no:` and `1:` are strings."""
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._flaw(key_node, path, "a key must be a plain word")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in found:
                line = self.places[here].name[0]
                self._flaw(key_node, here, f"given twice; the first is on line {line}")
                continue
            self.places[here] = Place(_mark(key_node), _mark(value_node), self._text(value_node))
            found[key] = self._value(value_node, here)
        return found

    def _value(self, node: Node, path: Steps) -> Any:
        if node.anchor and id(node) not in self._seen:
            self._flaw(node, path, "anchors and aliases are not read here: write it out")
        if id(node) in self._seen:
            return self._flaw(node, path, "anchors and aliases are not read here: write it out")
        self._seen.add(id(node))
        if len(path) > MAX_DEPTH:
            return self._flaw(node, path, f"nested deeper than {MAX_DEPTH}")
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return self._sequence(node, path)
        return self._scalar(node, path)

    def _sequence(self, node: SequenceNode, path: Steps) -> list[Any]:
        for index, item in enumerate(node.value):
            self.places[(*path, index)] = Place(_mark(item), _mark(item), self._text(item))
        return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _scalar(self, node: Node, path: Steps) -> Any:
        tag, text = str(node.tag), str(node.value)
        if tag not in _SCALARS:
            return self._flaw(node, path, "tags such as !this are not read here")
        try:
            value = _SCALARS[tag](text)
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, OverflowError, UnicodeError):
            return self._flaw(node, path, "not a value that can be read")
        return value

    def _text(self, node: Node) -> tuple[int, int] | None:
        """Where a string's text begins: behind a quote, or on the line below a `|`."""
        if not isinstance(node, ScalarNode):
            return None
        line, column = _mark(node)
        if node.style == "|" and line < len(self._lines):
            below = self._lines[line]
            return (line + 1, len(below) - len(below.lstrip()) + 1)
        if node.end_mark.line != node.start_mark.line or node.style == ">":
            return None
        return (line, column + (1 if node.style in ("'", '"') else 0))

    def _flaw(self, node: Node, path: Steps, message: str) -> None:
        line, column = _mark(node)
        self.flaws.append(f"{self._name}:{line}:{column}: {dotted(path)}: {message}")


def _mark(node: Node) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1)


def _integer(text: str) -> int:
    plain = text.replace("_", "").lower()
    prefixed = plain.lstrip("+-")[:2] in ("0x", "0o", "0b")
    return int(plain, 0 if prefixed else 10)


def _number(text: str) -> float:
    value = float(text.replace("_", ""))
    if not math.isfinite(value):
        raise ValueError("not a number that can be compared")
    return value


_SCALARS: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": _integer,
    "tag:yaml.org,2002:float": _number,
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:timestamp": str,  # a date is the string that was written
}


def _file_line_and_column(problem: str) -> tuple[str, int, int]:
    found = re.search(r":(\d+):(\d+): ", problem)
    return (problem[: found.start()], int(found[1]), int(found[2])) if found else ("", 0, 0)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "unreadable"
