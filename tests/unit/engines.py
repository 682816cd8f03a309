"""What the tests of the local backend share: engines of the shipped model, jobs for them, and whether they live."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tidegate.job import JsonSchema, Message, Params, ResponseFormat
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import load
from workers.backend import Run
from workers.local.backend import LocalBackend
from workers.models import catalogue
from workers.models.catalogue import ModelFile

CANARY = "Erika Mustermann"
LONG = ResponseFormat(
    type="json_schema", json_schema=JsonSchema(schema={"type": "string", "minLength": 600, "maxLength": 700})
)
"""Holds the model to at least 600 characters: a job that certainly runs for a while."""


def shipped() -> ModelFile:
    """The model that comes with the checkout."""
    return next(model for model in catalogue.known(load()) if model.origin == "shipped")


def lane(model: str, *, context_tokens: int = 1024) -> Lane:
    """A local lane with this model."""
    return Lane(name="local", zone=Zone.INSIDE, backend="llama_cpp", model=model, context_tokens=context_tokens)


def run(text: str = "hello", *, timeout_s: float = 60.0, **params: object) -> Run:
    """One job with this text."""
    made = Params.model_validate({"max_tokens": 8} | params)
    return Run(
        job_id="job", attempt=1, messages=(Message(role="user", content=text),), params=made, timeout_s=timeout_s
    )


def ask(backend: LocalBackend, job: Run | None = None, *, stop: threading.Event | None = None) -> Answer:
    """Run one job."""
    return backend.answer(job or run(), stop=stop or threading.Event())


def engine_pid(backend: LocalBackend) -> int:
    """The process id of its engine."""
    assert backend._engine is not None
    assert backend._engine.pid is not None
    return backend._engine.pid


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has buried yet has ended too."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@contextmanager
def an_engine(*, context_tokens: int = 1024, **options: Any) -> Iterator[LocalBackend]:
    """A backend of the shipped model, closed in the end."""
    model = shipped()
    opened = LocalBackend(lane(model.name, context_tokens=context_tokens), model, **options)
    try:
        yield opened
    finally:
        opened.close()
