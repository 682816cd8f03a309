"""Arrivals: generated from a description, or recorded decisions played again. Seeded; nothing is read here."""

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import Field

from router.policy.cases.given import Moment
from router.policy.grammar import Grammar
from router.recorded import Recorded
from tidegate.job import Latency
from tidegate.signals import Band, Capability, Complexity, Level, Sensitivity, Signals
from tidegate.value import Name

T = TypeVar("T")

_MINUTES_A_WEEK = 7 * 24 * 60

Weight = Annotated[float, Field(gt=0, le=1_000_000, strict=False)]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A job that comes, some seconds after the start."""

    at_s: float
    signals: Signals


class Tokens(Grammar):
    """Lengths around a median: log-normal, as lengths of texts are."""

    median: Annotated[float, Field(gt=0, strict=False)] = 150.0
    """Half are shorter."""
    spread: Annotated[float, Field(ge=0, le=4, strict=False)] = 1.2
    """The standard deviation of the logarithm; 0: all alike."""


class Traffic(Grammar):
    """What traffic looks like. Weights are shares among each other."""

    rate_per_s: Annotated[float, Field(gt=0, le=10_000, strict=False)] = 1.0
    """Jobs a second, on average."""
    minutes: Annotated[float, Field(gt=0, le=7 * 24 * 60, strict=False)] = 60.0
    """For how long they come."""
    burst: Annotated[float, Field(gt=0, le=1000, strict=False)] = 1.0
    """In the middle fifth of the time, this many times the rate."""
    start: Moment = 9 * 60
    """When it begins, in UTC: `mon 09:00`."""
    sensitivity: Annotated[dict[Level, Weight], Field(min_length=1)] = {
        Level.PUBLIC: 60,
        Level.INTERNAL: 15,
        Level.PERSONAL: 20,
        Level.RESTRICTED: 3,
        Level.UNKNOWN: 2,
    }
    """Shares of the levels."""
    complexity: Annotated[dict[Band, Weight], Field(min_length=1)] = {
        Band.SIMPLE: 50,
        Band.MODERATE: 25,
        Band.COMPLEX: 15,
        Band.UNKNOWN: 10,
    }
    """Shares of the bands."""
    tokens: Tokens = Tokens()
    """The length of the prompts."""
    max_tokens: Annotated[int, Field(ge=0)] = 256
    """How long an answer may become."""
    tenants: Annotated[dict[Name, Weight], Field(min_length=1)] = {"default": 1}
    """Shares of the tenants."""
    tasks: dict[Name, Weight] = {}
    """Shares of the kinds of task; none where not given."""
    latency: Annotated[dict[Latency, Weight], Field(min_length=1)] = {"interactive": 1}
    """Shares of those that somebody waits for and of those that nobody does."""
    needs: dict[Capability, Annotated[float, Field(ge=0, le=1, strict=False)]] = {}
    """How likely a job needs each capability, from 0 to 1."""
    budget_left_usd: dict[Name, Annotated[float, Field(strict=False)]] = {}
    """What is left to spend, by `lane:NAME` or `tenant:NAME`: the same for every job, since the model spends none."""


def generated(traffic: Traffic, *, seed: int) -> Iterator[Arrival]:
    """Arrivals at random (a Poisson process), the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 -- a model's dice, not a secret
    end_s = traffic.minutes * 60
    at_s = 0.0
    while True:
        at_s += dice.expovariate(traffic.rate_per_s * (traffic.burst if _bursting(at_s, end_s) else 1.0))
        if at_s >= end_s:
            return
        yield Arrival(at_s, _signals(traffic, at_s, dice))


def replayed(records: Iterable[Recorded], *, speed: float) -> Iterator[Arrival]:
    """Recorded decisions as they came, so many times faster. Their loads are left out: the model makes its own."""
    first: float | None = None
    for record in records:
        first = record.at if first is None else first
        at_s = max(0.0, record.at - first) / speed
        yield Arrival(at_s, record.signals.model_copy(update={"load": {}, "overflowing": ()}))


def service_times(records: Iterable[Recorded]) -> Mapping[str, float]:
    """The mean of each lane's measured service times, as the recorded decisions saw them."""
    seen: dict[str, list[float]] = {}
    for record in records:
        for lane, load in record.signals.load.items():
            if load.service_s is not None:
                seen.setdefault(lane, []).append(load.service_s)
    return {lane: sum(times) / len(times) for lane, times in seen.items()}


def _bursting(at_s: float, end_s: float) -> bool:
    return 0.4 * end_s <= at_s < 0.6 * end_s


def _signals(traffic: Traffic, at_s: float, dice: random.Random) -> Signals:
    level, band = _one(traffic.sensitivity, dice), _one(traffic.complexity, dice)
    length = traffic.tokens.median * math.exp(dice.gauss(0.0, traffic.tokens.spread))
    return Signals(
        sensitivity=Sensitivity(level=level),
        complexity=Complexity(band=band),
        tokens=max(1, round(min(length, 10_000_000))),
        max_tokens=traffic.max_tokens,
        needs=tuple(need for need, likely in traffic.needs.items() if dice.random() < likely),
        tenant=_one(traffic.tenants, dice),
        latency=_one(traffic.latency, dice),
        task=_one(traffic.tasks, dice) if traffic.tasks else None,
        minute=int(traffic.start + at_s // 60) % _MINUTES_A_WEEK,
        draw=dice.random(),
        budget_left_usd=traffic.budget_left_usd,
    )


def _one(weights: Mapping[T, float], dice: random.Random) -> T:
    return dice.choices(list(weights), list(weights.values()))[0]
