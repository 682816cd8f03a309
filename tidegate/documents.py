"""YAML files read into values: every error at once, each with its place.

Duplicate keys are errors and a bare `no` stays the string that was written (YAML 1.2). What the values mean is not
known here; the models that a caller passes say what is expected.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tidegate.errors import InvalidDocument
from tidegate.value import dotted

M = TypeVar("M", bound=BaseModel)

MAX_BYTES = 1_000_000
"""A policy of ten thousand rules is smaller; a larger file is a mistake or an attack."""


@dataclass(frozen=True)
class Document:
    """A parsed YAML file that still knows where each thing stands."""

    name: str
    tree: Any

    def parse(self, model: type[M], *, part: tuple[str, ...] = ()) -> M:
        """The value that the file (or a part of it) describes. Raises InvalidDocument with all errors."""
        tree = self.tree
        for key in part:
            tree = tree.get(key) if isinstance(tree, Mapping) else None
        try:
            return model.model_validate_json(json.dumps(tree, default=str))
        except ValidationError as exc:
            raise InvalidDocument(tuple(self._problems(exc, model, part))) from None

    def at(self, path: tuple[str | int, ...], message: str) -> str:
        """A message with its place: `file:line:col: field: message`."""
        line, column = _place(self.tree, path)
        return f"{self.name}:{line}:{column}: {dotted(path)}: {message}"

    def _problems(self, error: ValidationError, model: type[BaseModel], part: tuple[str, ...]) -> Iterator[str]:
        for item in error.errors(include_input=False):
            path = (*part, *_real_steps(self.tree, part, item["loc"]))
            message = item["msg"]
            if item["type"] == "extra_forbidden":
                message = "unknown field" + _suggestion(str(path[-1]), model, item["loc"][:-1])
            yield self.at(path, message)


def read(path: Path) -> Document:
    """Read one YAML file. Raises InvalidDocument where it cannot be read as such."""
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as exc:
        raise InvalidDocument((f"{name}: cannot be read: {exc.strerror}",)) from None
    if len(raw) > MAX_BYTES:
        raise InvalidDocument((f"{name}: {len(raw)} bytes; at most {MAX_BYTES} are read",))
    try:
        return parse(raw.decode("utf-8"), name=name)
    except UnicodeDecodeError as exc:
        raise InvalidDocument((f"{name}: not UTF-8 at byte {exc.start}",)) from None


def parse(text: str, *, name: str = "<text>") -> Document:
    """Read YAML from a string."""
    try:
        tree = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise InvalidDocument((f"{place}: {_first_line(exc.problem or str(exc))}",)) from None
    except (YAMLError, ValueError, RecursionError) as exc:
        raise InvalidDocument((f"{name}: not readable as YAML: {_first_line(str(exc))}",)) from None
    if not isinstance(tree, Mapping):
        raise InvalidDocument((f"{name}:1:1: expected a mapping at the top",))
    return Document(name=name, tree=tree)


def _place(tree: Any, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Line and column, from 1, of the deepest step that the file has."""
    place = (1, 1)
    for step in path:
        try:
            if isinstance(tree, CommentedMap):
                line, column = tree.lc.key(step)
            elif isinstance(tree, CommentedSeq):
                line, column = tree.lc.item(step)
            else:
                break
            place, tree = (line + 1, column + 1), tree[step]
        except (KeyError, IndexError, TypeError):
            break
    return place


def _real_steps(tree: Any, part: tuple[str, ...], loc: tuple[str | int, ...]) -> Iterator[str | int]:
    """Drop the steps that pydantic adds for the branches of a union: they are not in the file."""
    for key in part:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    for index, step in enumerate(loc):
        known = (isinstance(tree, Mapping) and step in tree) or (
            isinstance(tree, list) and isinstance(step, int) and step < len(tree)
        )
        if known:
            tree = tree[step]  # type: ignore[index]
            yield step
        elif index == len(loc) - 1 and isinstance(tree, Mapping) and isinstance(step, str):
            yield step  # a field that is missing, or unknown


def _suggestion(field: str, model: type[BaseModel], loc: tuple[str | int, ...]) -> str:
    expected = sorted(_fields(model, loc))
    near = difflib.get_close_matches(field, expected, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; expected one of: {', '.join(expected)}" if expected else ""


def _fields(model: type[BaseModel], loc: tuple[str | int, ...]) -> Iterator[str]:
    """The field names of the model that `loc` leads to."""
    current: Any = model
    for step in loc:
        if isinstance(step, str) and isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(step)
            current = _inner_model(field.annotation if field else None)
    if isinstance(current, type) and issubclass(current, BaseModel):
        for name, field in current.model_fields.items():
            yield field.alias or name


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _inner_model(inner)
        if found is not None:
            return found
    return None


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "unreadable"
