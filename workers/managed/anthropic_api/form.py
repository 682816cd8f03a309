"""Tools and promised forms in Anthropic's words.

A schema goes as structured output where Anthropic takes it, else as a tool that must be called, whose input is the
answer. Either way the answer is held to the job's own schema afterwards.
"""

from collections.abc import Mapping
from typing import Any

import anthropic

from tidegate.errors import BadRequest
from tidegate.job import Params
from tidegate.tools import ChosenTool
from workers import toolcalls

Body = dict[str, Any]

AS_TOOL = "output_config"
"""The quirk of a model that has no structured outputs."""

THIS_SCHEMA = "schema"
"""The quirk of one job's schema that they do not take."""

JSON_OBJECT = "Answer with one JSON object and nothing else: no explanation, no code fence."
"""What stands for `json_object`, which Anthropic has no field for."""

OPEN = ("patternProperties", "propertyNames", "unevaluatedProperties", "dependentSchemas", "if", "not")
"""Keywords that structured outputs would pass over in silence."""

MAX_DEPTH = 64


def tools(params: Params, *, called: frozenset[str] = frozenset(), quirks: frozenset[str] = frozenset()) -> Body:
    """`tools`, `tool_choice` and `output_config`, where there are any. `called`: the tools of earlier turns."""
    offered = [
        _tool(tool.function.name, tool.function.description, toolcalls.schema_of(tool.function))
        for tool in params.tools
    ]
    choice = _choice(params) if offered else None
    schema = promised_schema(params)
    if schema is not None and not as_tool(params, quirks):
        return {**_with(offered, choice, called), "output_config": {"format": _structured(schema)}}
    if schema is not None:
        return _by_tool(params, schema, offered)
    return _with(offered, choice, called)


def promised_schema(params: Params) -> dict[str, Any] | None:
    """The schema of the answer, where the answer is one and no call."""
    promised = params.response_format
    if promised is None or promised.json_schema is None or params.must_call:
        return None
    return dict(promised.json_schema.schema_)


def as_tool(params: Params, quirks: frozenset[str]) -> bool:
    """Whether the answer comes as the input of a tool."""
    schema = promised_schema(params)
    return schema is not None and (bool({AS_TOOL, THIS_SCHEMA} & quirks) or not structurable(schema))


def answer_tool(params: Params) -> str:
    """What that tool is called: as none of the job's."""
    name = "answer"
    while any(tool.function.name == name for tool in params.tools):
        name += "_"
    return name


def structurable(schema: Mapping[str, Any]) -> bool:
    """Whether the schema means the same where each object is closed."""
    try:
        return _closed(schema, depth=0) and bool(anthropic.transform_schema(dict(schema)))
    except Exception:  # noqa: BLE001 - a schema comes with the job: a wrong keyword raises whatever it likes
        return False


def _structured(schema: dict[str, Any]) -> Body:
    return {"type": "json_schema", "schema": anthropic.transform_schema(schema)}


def _by_tool(params: Params, schema: dict[str, Any], offered: list[Body]) -> Body:
    if schema.get("type", "object") != "object":
        raise BadRequest("params.response_format.json_schema.schema: for this model it must be a schema of an object")
    name = answer_tool(params)
    answer = _tool(name, "Gives the answer to the user.", {"type": "object", **schema})
    alone = params.tool_choice == "none" or not offered
    choice = {"type": "tool", "name": name} if alone else {"type": "any"}
    single = alone or params.parallel_tool_calls is False
    return {
        "tools": [*offered, answer],
        "tool_choice": {**choice, "disable_parallel_tool_use": True} if single else choice,
    }


def _with(offered: list[Body], choice: Body | None, called: frozenset[str]) -> Body:
    """Tools that were called but are offered no more are named all the same: Anthropic wants to know them."""
    if not offered and called:
        unknown = {"type": "object"}
        return {"tools": [_tool(name, None, unknown) for name in sorted(called)], "tool_choice": {"type": "none"}}
    return {"tools": offered, **({"tool_choice": choice} if choice else {})} if offered else {}


def _tool(name: str, description: str | None, schema: Mapping[str, Any]) -> Body:
    about = {"description": description} if description else {}
    return {"name": name, **about, "input_schema": dict(schema)}


def _choice(params: Params) -> Body | None:
    """None is Anthropic's own: the model chooses, and may call several at once."""
    choice: Body
    if isinstance(params.tool_choice, ChosenTool):
        choice = {"type": "tool", "name": params.tool_choice.function.name}
    else:
        choice = {"type": CHOICES[params.tool_choice or "auto"]}
    if params.parallel_tool_calls is False and choice["type"] != "none":
        return {**choice, "disable_parallel_tool_use": True}
    return None if choice == {"type": "auto"} else choice


CHOICES: Mapping[str, str] = {"auto": "auto", "required": "any", "none": "none"}


def _closed(schema: Any, *, depth: int) -> bool:
    if depth > MAX_DEPTH:
        return False
    if isinstance(schema, list):
        return all(_closed(part, depth=depth + 1) for part in schema)
    if not isinstance(schema, dict):
        return True
    if any(keyword in schema for keyword in OPEN) or schema.get("additionalProperties", False) is not False:
        return False
    if schema.get("type") == "object" and not schema.get("properties"):
        return False  # an object of anything
    return all(_closed(part, depth=depth + 1) for name, part in schema.items() if name not in ("enum", "const"))
