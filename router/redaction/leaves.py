"""A job as a tree whose every string can be changed: each is visited in the same order each time.

JSON inside a string, as in the arguments of a tool's call, is opened, so that it stays JSON whatever is changed in it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from router.redaction.passage import Kind
from tidegate.job import (
    FunctionCall,
    Hints,
    Job,
    JsonSchema,
    Message,
    Params,
    ResponseFormat,
    TextPart,
    ToolCall,
)
from tidegate.tools import ChosenFunction, ChosenTool, Function, Tool

MAX_NESTED_JSON_CHARS = 1_000_000
"""JSON inside a string is opened up to here; beyond it is text."""


@dataclass(frozen=True)
class Leaf:
    """One string of a job, and where it stands."""

    text: str
    kind: Kind = Kind.TEXT
    is_key: bool = False
    """Whether it names a value that comes next: then the two are looked at together."""
    turn: int | None = None
    """Which turn of the conversation it is the content of; None where it is anything else."""
    role: str = ""
    """Whose turn that is."""


Visit = Callable[[Leaf], str]
"""What a leaf becomes."""


class Ambiguous(Exception):
    """Two keys of one object would become the same."""


def outbound(job: Job) -> dict[str, Any]:
    """What a provider needs to know, and no name that the producer has for things."""
    bare = job.for_outside().model_copy(update={"tenant": "default", "hints": Hints()})
    tree: dict[str, Any] = json.loads(bare.to_json())
    return tree


def inbound(tree: dict[str, Any]) -> Job:
    """The job again. Raises pydantic's ValidationError."""
    return Job.from_json(json.dumps(tree, ensure_ascii=False))


def changed(tree: dict[str, Any], visit: Visit) -> dict[str, Any]:
    """The tree with every string as `visit` has it. Raises Ambiguous."""
    return {key: _field(key, value, _Visitor(visit)) for key, value in tree.items()}


_MODELS = (
    *(Job, Message, TextPart, ToolCall, FunctionCall, Params, ResponseFormat, JsonSchema),
    *(Tool, Function, ChosenTool, ChosenFunction),
)
_CONTRACT = frozenset(field.alias or name for model in _MODELS for name, field in model.model_fields.items())
"""Keys that the contract chose. An object with any other is the producer's, keys and all."""

_OURS = frozenset(
    {
        *("v", "role", "type", "strict", "tenant", "hints", "parallel_tool_calls"),
        *("max_tokens", "n", "temperature", "top_p", "top_k", "min_p", "seed", "logit_bias", "stop_tokens"),
        *("frequency_penalty", "presence_penalty", "repeat_penalty", "logprobs", "top_logprobs"),
    }
)
"""Fields whose values the contract chose: nobody's text."""

_CHOICES = frozenset({"tool_choice"})
"""Fields with a word of the contract's, or else with an object."""

_WORDS = frozenset({"name", "id", "tool_call_id"})
"""Fields that hold a name in a program's sense."""

_FREE = frozenset({"schema", "parameters"})
"""Fields in which the producer chose the keys, too."""

_SCHEMA_WORDS = frozenset(
    """
    $schema $id $ref $defs $anchor $comment definitions type enum const title description default examples
    format properties required additionalProperties patternProperties propertyNames minProperties maxProperties
    items prefixItems contains minItems maxItems uniqueItems minLength maxLength pattern minimum maximum
    exclusiveMinimum exclusiveMaximum multipleOf allOf anyOf oneOf not if then else dependentRequired
    dependentSchemas unevaluatedProperties unevaluatedItems readOnly writeOnly deprecated strict
    """.split()  # noqa: SIM905 - a list of one word a line says no more
)
"""Keys that JSON Schema chose: nobody's text, and a schema without them is none."""


@dataclass(frozen=True)
class _Visitor:
    visit: Visit
    turn: int | None = None
    role: str = ""

    def text(self, text: str, kind: Kind = Kind.TEXT) -> str:
        """A string; where it is JSON, what stands in it."""
        inner = _nested(text) if kind is Kind.TEXT else None
        if inner is None:
            return self.visit(Leaf(text, kind, turn=self.turn, role=self.role))
        becomes = _free(inner, self)
        return text if becomes == inner else json.dumps(becomes, ensure_ascii=False, indent=2 if "\n" in text else None)


def _field(name: str, value: Any, visitor: _Visitor) -> Any:
    """A field of the contract."""
    if name in _OURS or (name in _CHOICES and isinstance(value, str)):
        return value
    if name in _FREE:
        return _free(value, visitor, fixed=_SCHEMA_WORDS)
    if isinstance(value, str):
        return visitor.text(value, Kind.WORD if name in _WORDS else Kind.TEXT)
    if isinstance(value, dict):
        ours = value.keys() <= _CONTRACT
        return {key: _field(key, inner, visitor) for key, inner in value.items()} if ours else _free(value, visitor)
    if isinstance(value, list) and name == "messages":
        return [_message(turn, index, visitor.visit) for index, turn in enumerate(value)]
    return [_field(name, inner, visitor) for inner in value] if isinstance(value, list) else value


def _message(message: dict[str, Any], turn: int, visit: Visit) -> dict[str, Any]:
    content = _Visitor(visit, turn, message["role"])
    beside = _Visitor(visit)
    return {key: _field(key, value, content if key == "content" else beside) for key, value in message.items()}


def _free(value: Any, visitor: _Visitor, *, fixed: frozenset[str] = frozenset()) -> Any:
    """What the producer chose, keys and values, but for keys that are `fixed`."""
    beside = _Visitor(visitor.visit)
    if isinstance(value, str):
        return beside.text(value)
    if isinstance(value, dict):
        pairs = [
            (key if key in fixed else beside.visit(_key(key, inner)), _under(key, inner, beside, fixed))
            for key, inner in value.items()
        ]
        if len(dict(pairs)) < len(pairs):
            raise Ambiguous
        return dict(pairs)
    if isinstance(value, list):
        return [_free(inner, beside, fixed=fixed) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        written = json.dumps(value)
        becomes = beside.visit(Leaf(written, Kind.NUMBER))
        return value if becomes == written else becomes
    return value


def _key(key: str, value: Any) -> Leaf:
    return Leaf(key, Kind.WORD, is_key=not isinstance(value, dict | list))


def _under(key: str, value: Any, visitor: _Visitor, fixed: frozenset[str]) -> Any:
    """A schema names keys under `required`: they must stay the same as the keys."""
    if key == "required" and isinstance(value, list) and all(isinstance(name, str) for name in value):
        return [name if name in fixed else visitor.text(name, Kind.WORD) for name in value]
    return _free(value, visitor, fixed=fixed)


def _nested(text: str) -> Any:
    """What JSON in a string says; None where it is none. A number or a word alone is text."""
    stripped = text.strip() if len(text) <= MAX_NESTED_JSON_CHARS else ""
    if stripped[:1] not in ("{", "[", '"') or stripped[-1:] not in ("}", "]", '"'):
        return None
    try:
        return json.loads(stripped, object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError):
        return None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key given twice one value would be looked at, and the other would leave unseen."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)
