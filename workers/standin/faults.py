"""The faults that the stand-in can be told to have, whom they befall and how often.

What each looks like on the wire stands in the table; `slow`, `dropped` and the answers that lie are played by the
server, and what befalls batches by `batching`.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from tidegate.value import Many, Value

FaultName = Literal[
    "rate_limited",
    "insufficient_quota",
    "server_error",
    "overloaded",
    "unauthorized",
    "context_too_long",
    "content_filter",
    "unsupported_parameter",
    "slow",
    "dropped",
    "malformed",
    "empty",
    "html",
    "refusal",
    "error_in_200",
    "says",
    "expired",
    "canceled",
    "missing",
    "twice",
    "batch_failed",
    "batch_expired",
]

Step = Literal["call", "upload", "create", "poll", "cancel", "results", "line"]
"""What a request does: asks for an answer, or one of the steps of a batch; `line` is one request inside a batch."""


class When(Value):
    """Whom a fault befalls; every condition that is given must hold."""

    contains: Annotated[str, Field(min_length=1)] | None = None
    model: str | None = None
    step: Step | None = None

    def holds(self, *, model: str, text: str, step: Step) -> bool:
        """Whether a request is meant."""
        asked = self.model in (None, model) and self.step in (None, step)
        return asked and (self.contains is None or self.contains in text)


class Fault(Value):
    """One fault on demand."""

    fault: FaultName
    times: Annotated[int, Field(ge=1)] | Literal["forever"] = 1
    when: When | Literal["all"] = "all"
    retry_after_s: Annotated[float, Field(ge=0, strict=False)] | None = None
    """For `rate_limited`: what the header says; none where not given."""
    delay_s: Annotated[float, Field(ge=0, le=3600, strict=False)] = 30.0
    """For `slow`."""
    param: str | None = None
    """For `unsupported_parameter`: it befalls only requests that have the field."""
    text: Annotated[str, Field(max_length=20_000_000)] | None = None
    """For `says`: the answer, word for word, whatever was promised."""

    @model_validator(mode="after")
    def _names_its_param(self) -> Self:
        if (self.fault == "unsupported_parameter") != (self.param is not None):
            raise ValueError("param goes with unsupported_parameter, and only with it")
        if (self.fault == "says") != (self.text is not None):
            raise ValueError("text goes with says, and only with it")
        return self

    def befalls(self, *, model: str, text: str, fields: Sequence[str], step: Step = "call") -> bool:
        """Whether a request is meant."""
        named = self.param is None or self.param in fields
        possible = step in ONLY_IN.get(self.fault, (step,))
        return named and possible and (self.when == "all" or self.when.holds(model=model, text=text, step=step))


ONLY_IN: Mapping[str, tuple[Step, ...]] = {
    "expired": ("line",),
    "canceled": ("line",),
    "missing": ("line",),
    "twice": ("line",),
    "batch_failed": ("create",),
    "batch_expired": ("create",),
}
"""Faults that make sense in some steps alone."""


FAULTS = TypeAdapter(Many[Fault])
"""A list of faults as JSON: the control API's body and the rule file."""


@dataclass(frozen=True)
class Rejection:
    """An error as OpenAI says it."""

    status: int
    code: str | None
    type: str
    message: str


REJECTIONS: Mapping[str, Rejection] = {
    "rate_limited": Rejection(429, "rate_limit_exceeded", "requests", "too many requests"),
    "insufficient_quota": Rejection(429, "insufficient_quota", "insufficient_quota", "no credit left"),
    "server_error": Rejection(500, None, "server_error", "something broke"),
    "overloaded": Rejection(503, None, "server_error", "no room now"),
    "unauthorized": Rejection(401, "invalid_api_key", "invalid_request_error", "wrong key"),
    "context_too_long": Rejection(400, "context_length_exceeded", "invalid_request_error", "the prompt is too long"),
    "content_filter": Rejection(400, "content_filter", "invalid_request_error", "the prompt was filtered"),
    "unsupported_parameter": Rejection(
        400, "unsupported_parameter", "invalid_request_error", "a parameter is not supported"
    ),
}


class FaultBook:
    """The faults in force, in order; each request takes the first that befalls it."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults = tuple(faults)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Those left."""
        return self._faults

    def replace(self, faults: Sequence[Fault]) -> None:
        """From now on these and no others."""
        with self._lock:
            self._faults = tuple(faults)

    def take(self, *, model: str, text: str, fields: Sequence[str], step: Step = "call") -> Fault | None:
        """The fault that befalls a request, which uses one of its times up."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.befalls(model=model, text=text, fields=fields, step=step):
                    self._faults = (*self._faults[:index], *_spent(fault), *self._faults[index + 1 :])
                    return fault
        return None


def _spent(fault: Fault) -> tuple[Fault, ...]:
    if fault.times == "forever":
        return (fault,)
    return (fault.model_copy(update={"times": fault.times - 1}),) if fault.times > 1 else ()
