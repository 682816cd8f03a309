"""Prompts kept by the operators: a job names one and gives the values of its variables.

The router fills a prompt in before it inspects the job, so that the values are inspected like any other text.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Annotated, Literal

from pydantic import Field

from tidegate.documents import Document, in_order, read
from tidegate.errors import InvalidDocument, InvalidJob
from tidegate.expectations import did_you_mean
from tidegate.job import Job, Message
from tidegate.value import Many, Name, Value

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class Turn(Value):
    """One message of a prompt. `${name}` stands for a variable, `$$` for a dollar."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class Prompt(Value):
    """A prompt by name."""

    about: str = ""
    """What it is for, in a sentence."""
    messages: Annotated[Many[Turn], Field(min_length=1)]

    @property
    def variables(self) -> frozenset[str]:
        """The variables that a job must give, all of them and no other."""
        return frozenset(name for turn in self.messages for name in Template(turn.content).get_identifiers())


Prompts = Mapping[str, Prompt]
"""Prompts by name."""


class PromptFile(Value):
    """The file of prompts."""

    version: Literal[1]
    """The version of this grammar."""
    prompts: dict[Name, Prompt]
    """Prompts by name."""


def read_prompts(path: Path) -> Prompts:
    """The prompts of a file; none where there is no file. Raises InvalidDocument with every error."""
    if not path.exists():
        return {}
    document = read(path)
    file, problems = document.attempt(PromptFile)
    if file is not None:
        problems = (*problems, *_unreadable(file, document))
    if file is None or problems:
        raise InvalidDocument(in_order(problems))
    return dict(file.prompts)


def resolve(job: Job, prompts: Prompts) -> Job:
    """The job with its messages in place of a prompt's name. Raises InvalidJob that names the field."""
    if job.prompt is None:
        return job
    prompt = prompts.get(job.prompt.name)
    if prompt is None:
        raise InvalidJob((f"prompt.name: no such prompt{did_you_mean(job.prompt.name, prompts)}",))
    given = job.prompt.variables
    problems = tuple(_mismatches(prompt.variables, given))
    if problems:
        raise InvalidJob(problems)
    # One pass: a `${…}` inside a value stays what it is, so that no value can pull in another.
    return job.resolved(
        tuple(Message(role=turn.role, content=Template(turn.content).substitute(given)) for turn in prompt.messages)
    )


def _mismatches(expected: frozenset[str], given: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(expected - given.keys()):
        yield f"prompt.variables.{name}: is missing"
    for name in sorted(given.keys() - expected):
        # A key that is no plain name may be anything, even somebody's text: it is not repeated.
        called = f".{name}" if _VARIABLE.fullmatch(name) else ""
        yield f"prompt.variables{called}: the prompt has no such variable{did_you_mean(name, expected)}"


def _unreadable(file: PromptFile, document: Document) -> Iterator[str]:
    """Contents that are no templates: a lone `$`, an empty `${}`."""
    for name, prompt in file.prompts.items():
        for index, turn in enumerate(prompt.messages):
            if not Template(turn.content).is_valid():
                path = ("prompts", name, "messages", index, "content")
                yield document.at(path, "a '$' that starts no ${variable}; write $$ for a dollar", value=True)
