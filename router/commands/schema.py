"""`tidegate policy schema`: the JSON Schema of policy files, for editors."""

import json

import typer

from router.commands.terminal import write
from router.policy.schema import schema


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("schema")(print_schema)


def print_schema() -> None:
    """Print the JSON Schema of policy files, for completion and hover texts in editors."""
    write(json.dumps(schema(), indent=2))
