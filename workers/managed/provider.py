"""The port to a provider: what an adapter of its SDK does, and nothing of threads, limits or lanes."""

from collections.abc import Callable
from typing import Protocol

from tidegate.deployment import Deployment
from tidegate.errors import RunError
from tidegate.lane import Lane
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Run

OnPiece = Callable[[str], None]


class Provider(Protocol):
    """One deployment of a lane: its client, its key, and what it was seen to refuse.

    `send` and `close` run on the lane's event loop, many at a time; `read` runs in the job's own thread, since a job's
    schema may be slow to check and the lane's other calls run on the loop.
    """

    async def send(self, run: Run, on_piece: OnPiece | None) -> bytes:
        """Ask once. May raise anything; the caller bounds the time, and cancels."""

    def read(self, content: bytes, run: Run) -> Answer:
        """The answer in what `send` returned. Raises a RunError."""

    def failure(self, error: Exception) -> RunError:
        """Our error for what `send` raised, without a vendor's exception or text in it."""

    async def close(self) -> None:
        """Let go of connections."""


class OpenProvider(Protocol):
    """What an adapter's module offers under the name `open_provider`."""

    def __call__(self, lane: Lane, deployment: Deployment, settings: Settings) -> Provider:
        """Make ready to call one deployment; nothing is sent. Raises Misuse with what to do."""
