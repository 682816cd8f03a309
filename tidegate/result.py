"""JobResult: what a producer gets back."""

from typing import Annotated, Literal

from pydantic import Field

from tidegate.lane import Zone
from tidegate.value import Many, Value

FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]


class Usage(Value):
    """Tokens that were read and written."""

    prompt_tokens: Annotated[int, Field(ge=0)] = 0
    completion_tokens: Annotated[int, Field(ge=0)] = 0


class Answer(Value):
    """What a backend returns: the part of a result that the model made."""

    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    model: str
    """The model's own name for itself, as the backend reported it."""


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
    """None where the lane's price is not known."""
    lane: str
    zone: Zone
    model: str
    attempts: Annotated[int, Field(ge=1)]
    timings: Timings
    restored: Annotated[int, Field(ge=0)] | None = None
    """How many placeholders got their values back; None where the model saw the job as it was."""
    unknown_placeholders: Many[str] = ()
    """Placeholders in the text that stand for nothing: the model made them up."""
