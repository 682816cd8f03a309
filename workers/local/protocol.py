"""What the worker and its engine say to each other: JSON in frames over a socket pair, never pickle.

Frozen values only; who sends what when is decided in `watch.py` (parent) and `engine.py` (child). These messages carry
the text of jobs, so they are never logged and never become part of an error.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from tidegate.job import Message, Params
from tidegate.result import FinishReason, Usage
from tidegate.value import Many, Value

MAX_FRAME_BYTES = 64_000_000
"""Far above the largest job; a longer frame means that the two ends lost each other."""


class Failure(StrEnum):
    """Why the engine did not answer. The backend turns each into an error of `tidegate.errors`."""

    CANCELLED = "cancelled"
    BAD_REQUEST = "bad_request"
    CONTEXT_OVERFLOW = "context_overflow"
    SCHEMA_INVALID = "schema_invalid"
    MODEL_MISSING = "model_missing"
    BROKEN = "broken"


class Load(Value):
    """To the engine, once and first: the model to serve."""

    kind: Literal["load"] = "load"
    path: str
    context_tokens: int
    """What one job may hold, prompt and answer."""
    threads: int
    slots: int = 1
    """Jobs at a time."""
    prefixes: int = 0
    """Beginnings of prompts that are kept for the next job of the same tenant."""
    step_tokens: int = 256
    """How much is computed in one step at most."""

    @property
    def cells(self) -> int:
        """The memory of all sequences together, in tokens."""
        return self.context_tokens * (self.slots + (1 if self.prefixes else 0))


class Ask(Value):
    """To the engine: one job."""

    kind: Literal["ask"] = "ask"
    id: int
    messages: Many[Message]
    params: Params
    priority: int = 5
    alone: bool = False
    """Whether an engine died while this job ran: it then shares the next one with nobody."""
    tenant: str = "default"
    guarded: bool = True
    """Whether nothing of it may be kept for another job: neither computed nor noted."""


class Cancel(Value):
    """To the engine: nobody waits for this job any more."""

    kind: Literal["cancel"] = "cancel"
    id: int


class Ready(Value):
    """From the engine: the model is loaded."""

    kind: Literal["ready"] = "ready"
    context_tokens: int
    gpu: bool


class Beat(Value):
    """From the engine, all the time: it is alive."""

    kind: Literal["beat"] = "beat"


class Done(Value):
    """From the engine: the answer to a job."""

    kind: Literal["done"] = "done"
    id: int
    text: str
    finish_reason: FinishReason
    usage: Usage


class Failed(Value):
    """From the engine: no answer to a job, or (without an id) no model."""

    kind: Literal["failed"] = "failed"
    id: int | None = None
    failure: Failure
    message: str


ToEngine = Annotated[Load | Ask | Cancel, Field(discriminator="kind")]
FromEngine = Annotated[Ready | Beat | Done | Failed, Field(discriminator="kind")]

_TO_ENGINE: TypeAdapter[Load | Ask | Cancel] = TypeAdapter(ToEngine)
_FROM_ENGINE: TypeAdapter[Ready | Beat | Done | Failed] = TypeAdapter(FromEngine)


def to_wire(message: Value) -> bytes:
    """A message as one frame."""
    return message.to_json().encode()


def read_by_engine(frame: bytes) -> Load | Ask | Cancel:
    """What the parent sent. Raises pydantic's ValidationError."""
    return _TO_ENGINE.validate_json(frame)


def read_by_parent(frame: bytes) -> Ready | Beat | Done | Failed:
    """What the engine sent. Raises pydantic's ValidationError."""
    return _FROM_ENGINE.validate_json(frame)
