"""What the tests of the Anthropic backend share: a lane, runs with a canary, and answers as Anthropic words them."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tidegate.job import Message, Params
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Heard, Run, open_backend

KEY = "sk-ant-very-secret-key"
CANARY = "canary-7f3a"
"""Text of a job: it may reach the provider, and nothing else."""
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
FORM = {"type": "json_schema", "json_schema": {"schema": SCHEMA}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]


def surround(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of ours, and nothing else that the SDK would pick up."""
    for name in ("BASE_URL", "AUTH_TOKEN", "PROFILE", "CUSTOM_HEADERS", "LOG"):
        monkeypatch.delenv(f"ANTHROPIC_{name}", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def lane(**changed: Any) -> Lane:
    """A lane outside, but for what is changed."""
    given = {"name": "sea", "zone": Zone.OUTSIDE, "backend": "anthropic", "model": "claude-haiku-4-5"}
    return Lane.model_validate({**given, "context_tokens": 8192, **changed})


def a_run(
    *messages: Message, timeout_s: float = 10.0, tell: Callable[[Heard], None] | None = None, **params: Any
) -> Run:
    """One run with a canary in it."""
    turns = messages or (Message(role="user", content=f"say {CANARY}"),)
    made = Params.model_validate(params)
    return Run(
        job_id="job-1",
        attempt=1,
        messages=turns,
        params=made,
        timeout_s=timeout_s,
        tell=tell or (lambda _heard: None),
    )


def ask(url: str | None, *runs: Run, on_text: Callable[[str], None] | None = None, **changed: Any) -> Answer:
    """The last answer of a server to some runs, one after the other."""
    backend = open_backend(lane(base_url=url, **changed), Settings())
    try:
        for run in runs or (a_run(),):
            found = backend.answer(run, stop=threading.Event(), on_text=on_text)
    finally:
        backend.close()
    return found


def message(**changed: Any) -> dict[str, Any]:
    """A sound answer, but for what is changed."""
    return {
        "type": "message",
        "model": "served",
        "content": [{"type": "text", "text": "fine"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 1},
        **changed,
    }


def error(kind: str, text: str = "x") -> dict[str, Any]:
    """An error's body."""
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_1"}
