"""JobResult: what a producer gets back."""

from typing import Annotated, Literal

from pydantic import Field

from tidegate.job import ToolCall
from tidegate.lane import Zone
from tidegate.price import Priced
from tidegate.value import Many, Value

Vector = Many[float]
"""An embedding."""

FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]


class Usage(Value):
    """Tokens that were read and written."""

    prompt_tokens: Annotated[int, Field(ge=0)] = 0
    completion_tokens: Annotated[int, Field(ge=0)] = 0
    cached_tokens: Annotated[int, Field(ge=0)] = 0
    """Of those that were read: how many the provider had read before and kept. Some charge less for them."""
    reasoning_tokens: Annotated[int, Field(ge=0)] = 0
    """Of those that were written: how many were thought and are not in the text."""

    @property
    def counted(self) -> bool:
        """Whether anybody counted: no call reads and writes nothing."""
        return self.prompt_tokens > 0 or self.completion_tokens > 0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.prompt_tokens + self.completion_tokens


class Confidence(Value):
    """How sure a model was of what it wrote: by its own numbers, before sampling and grammar. Natural logarithms.

    Only to be compared within one model: what is sure for one is doubt for another.
    """

    mean_logprob: float
    lowest_logprob: float
    """Of the least likely token that it chose: the best sign of a wrong answer."""
    mean_margin: float | None = None
    """Between the chosen token and the best of the others; below zero where chance chose a worse one."""
    free_share: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of tokens where the next best would have kept the promised form as well: the others say little."""


class OtherToken(Value):
    """A token that might have stood there, and how likely it was."""

    token: str
    logprob: float
    bytes: Many[int] | None = None
    """What it consists of where `token` cannot say: half a character, say."""


class TokenLogprob(OtherToken):
    """A token of the answer, as OpenAI tells it: by the model's own numbers, before sampling and grammar."""

    top_logprobs: Many[OtherToken] = ()
    """The likeliest ones at this place, this token among them or not; as many as were asked for."""


Repaired = Literal["unwrapped", "asked_again"]
"""How an answer came to its promised form: what stood around the JSON was taken away, or the model was asked again."""


class Answer(Value):
    """What a backend returns: the part of a result that the model made."""

    text: str
    """Empty where vectors were asked for."""
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    model: str
    """The model's own name for itself, as the backend reported it."""
    embeddings: Many[Vector] | None = None
    """Of an embeddings job: a vector for each text, in their order."""
    confidence: Confidence | None = None
    """None where the backend cannot tell."""
    tool_calls: Many[ToolCall] = ()
    """The calls that the model asks for, in order: each of a tool of the job, its arguments held to the schema."""
    logprobs: Many[TokenLogprob] | None = None
    """None where they were not asked for, and where the backend gave none."""
    repaired: Repaired | None = None
    """None where it came in the promised form."""


class Timings(Value):
    """Where the time went, in seconds."""

    queued_s: float
    """From acceptance to the start of the run that answered."""
    run_s: float
    total_s: float


class JobResult(Value):
    """The answer, and what it took."""

    v: Literal[1] = 1
    job_id: str
    text: str
    finish_reason: FinishReason
    usage: Usage
    cost_usd: float | None = None
    """None where the lane's price, or the number of tokens, is not known."""
    batch: str | None = None
    """The provider's batch that answered, by our id for it; None of a call of its own."""
    priced: Priced | None = None
    """Where the price comes from, and of which day it is."""
    joined: str | None = None
    """The job whose call answered this one too: then nothing was read, written or paid for this one."""
    lane: str
    zone: Zone
    model: str
    attempts: Annotated[int, Field(ge=1)]
    timings: Timings
    restored: Annotated[int, Field(ge=0)] | None = None
    """How many placeholders got their values back; None where the model saw the job as it was."""
    unknown_placeholders: Many[str] = ()
    """Placeholders in the text that stand for nothing: the model made them up."""
    embeddings: Many[Vector] | None = None
    """Of an embeddings job: a vector for each of its texts, in their order; the text is empty then."""
    confidence: Confidence | None = None
    """How sure the model was; None where its backend cannot tell."""
    tool_calls: Many[ToolCall] = ()
    """The calls that the model asks for; `finish_reason` is then `tool_calls`."""
    logprobs: Many[TokenLogprob] | None = None
    """Each token's, where the job asked for them and the backend could tell."""
    repaired: Repaired | None = None
    """How the answer came to its promised form, where it had none at first; `usage` then counts both calls."""
