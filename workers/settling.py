"""Settling: what a call came to, for the lane's gate. One table says what each error tells of the deployment.

What was used is told only where it is known; else the estimate that was reserved stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tidegate.errors import (
    AnswerForbidden,
    AuthFailed,
    BadRequest,
    ContentRefused,
    ContextOverflow,
    MalformedAnswer,
    ModelMissing,
    NetworkFailed,
    NoMemory,
    Overloaded,
    ProviderFailed,
    QuotaExhausted,
    RateLimited,
    RunError,
    RunTimedOut,
    SchemaInvalid,
)
from tidegate.ledger.permits import Class, Settled
from tidegate.result import Usage
from workers.backend import Heard, Room

_NEARLY = 0.95


@dataclass(frozen=True, kw_only=True)
class Row:
    """What an error tells of the deployment, and whether tokens may have been paid for."""

    outcome: Class
    paid: bool


TABLE: Mapping[type[BaseException], Row] = {
    RateLimited: Row(outcome="limited", paid=False),
    # The breaker counts these.
    Overloaded: Row(outcome="failed", paid=False),
    ProviderFailed: Row(outcome="failed", paid=False),
    NetworkFailed: Row(outcome="failed", paid=True),
    RunTimedOut: Row(outcome="failed", paid=True),
    MalformedAnswer: Row(outcome="failed", paid=True),
    # Nothing will work until somebody has mended it: the breaker opens at once.
    AuthFailed: Row(outcome="down", paid=False),
    QuotaExhausted: Row(outcome="down", paid=False),
    ModelMissing: Row(outcome="down", paid=False),
    # The provider did its part.
    BadRequest: Row(outcome="job", paid=False),
    ContextOverflow: Row(outcome="job", paid=False),
    ContentRefused: Row(outcome="job", paid=True),
    SchemaInvalid: Row(outcome="job", paid=True),
    AnswerForbidden: Row(outcome="job", paid=True),
    # It was never called, or nobody knows.
    NoMemory: Row(outcome="", paid=False),
    RunError: Row(outcome="", paid=False),
    BaseException: Row(outcome="", paid=True),
}
"""An error's class -> its row; a subclass that has none takes the row of its nearest base."""


def answered(
    usage: Usage,
    *,
    usd: float | None,
    took_s: float | None,
    heard: Sequence[Heard],
    model: str | None = None,
    saved_usd: float | None = None,
) -> Settled:
    """A call that was answered."""
    return Settled(
        outcome="ok",
        tokens=usage.tokens or None,
        usd=usd,
        prompt=usage.prompt_tokens,
        completion=usage.completion_tokens,
        model=model,
        saved_usd=saved_usd,
        took_s=took_s,
        heard=told(heard),
    )


def hedge(heard: Sequence[Heard]) -> Literal["", "first", "second", "unused"]:
    """Whose answer counted, of a run that may have had a second call; '' where both failed."""
    if not any(one.second for one in heard):
        return "unused"
    answered = [one for one in heard if one.answered_by is not None]
    return "" if not answered else "second" if answered[-1].second else "first"


def took_s(heard: Sequence[Heard], whole_s: float | None) -> float | None:
    """How long the call took that answered: a second one began later than the run."""
    if hedge(heard) != "second":
        return whole_s
    return next((one.first_byte_s for one in reversed(heard) if one.second and one.first_byte_s is not None), whole_s)


def failed(
    error: BaseException, *, took_s: float | None, time_limit_s: float, lane_limit_s: float, heard: Sequence[Heard]
) -> Settled:
    """A call that was not. Where the job's own deadline cut it short, that is not the deployment's fault."""
    row = next(TABLE[base] for base in type(error).__mro__ if base in TABLE)
    cut = isinstance(error, RunTimedOut) and time_limit_s < lane_limit_s and (took_s or 0.0) >= time_limit_s * _NEARLY
    unpaid = took_s is None or not row.paid
    asked_s = error.retry_after_s if isinstance(error, RateLimited) else None
    return Settled(
        outcome="" if cut or (took_s is None and row.outcome != "down") else row.outcome,
        error=type(error).__name__,
        tokens=0 if unpaid else error.tokens if isinstance(error, SchemaInvalid) else None,
        usd=0.0 if unpaid else None,
        took_s=took_s,
        heard=told(heard) | ({} if asked_s is None else {"retry_after_s": asked_s}),
    )


def told(heard: Sequence[Heard]) -> dict[str, float]:
    """What a provider said of its limits, as the gate reads it; the last word counts. Of two, the one that answered."""
    found: dict[str, float] = {}
    second = hedge(heard) == "second"
    for one in heard:
        if one.second is not second:
            continue
        for kind, room in (("requests", one.requests), ("tokens", one.tokens)):
            found |= _room(kind, room)
        if one.retry_after_s is not None:
            found["retry_after_s"] = one.retry_after_s
    return found


def _room(kind: str, room: Room) -> dict[str, float]:
    said = {"limit": room.limit, "left": room.left, "reset_s": room.reset_s}
    return {f"{kind}_{name}": value for name, value in said.items() if value is not None}
