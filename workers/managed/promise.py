"""Whether an answer keeps the form that the job promised to its reader. No provider is trusted to have checked it."""

import json
from dataclasses import dataclass
from typing import Any

from tidegate.errors import BadRequest, SchemaInvalid
from tidegate.job import Params
from tidegate.result import Answer, Usage
from workers import schemas, toolcalls
from workers.schemas import Misfit, Unchecked

_NOT_JSON = object()


@dataclass(frozen=True, kw_only=True)
class Broken:
    """How an answer breaks its form."""

    cause: str
    """For the record: no word of the answer, and none of its schema."""
    misfit: Misfit | None = None
    """Where, for whoever wrote it."""

    def error(self, usage: Usage) -> SchemaInvalid:
        """The same as an error, with what it took to get here."""
        return SchemaInvalid(self.cause, tokens=usage.prompt_tokens + usage.completion_tokens or None)


def check(params: Params) -> None:
    """Whether what a job promises can be checked at all, before anybody is asked. Raises BadRequest."""
    promised = params.response_format and params.response_format.json_schema
    if promised and (cause := schemas.problem(promised.schema_)) is not None:
        raise BadRequest(f"params.response_format: {cause}")
    for index, tool in enumerate(params.offered):
        if (cause := schemas.problem(toolcalls.schema_of(tool.function))) is not None:
            raise BadRequest(f"params.tools[{index}]: {cause}")


def broken(answer: Answer, params: Params) -> Broken | None:
    """What is wrong with an answer's form; None where nothing is. Raises BadRequest where the schema itself is none."""
    if (cause := toolcalls.problem(answer.tool_calls, params)) is not None:
        return Broken(cause=cause)
    if answer.tool_calls or not is_json(params):
        return None
    value = _parsed(answer.text)
    if value is _NOT_JSON:
        return Broken(cause="the answer is not JSON")
    promised = params.response_format and params.response_format.json_schema
    if not promised:
        return None if isinstance(value, dict) else Broken(cause="the answer is JSON, but no object")
    try:
        found = schemas.misfit(value, promised.schema_)
    except Unchecked as exc:
        raise BadRequest(f"the job's JSON schema cannot be applied: {exc}") from None
    return None if found is None else Broken(cause="the answer breaks the promised schema", misfit=found)


def is_json(params: Params) -> bool:
    """Whether JSON was promised."""
    return params.response_format is not None and params.response_format.type != "text"


def parses(text: str) -> bool:
    """Whether a text is JSON."""
    return _parsed(text) is not _NOT_JSON


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOT_JSON
