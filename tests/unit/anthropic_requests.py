"""What the tests of requests to Anthropic share: a run, its request, which Anthropic would take, and tools."""

from typing import Any

from tidegate.job import Message, Params
from workers.backend import Run
from workers.managed.anthropic_api.request import body, headers
from workers.standin.messages_check import problem, problem_of_version

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
LOOK = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}


def a_run(*messages: Message, **params: Any) -> Run:
    """One run."""
    turns = messages or (Message(role="user", content="hi"),)
    return Run(job_id="job", attempt=1, messages=turns, params=Params.model_validate(params), timeout_s=5)


def asked(*messages: Message, quirks: frozenset[str] = frozenset(), **params: Any) -> dict[str, Any]:
    """The request of one run, which Anthropic would take."""
    made = body(a_run(*messages, **params), model="m", quirks=quirks)
    assert problem(made) is None
    assert problem_of_version(made, {"anthropic-version": "2026-10-21"} | headers(made)) is None
    return made
