"""`tidegate policy schema`: the JSON Schema of policy files, for editors."""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from router.commands.terminal import write
from router.policy.cases.model import CasesFile
from router.policy.schema import schema
from router.policy.simulation.traffic import Traffic
from tidegate.describing import described


class Of(StrEnum):
    """The files that have a schema."""

    POLICY = "policy"
    TESTS = "tests"
    TRAFFIC = "traffic"


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("schema")(print_schema)


def print_schema(of: Annotated[Of, typer.Argument(help="Of which files.")] = Of.POLICY) -> None:
    """Print the JSON Schema of policy files, for completion and hover texts in editors.

    Also that of files of cases (tests) and of descriptions of traffic.
    """
    write(json.dumps(_SCHEMAS[of](), indent=2))


def _of(model: type[BaseModel], title: str) -> dict[str, Any]:
    found = described(model)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": title}


_SCHEMAS: Mapping[Of, Callable[[], dict[str, Any]]] = {
    Of.POLICY: schema,
    Of.TESTS: lambda: _of(CasesFile, "cases of a tidegate policy"),
    Of.TRAFFIC: lambda: _of(Traffic, "traffic for a simulation of a tidegate policy"),
}
