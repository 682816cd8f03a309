"""One job in the batch: what of its prompt is read, what it has written, and the messages that it says of itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.job import ToolCall
from tidegate.result import FinishReason, Usage
from workers.local.calls import Spoken
from workers.local.chances import Chances
from workers.local.confidence import Sureness
from workers.local.protocol import Ask, Done, Piece
from workers.local.sampling import Picked
from workers.local.scores import Score
from workers.local.stepbatch import Fed
from workers.local.text import Text


class Picks(Protocol):
    """A sampler of one sequence."""

    def pick(self, row: int) -> Picked:
        """The next token. Raises Failing."""

    def close(self) -> None:
        """Free it."""


@dataclass(frozen=True)
class Calling:
    """What an engine knows of the calls that a job's model may write."""

    taken_apart: Callable[[str, FinishReason], Spoken]
    """The finished answer: its text and its calls. Raises Failing."""
    safe: Callable[[str], int]
    """How much of a growing answer is certainly no call."""
    spellings: Mapping[int, bytes]
    """Control tokens that mark a call, and how they are spelt: others are not seen in an answer."""


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
    calling: Calling | None = None
    """None where the model may call nothing."""
    chances: Callable[[], Chances] | None = None
    """None where nobody asked for each token's log-probability."""

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
    chances: Chances | None = None
    calls: tuple[ToolCall, ...] = ()

    def __post_init__(self) -> None:
        self.chances = self.job.chances and self.job.chances()
        if self.job.calling:
            self.text.safe = self.job.calling.safe

    def share(self, count: int, *, wanted: bool) -> Fed:
        """The next tokens, as a part of a step."""
        return Fed(self.seq, self.kept, self.todo[:count], wanted)

    def fed(self, count: int) -> None:
        """The memory holds so many more."""
        self.kept += count
        del self.todo[:count]

    def weigh(self, score: Score, picked: Picked, *, logits: Callable[[], NDArray[np.float32]]) -> None:
        """Note how likely a token was that was just picked."""
        self.sureness.add(score, forced=picked.forced)
        if self.chances:
            self.chances.add(logits(), picked.token, score.logprob)

    def take(self, token: int, piece: bytes, *, ends: bool) -> FinishReason | None:
        """Take a picked token; why the answer ends with it, or None."""
        if ends or token in self.job.ask.params.stop_tokens:
            return "stop"
        self.written += 1
        if self.text.add(self.job.calling.spellings.get(token, piece) if self.job.calling else piece):
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

    def settle(self, reason: FinishReason) -> None:
        """The answer is whole: hold it to what was promised, and take calls out of it. Raises Failing."""
        self.job.check(self.text.value, reason)
        if self.job.calling:
            self.text.value, self.calls = self.job.calling.taken_apart(self.text.value, reason)

    def done(self, reason: FinishReason) -> Done:
        """The answer."""
        within = len(self.text.value.encode()) if self.text.cut and not self.calls else None
        return Done(
            id=self.job.ask.id,
            text=self.text.value,
            finish_reason="tool_calls" if self.calls else reason,
            tool_calls=self.calls,
            logprobs=self.chances.told(tokens=self.written, within_bytes=within) if self.chances else None,
            usage=Usage(prompt_tokens=len(self.job.prompt), completion_tokens=self.written),
            confidence=self.sureness.confidence,
        )
