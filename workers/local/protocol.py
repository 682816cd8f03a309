"""What the worker and its engine say to each other: JSON in frames over a socket pair, never pickle.

Frozen values only; who sends what when is decided in `watch.py` (parent) and `engine.py` (child). These messages carry
the text of jobs, so they are never logged and never become part of an error.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from tidegate.job import Message, Params, ToolCall
from tidegate.result import Confidence, FinishReason, TokenLogprob, Usage
from tidegate.value import Many, Value

MAX_FRAME_BYTES = 64_000_000
"""Far above the largest job; a longer frame means that the two ends lost each other."""


class Failure(StrEnum):
    """Why the engine did not answer. The backend turns each into an error of `tidegate.errors`."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    BAD_REQUEST = "bad_request"
    CONTEXT_OVERFLOW = "context_overflow"
    SCHEMA_INVALID = "schema_invalid"
    MODEL_MISSING = "model_missing"
    NO_MEMORY = "no_memory"
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
    kv_tokens: int | None = None
    gpu_layers: int | None = None
    """-1 is all; None is all where there is a GPU, and no error where there is none."""
    main_gpu: int = 0
    tensor_split: Many[float] = ()
    flash_attention: Literal["auto", "on", "off"] = "auto"
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    mmap: bool = True
    confidence: bool = True
    embeds: bool = False
    """Whether it makes vectors instead of text."""
    beside_bytes: int = 0
    """Weights of the worker's other engines: pages of files, which count as free memory and are not."""

    @property
    def most_tokens(self) -> int:
        """In one step. A text for a vector is computed in one."""
        return max(self.step_tokens, self.context_tokens) if self.embeds else self.step_tokens

    @property
    def cells(self) -> int:
        """The memory of all sequences together, in tokens."""
        if self.embeds:
            return self.most_tokens
        return self.kv_tokens or self.context_tokens * (self.slots + (1 if self.prefixes else 0))


class Ask(Value):
    """To the engine: one job."""

    kind: Literal["ask"] = "ask"
    id: int
    messages: Many[Message] = ()
    input: Many[str] = ()
    """Texts to turn into vectors."""
    params: Params
    priority: int = 5
    alone: bool = False
    """Whether an engine died while this job ran: it then shares the next one with nobody."""
    time_s: float | None = None
    """How long somebody waits for it, from now on."""
    stream: bool = False
    """Whether to say its text while it grows."""
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
    """What one job may hold, prompt and answer."""
    kv_tokens: int
    """What all of them may hold together."""
    slots: int
    gpu: str | None = None
    """The devices that compute, where there are any beside the CPU."""
    gpu_layers: int
    layers: int
    """How many of the model's layers are on the GPU; the last one is the output."""
    threads: int
    warm_up_s: float


class Beat(Value):
    """From the engine, all the time: it is alive."""

    kind: Literal["beat"] = "beat"


class Piece(Value):
    """From the engine: the next characters of an answer. All of them are the text of its Done, or a Failed follows."""

    kind: Literal["piece"] = "piece"
    id: int
    text: str


class Done(Value):
    """From the engine: the answer to a job."""

    kind: Literal["done"] = "done"
    id: int
    text: str
    finish_reason: FinishReason
    usage: Usage
    embeddings: Many[Many[float]] | None = None
    confidence: Confidence | None = None
    tool_calls: Many[ToolCall] = ()
    logprobs: Many[TokenLogprob] | None = None


class Failed(Value):
    """From the engine: no answer to a job, or (without an id) no model."""

    kind: Literal["failed"] = "failed"
    id: int | None = None
    failure: Failure
    message: str


ToEngine = Annotated[Load | Ask | Cancel, Field(discriminator="kind")]
FromEngine = Annotated[Ready | Beat | Piece | Done | Failed, Field(discriminator="kind")]

_TO_ENGINE: TypeAdapter[Load | Ask | Cancel] = TypeAdapter(ToEngine)
_FROM_ENGINE: TypeAdapter[Ready | Beat | Piece | Done | Failed] = TypeAdapter(FromEngine)


def to_wire(message: Value) -> bytes:
    """A message as one frame."""
    return message.to_json().encode()


def read_by_engine(frame: bytes) -> Load | Ask | Cancel:
    """What the parent sent. Raises pydantic's ValidationError."""
    return _TO_ENGINE.validate_json(frame)


def read_by_parent(frame: bytes) -> Ready | Beat | Piece | Done | Failed:
    """What the engine sent. Raises pydantic's ValidationError."""
    return _FROM_ENGINE.validate_json(frame)
