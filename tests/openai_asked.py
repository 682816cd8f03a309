"""What the tests of the OpenAI backend share: a lane, runs with a canary, and answers as OpenAI words them."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tidegate.job import JsonSchema, Message, Params, ResponseFormat
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Run, open_backend

KEY = "sk-very-secret-key"
CANARY = "canary-7f3a"
"""Text of a job: it may reach the provider, and nothing else."""
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
PROMISED = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=SCHEMA))


def surround(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of ours, and nothing else that the SDK would pick up."""
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "PROVIDER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def lane(**changed: Any) -> Lane:
    """A lane outside, but for what is changed."""
    given = {"name": "far", "zone": Zone.OUTSIDE, "backend": "openai", "model": "gpt-4o-mini", "context_tokens": 8192}
    return Lane.model_validate({**given, **changed})


def a_run(*messages: Message, timeout_s: float = 10.0, **params: Any) -> Run:
    """One run with a canary in it."""
    turns = messages or (Message(role="user", content=f"say {CANARY}"),)
    return Run(job_id="job-1", attempt=1, messages=turns, params=Params.model_validate(params), timeout_s=timeout_s)


def ask(
    url: str,
    run: Run | None = None,
    *,
    stop: threading.Event | None = None,
    on_text: Callable[[str], None] | None = None,
    **changed: Any,
) -> Answer:
    """One answer of a server."""
    backend = open_backend(lane(base_url=url, **changed), Settings())
    try:
        return backend.answer(run or a_run(), stop=stop or threading.Event(), on_text=on_text)
    finally:
        backend.close()


def completion(**changed: Any) -> dict[str, Any]:
    """A sound answer, but for what is changed in its message or choice."""
    message = {"role": "assistant", "content": changed.pop("content", "fine"), "refusal": changed.pop("refusal", None)}
    choice = {"index": 0, "message": message, "finish_reason": changed.pop("finish_reason", "stop")}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    return {"id": "x", "model": "served", "choices": [choice], "usage": usage, **changed}
