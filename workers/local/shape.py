"""The promised shape of an answer: `response_format` -> grammar before the first token, validation after the last.

Both run in the engine's process: a schema comes from a producer, and one that explodes, or a pattern that never ends,
must hang nothing but the engine.
"""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from tidegate.job import ResponseFormat
from tidegate.result import FinishReason
from workers.local.failing import Failing
from workers.local.grammar import schema as grammar
from workers.local.grammar.bounds import check_size
from workers.local.protocol import Failure


def gbnf(wanted: ResponseFormat | None) -> str | None:
    """The grammar that the model is held to, or None for free text. Raises Failing where it cannot be expressed."""
    if wanted is None or wanted.type == "text":
        return None
    return grammar.any_object() if wanted.json_schema is None else _gbnf(wanted.json_schema.schema_)


def check(text: str, wanted: ResponseFormat | None, *, finish_reason: FinishReason) -> None:
    """Hold the answer to the promise. Raises Failing that names the keyword, never the value."""
    if wanted is None or wanted.type == "text":
        return
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        raise Failing(Failure.SCHEMA_INVALID, _unreadable(finish_reason)) from None
    if wanted.json_schema is None:
        if not isinstance(answer, dict):
            raise Failing(Failure.SCHEMA_INVALID, "the answer is JSON, but no object")
        return
    _validate(answer, wanted.json_schema.schema_)


def _gbnf(schema: Mapping[str, Any]) -> str:
    check_size(schema)
    try:
        _kind(schema).check_schema(dict(schema))
        return grammar.gbnf(schema)
    except SchemaError as exc:
        raise Failing(Failure.BAD_REQUEST, f"json_schema is no JSON schema: it breaks {exc.validator!r}") from None
    except Failing:
        raise
    except Exception:  # noqa: BLE001 - whatever a schema of a stranger's makes it trip over; the words may quote it
        raise Failing(Failure.BAD_REQUEST, "json_schema cannot be expressed as a grammar") from None


def _kind(schema: Mapping[str, Any]) -> type[Validator]:
    """The draft that the schema names."""
    found: type[Validator] = validator_for(schema, default=Draft202012Validator)
    return found


def _unreadable(finish_reason: FinishReason) -> str:
    if finish_reason == "length":
        return "the answer is no JSON: it was cut by max_tokens"
    return "the answer is no JSON"


def _validate(answer: Any, schema: Mapping[str, Any]) -> None:
    try:
        # A registry of its own: the default one fetches a foreign $ref over the network.
        _kind(schema)(schema, registry=EMPTY_REGISTRY).validate(answer)
    except ValidationError as exc:
        # The keyword only: the keys on the way there may be words of the answer.
        raise Failing(Failure.SCHEMA_INVALID, f"the answer breaks the schema: {exc.validator}") from None
    except Unresolvable:
        raise Failing(Failure.BAD_REQUEST, "json_schema refers to another document") from None
    except Exception:  # noqa: BLE001 - a pattern that is no pattern raises whatever it likes
        raise Failing(Failure.BAD_REQUEST, "json_schema cannot be applied") from None
