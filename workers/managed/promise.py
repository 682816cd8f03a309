"""Whether an answer keeps the form that the job promised to its reader. No provider is trusted to have checked it."""

import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import referencing
from jsonschema.validators import validator_for
from pydantic import JsonValue

from tidegate.errors import BadRequest, SchemaInvalid
from tidegate.job import Params, ToolCall
from workers import toolcalls

NOT_JSON = object()


def keep(text: str, params: Params, *, calls: Sequence[ToolCall] = ()) -> None:
    """Pass an answer of the promised form. Raises SchemaInvalid, or BadRequest where the schema itself is none."""
    if (cause := toolcalls.problem(calls, params)) is not None:
        raise SchemaInvalid(cause)
    promised = params.response_format
    if promised is None or promised.type == "text" or calls:
        return
    value = _parsed(text)
    if value is NOT_JSON:
        raise SchemaInvalid("the answer is not JSON")
    if promised.json_schema is None:
        if not isinstance(value, dict):
            raise SchemaInvalid("the answer is JSON, but no object")
        return
    valid = _valid(value, promised.json_schema.schema_)
    if valid is None:
        raise BadRequest("the job's JSON schema cannot be applied")
    if not valid:
        raise SchemaInvalid("the answer breaks the promised schema")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def _valid(value: Any, schema: dict[str, JsonValue]) -> bool | None:
    """Whether a value fits; None where the schema cannot tell."""
    try:
        kind = validator_for(schema, default=jsonschema.Draft202012Validator)
        # An empty registry: without it jsonschema fetches a `$ref` from wherever the job's schema says.
        return kind(schema, registry=referencing.Registry()).is_valid(value)
    except Exception:  # noqa: BLE001 - a schema comes with the job: a wrong keyword raises whatever it likes
        return None
