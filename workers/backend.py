"""The port to whatever runs a model, and the table of its adapters."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

from tidegate.job import Message, Params
from tidegate.lane import Lane
from tidegate.result import Answer
from tidegate.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a provider says of one of its limits."""

    limit: int | None = None
    left: int | None = None
    reset_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a provider says of itself, beside an answer or instead of one."""

    requests: Room = Room()
    tokens: Room = Room()
    retry_after_s: float | None = None
    first_byte_s: float | None = None
    """From the call to the first byte of its answer."""
    second: bool = False
    """Whether it is about the second call of a hedged run; the first such word says that it is made."""
    answered_by: str | None = None
    """Of a run that had two calls: the deployment whose answer counts."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One attempt at one job on one lane."""

    job_id: str
    attempt: int
    messages: tuple[Message, ...]
    params: Params
    timeout_s: float
    """The lane's limit or the job's remaining time, whichever is less."""
    input: tuple[str, ...] = ()
    """Texts to turn into vectors; then there are no messages."""
    priority: int = 5
    """0 is the most urgent."""
    tenant: str = "default"
    guarded: bool = True
    """Whether nothing that is computed for it may be kept for another job of the tenant."""
    suspect: bool = False
    """Whether an engine died while an earlier attempt ran: this one shares the engine with nobody."""
    tell: Callable[[Heard], None] = lambda _heard: None
    """For what a provider says beside its answer, or instead of one; may be called several times."""
    deployment: str = ""
    """Which of the lane's deployments is to be called; its first one where that is none of them."""
    regions: tuple[str, ...] | None = None
    """Where it may be computed, whoever is called; None: anywhere. See Lane.deployments_in."""
    another: Callable[[], str | None] | None = None
    """Asks for a permit for a second call, and names its deployment; None for a run that has one call only."""


class Backend(Protocol):
    """Runs jobs of one lane. `answer` may be called from several threads, as many as the lane's concurrency."""

    def answer(self, run: Run, *, stop: threading.Event, on_text: Callable[[str], None] | None = None) -> Answer:
        """Run to the end. Raises a RunError; returns or raises soon after `stop` is set.

        `on_text` gets the text while it grows, on the caller's thread; together it is the answer's text. Nothing that
        it got counts where an error follows. A backend that does not stream says all of it at once.
        """

    def close(self) -> None:
        """Let go of processes and connections."""


@runtime_checkable
class Warms(Protocol):
    """A backend that takes time to get ready."""

    def warm(self, *, timeout_s: float) -> None:
        """Get ready for the first job. Raises a RunError, NoMemory where there is no room for it now."""


class OpenBackend(Protocol):
    """What an adapter's module offers under the name `open_backend`."""

    def __call__(self, lane: Lane, settings: Settings) -> Backend:
        """Make ready to serve a lane. Raises Misuse or ModelMissing with what to do."""


ADAPTERS: Mapping[str, str] = {
    "llama_cpp": "workers.local.backend",
    **dict.fromkeys(("openai", "openai_responses", "azure", "vertex", "anthropic"), "workers.managed.backend"),
    "noop": "workers.rehearsal",
}
"""A lane's `backend` -> the module that serves it, imported when a worker first needs it."""


def open_backend(lane: Lane, settings: Settings) -> Backend:
    """The backend of a lane."""
    module = import_module(ADAPTERS[lane.backend])
    return cast("OpenBackend", module.open_backend)(lane, settings)
