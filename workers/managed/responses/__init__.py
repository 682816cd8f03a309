"""OpenAI's Responses API as a dialect: its requests, its answers at once and in pieces. Nothing is kept there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidegate.job import Params
from tidegate.result import Answer
from workers.backend import Run
from workers.managed.dialect import Body, Pieces
from workers.managed.request import quirk
from workers.managed.responses import answer, request
from workers.managed.responses.stream import Stream
from workers.managed.translation import Rejection


@dataclass(frozen=True, kw_only=True)
class Responses:
    """OpenAI's second way."""

    logprobs: bool = False
    """Whether log-probabilities are asked for where the job does not: they say how sure the model was."""

    openai: bool = False
    """Whether it is OpenAI itself."""

    def resource(self, client: Any) -> Any:
        """Where they are asked for."""
        return client.responses

    def arguments(self, run: Run, *, model: str, quirks: frozenset[str], stream: bool) -> Body:
        """The request."""
        return request.body(run, model=model, quirks=quirks, stream=stream, logprobs=self.logprobs, openai=self.openai)

    def quirk(self, said: Rejection) -> str | None:
        """The field that a server will not have."""
        return quirk(said, known=request.QUIRKS, ours=request.OURS)

    def pieces(self, on_piece: Callable[[str], None]) -> Pieces:
        """A stream."""
        return Stream(on_piece)

    def text_of(self, content: bytes) -> str | None:
        """The text of what may be an answer."""
        return answer.text_of(content)

    def read(self, content: bytes, *, model: str, params: Params) -> Answer:
        """The answer."""
        return answer.read(content, model=model, params=params)
