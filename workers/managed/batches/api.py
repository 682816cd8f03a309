"""The port to a provider's batches, and the table of its adapters.

A batch is known by our id before it is sent, and is found again after a crash. That the provider makes it once only,
the adapter asks for in its own words (metadata, an idempotency key); the caller relies on neither, and asks first.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import Protocol, cast

from tidegate.deployment import Deployment
from tidegate.errors import MissingExtra, RunError
from tidegate.lane import Lane
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Run


class NotYet(RunError):
    """It cannot be said yet whether the provider has a batch."""


class NoBatch(RunError):
    """The provider's batches take no job of this kind, and its calls do."""


class Phase(StrEnum):
    """Where a batch is at its provider."""

    WORKING = "working"
    ENDED = "ended"
    """Its results can be read: of some lines, or of all."""
    FAILED = "failed"
    """None of its lines was or will be answered."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One request of a batch."""

    custom_id: str
    endpoint: str
    """A batch has lines of one only."""
    body: bytes = field(repr=False)
    """As JSON."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """By what a batch of ours is told from others."""

    batch_id: str
    """Ours."""
    custom_ids: frozenset[str]
    lines: int = 0
    """How many of them were sent, of a batch that may have been."""
    since: float | None = None
    """When it was first tried to send it, by our clock; None where that was never tried."""
    others: frozenset[str] = frozenset()
    """The provider's ids of other batches of ours."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a provider says of a batch."""

    provider_id: str
    phase: Phase
    answered: int = 0
    """Lines that it is done with."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What came of one line. With neither: it was not tried, and costs nothing."""

    custom_id: str
    content: bytes | None = field(default=None, repr=False)
    """The body of an answer, as `read` takes it."""
    error: RunError | None = None


class BatchApi(Protocol):
    """One deployment's batches. What is a coroutine may raise anything: `failure` says what that means."""

    def line(self, custom_id: str, run: Run) -> Line:
        """A run as a line. Raises BadRequest for what it never takes, NoBatch for what only calls take."""

    async def submit(self, mark: Mark, lines: Sequence[Line], *, check: Callable[[], None]) -> Progress:
        """Send a batch. `check` is called right before the request that makes it, and what it raises passes."""

    async def find(self, mark: Mark) -> Progress | None:
        """The batch that was sent under this mark, if it was; the first, where several were.

        Raises NotYet where that cannot be told now.
        """

    async def twins(self, mark: Mark, provider_id: str) -> list[str]:
        """Other batches that were sent under this mark, as far as that can be told now."""

    async def status(self, provider_id: str) -> Progress:
        """How far it is."""

    def results(self, provider_id: str) -> AsyncIterator[Answered]:
        """What came of the lines, one after the other. A line that cannot be read is passed over."""

    async def cancel(self, provider_id: str) -> None:
        """Work on no more lines."""

    async def clean(self, mark: Mark, provider_id: str | None) -> None:
        """Delete what the provider keeps of a batch that is over (or of one that was never made)."""

    def read(self, content: bytes, run: Run) -> Answer:
        """The answer in a line's content. Raises a RunError."""

    def failure(self, error: Exception) -> RunError:
        """Our error for what was raised, without a vendor's exception or text in it."""

    async def close(self) -> None:
        """Let go of connections."""


class OpenBatches(Protocol):
    """What an adapter's module offers under the name `open_batches`."""

    def __call__(self, lane: Lane, deployment: Deployment, settings: Settings) -> BatchApi:
        """Make ready to send batches; nothing is sent. Raises Misuse with what to do."""


APIS: Mapping[str, str] = {
    "openai": "workers.managed.batches.openai",
    "openai_responses": "workers.managed.batches.openai",
    "azure": "workers.managed.batches.azure",
    "anthropic": "workers.managed.batches.anthropic",
}
"""A lane's `backend` -> the module that knows its provider's batches."""


def open_batches(lane: Lane, deployment: Deployment, settings: Settings) -> BatchApi:
    """The batches of one deployment. Raises Misuse."""
    try:
        module = import_module(APIS[lane.backend])
    except ModuleNotFoundError:
        raise MissingExtra("managed", needed_for=f"lane {lane.name}") from None
    return cast("OpenBatches", module.open_batches)(lane, deployment, settings)
