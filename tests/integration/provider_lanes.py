"""What the tests of adapters of OpenAI's SDK share: a lane, a run, and surroundings that must not leak into a call."""

import threading
from typing import Any

import pytest

from tidegate.job import Message, Params
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Run, open_backend

KEY = "very-secret-key"


def surround(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of ours, and of everything that an SDK would pick up by itself something that must go nowhere."""
    monkeypatch.setenv("PROVIDER_KEY", KEY)
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.setenv(name, "nobody-s-business")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://nowhere.invalid")
    for name in ("OPENAI_BASE_URL", "OPENAI_API_VERSION", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def lane(backend: str, **changed: Any) -> Lane:
    """A lane outside."""
    given = {"name": "far", "zone": Zone.OUTSIDE, "model": "gpt-4o-mini", "context_tokens": 8192}
    return Lane.model_validate({**given, "key_env": "PROVIDER_KEY", "backend": backend, **changed})


def a_run(*messages: dict[str, Any], timeout_s: float = 60.0, **params: Any) -> Run:
    """One run."""
    turns = tuple(map(Message.model_validate, messages or ({"role": "user", "content": "hello"},)))
    return Run(job_id="job-1", attempt=1, messages=turns, params=Params.model_validate(params), timeout_s=timeout_s)


def ask(lane: Lane, run: Run | None = None) -> Answer:
    """One answer."""
    backend = open_backend(lane, Settings())
    try:
        return backend.answer(run or a_run(), stop=threading.Event())
    finally:
        backend.close()
