"""Chat completions, which most servers speak: the request is in `request`, answers in `chat`, streams in `stream`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tidegate.job import Params
from tidegate.result import Answer
from workers.backend import Run
from workers.managed import chat
from workers.managed.dialect import Body, Pieces
from workers.managed.request import body, quirk, sdk
from workers.managed.stream import Stream
from workers.managed.translation import Rejection


@dataclass(frozen=True, kw_only=True)
class ChatCompletions:
    """OpenAI's first way, and the one that others took over."""

    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """OpenAI's newer models know the longer name only; other servers know the shorter."""
    logprobs: bool = False
    """Whether log-probabilities are asked for where the job does not: they say how sure the model was."""
    beyond: bool = True
    """Whether fields are sent that OpenAI does not know and servers of one's own do."""
    forgets: bool = False
    """Whether it is told to keep nothing: OpenAI knows the field, others may refuse it."""

    def resource(self, client: Any) -> Any:
        """Where they are asked for."""
        return client.chat.completions

    def arguments(self, run: Run, *, model: str, quirks: frozenset[str], stream: bool) -> Body:
        """The request."""
        return sdk(
            body(
                run,
                model=model,
                limit_field=self.limit_field,
                quirks=quirks,
                stream=stream,
                logprobs=self.logprobs,
                beyond=self.beyond,
                forgets=self.forgets,
            )
        )

    def quirk(self, said: Rejection) -> str | None:
        """The field that a server will not have."""
        return quirk(said)

    def pieces(self, on_piece: Callable[[str], None]) -> Pieces:
        """A stream."""
        return Stream(on_piece)

    def text_of(self, content: bytes) -> str | None:
        """The text of what may be a completion."""
        return chat.text_of(content)

    def read(self, content: bytes, *, model: str, params: Params) -> Answer:
        """The answer."""
        return chat.read(content, model=model, params=params)
