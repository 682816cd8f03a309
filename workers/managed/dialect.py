"""The port to a way of speaking: OpenAI's SDK knows several, and servers that take one or the other."""

from collections.abc import Callable
from typing import Any, Protocol

from tidegate.job import Params
from tidegate.result import Answer
from workers.backend import Run
from workers.managed.translation import Rejection

Body = dict[str, Any]


class Pieces(Protocol):
    """An answer that comes in pieces."""

    def feed(self, chunk: bytes) -> None:
        """Some bytes, cut anywhere."""

    def body(self) -> bytes:
        """The whole, as the dialect's `read` takes it."""


class Dialect(Protocol):
    """How a run is asked and its answer read. Keeps nothing."""

    def resource(self, client: Any) -> Any:
        """The part of the SDK's client that has `create`."""

    def arguments(self, run: Run, *, model: str, quirks: frozenset[str], stream: bool) -> Body:
        """Those of `create`, without what this server was seen to refuse. Raises BadRequest for what it has not."""

    def quirk(self, said: Rejection) -> str | None:
        """The field that a rejection names as unknown, where the request can do without it."""

    def pieces(self, on_piece: Callable[[str], None]) -> Pieces:
        """For a streamed answer; each piece of text is handed on at once."""

    def text_of(self, content: bytes) -> str | None:
        """The text in a body that may be an answer."""

    def read(self, content: bytes, *, model: str, params: Params) -> Answer:
        """The answer in a body that came with status 200. Raises a RunError."""
