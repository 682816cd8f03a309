"""JSON Schemas with the docstrings under fields as descriptions: hover texts in editors, help in documents.

Read from the source when a schema is asked for. pydantic can do it as each class is made (`use_attribute_docstrings`),
which costs every start of every process half a second.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


def described(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model, by the names that are written in files."""
    return model.model_json_schema(by_alias=True, mode="validation", schema_generator=_Described)


class _Described(GenerateJsonSchema):
    """Adds each field's docstring where the field has no description of its own."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        built = super().model_schema(schema)
        for name, text in _docstrings(schema["cls"]):
            field = schema["cls"].model_fields.get(name)
            written = built.get("properties", {}).get((field.alias or name) if field else name)
            if written is not None:
                written.setdefault("description", text)
        return built


def _docstrings(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Fields and the strings under them, the nearest class first."""
    for cls in model.__mro__:
        origin = getattr(cls, "__pydantic_generic_metadata__", {}).get("origin") or cls
        if not (isinstance(origin, type) and issubclass(origin, BaseModel)) or origin is BaseModel:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(origin))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for one, after in pairwise(statements):
            match one, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    yield name, inspect.cleandoc(text)
