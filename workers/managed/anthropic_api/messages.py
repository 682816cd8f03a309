"""One run's way of speaking: the request is in `request`, answers in `answer`, streams in `stream`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidegate.job import Params
from tidegate.result import Answer
from workers.backend import Run
from workers.managed.anthropic_api import answer
from workers.managed.anthropic_api.request import body, headers, quirk, sdk
from workers.managed.anthropic_api.stream import MessageStream
from workers.managed.dialect import Body, Pieces
from workers.managed.translation import Rejection


@dataclass(frozen=True, kw_only=True)
class Messages:
    """The Messages API for one run: what the answer is depends on what was asked."""

    params: Params
    by_tool: bool = False
    """Whether a tool was offered that takes the answer."""

    def resource(self, client: Any) -> Any:
        """Where they are asked for."""
        return client.messages

    def arguments(self, run: Run, *, model: str, quirks: frozenset[str], stream: bool) -> Body:
        """The request, with the version of the API that it needs."""
        fields = body(run, model=model, quirks=quirks, stream=stream)
        return {**sdk(fields), "extra_headers": headers(fields)}

    def quirk(self, said: Rejection) -> str | None:
        """The field that a server will not have."""
        return quirk(said)

    def pieces(self, on_piece: Callable[[str], None]) -> Pieces:
        """A stream."""
        return MessageStream(on_piece, self.params, by_tool=self.by_tool)

    def text_of(self, content: bytes) -> str | None:
        """The text of what may be a message, as the answer will have it."""
        return answer.text_of(content, self.params)

    def read(self, content: bytes, *, model: str, params: Params) -> Answer:
        """The answer."""
        return answer.read(content, model=model, params=params)
