"""One job in the batch: what of its prompt is read, what it has written, and the messages that it says of itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tidegate.result import FinishReason, Usage
from workers.local.confidence import Sureness
from workers.local.protocol import Ask, Done, Piece
from workers.local.sampling import Picked
from workers.local.stepbatch import Fed
from workers.local.text import Text


class Picks(Protocol):
    """A sampler of one sequence."""

    def pick(self, row: int) -> Picked:
        """The next token. Raises Failing."""

    def close(self) -> None:
        """Free it."""


@dataclass(frozen=True)
class Prepared:
    """A job ready to run: its prompt in tokens, and who picks its tokens."""

    ask: Ask
    prompt: list[int]
    room: int
    """Tokens that it may write."""
    until: float
    """The moment of the engine's clock after which nobody waits for it."""
    sampler: Callable[[], Picks]
    """Raises Failing, where the job's grammar is none."""
    check: Callable[[str, FinishReason], None]
    """Holds the finished answer to the promised shape. Raises Failing."""

    @property
    def cells(self) -> int:
        """What it may fill of the memory at most, in tokens."""
        return len(self.prompt) + self.room


@dataclass
class Live:
    """A job with a sequence."""

    job: Prepared
    seq: int
    sampler: Picks
    text: Text
    todo: list[int]
    """Tokens that are not yet in the memory: the rest of the prompt, then the token that was just picked."""
    kept: int = 0
    """Tokens that are."""
    picked: list[int] = field(default_factory=list)
    written: int = 0
    reading: bool = True
    keep: int = 0
    """How much of its prompt to keep for the next job, once it is read."""
    sureness: Sureness = field(default_factory=Sureness)

    def share(self, count: int, *, wanted: bool) -> Fed:
        """The next tokens, as a part of a step."""
        return Fed(self.seq, self.kept, self.todo[:count], wanted)

    def fed(self, count: int) -> None:
        """The memory holds so many more."""
        self.kept += count
        del self.todo[:count]

    def take(self, token: int, piece: bytes, *, ends: bool) -> FinishReason | None:
        """Take a picked token; why the answer ends with it, or None."""
        if ends:
            return "stop"
        self.written += 1
        if self.text.add(piece):
            return "stop"
        if self.written >= self.job.room:
            return "length"
        self.picked.append(token)
        self.todo.append(token)
        return None

    def rewind(self) -> None:
        """Compute it again from its first token: its memory could not be cut back to where the last step began."""
        self.todo = [*self.job.prompt, *self.picked]
        self.kept = self.keep = 0
        self.reading = True

    def news(self, *, ended: bool = False) -> list[Piece]:
        """What may be shown since the last time, where somebody looks."""
        text = self.text.news(ended=ended) if self.job.ask.stream else ""
        return [Piece(id=self.job.ask.id, text=text)] if text else []

    def done(self, reason: FinishReason) -> Done:
        """The answer."""
        return Done(
            id=self.job.ask.id,
            text=self.text.value,
            finish_reason=reason,
            usage=Usage(prompt_tokens=len(self.job.prompt), completion_tokens=self.written),
            confidence=self.sureness.confidence,
        )
