"""Whether the calls that a model asks for are calls of the job's tools: whichever model, and whoever runs it.

Here is no word of a call: what is said of one goes on record.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from tidegate.job import Params, ToolCall
from tidegate.tools import Function
from workers import schemas
from workers.schemas import Unchecked

NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


def problem(calls: Sequence[ToolCall], params: Params) -> str | None:
    """What is wrong with an answer's calls; None where nothing is."""
    if not calls:
        return "the answer calls no tool, and tool_choice wants a call" if params.must_call else None
    if params.parallel_tool_calls is False and len(calls) > 1:
        return "the answer calls several tools, and parallel_tool_calls is false"
    offered = {tool.function.name: tool.function for tool in params.offered}
    if any(call.function.name not in offered for call in calls):
        return "the answer calls a tool that the job does not offer"
    found = (_of_arguments(call.function.arguments, offered[call.function.name]) for call in calls)
    return next(filter(None, found), None)


def of_tools(params: Params) -> str | None:
    """What is wrong with the schemas of a job's tools; None where nothing is."""
    for index, tool in enumerate(params.tools):
        schema = schema_of(tool.function)
        try:
            _kind(schema).check_schema(schema)
        except SchemaError as exc:
            return f"params.tools[{index}].function.parameters: no JSON schema, it breaks {exc.validator!r}"
        except Exception:  # noqa: BLE001 - whatever a stranger's schema makes it trip over; the words may quote it
            return f"params.tools[{index}].function.parameters: a schema that cannot be applied"
    return None


def schema_of(function: Function) -> dict[str, Any]:
    """The schema of a function's arguments: they are an object, whatever else it says."""
    return dict(NO_ARGUMENTS) if function.parameters is None else {"type": "object", **function.parameters}


def _of_arguments(text: str, function: Function) -> str | None:
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError):
        return "a call's arguments are no JSON"
    try:
        found = schemas.misfit(arguments, schema_of(function))
    except Unchecked as exc:
        return f"a tool's schema cannot be applied: {exc}"
    return None if found is None else f"a call's arguments break the tool's schema: {found.keyword}"


def _kind(schema: Mapping[str, Any]) -> type[Validator]:
    """The draft that the schema names."""
    found: type[Validator] = validator_for(schema, default=Draft202012Validator)
    return found
