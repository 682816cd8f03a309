"""`tidegate schema`: the JSON Schemas of the contract, for producers in other languages and for their editors."""

import json
from collections.abc import Mapping
from enum import StrEnum

import typer
from pydantic import BaseModel

from tidegate.decision import Decision
from tidegate.describing import described
from tidegate.job import Job
from tidegate.lane import Lane
from tidegate.result import JobResult


class Part(StrEnum):
    """What crosses a queue."""

    JOB = "job"
    RESULT = "result"
    DECISION = "decision"
    LANE = "lane"


MODELS: Mapping[Part, type[BaseModel]] = {
    Part.JOB: Job,
    Part.RESULT: JobResult,
    Part.DECISION: Decision,
    Part.LANE: Lane,
}


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Jobs")(schema)


def schema(part: Part) -> None:
    """Print the JSON Schema of a job, a result, a decision or a lane."""
    typer.echo(text_of(part), nl=False)


def text_of(part: Part) -> str:
    """The schema as it also stands in docs/schemas."""
    return json.dumps(described(MODELS[part]), indent=2) + "\n"
