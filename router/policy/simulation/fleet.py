"""The lanes as the model sees them: how many jobs at a time, how long one takes, how often one fails, what it costs."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.lane import Lane, Zone
from tidegate.prices import cost_usd
from tidegate.result import Usage
from tidegate.signals import Signals

_ASSUMED_S: Mapping[Zone, float] = {Zone.INSIDE: 2.0, Zone.OUTSIDE: 1.5}
"""Where nothing was measured and nothing was said."""

_SPREAD = 0.5
"""The standard deviation of a service time's logarithm."""

_PRICED_TOKENS = 1000

ANSWER_SHARE = 0.5
"""Of the longest answer that a job asks for, so much is written on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One lane."""

    lane: Lane
    slots: int
    service_s: float
    source: str
    """Where the service time comes from: given, measured or assumed."""
    failing: float
    """The share of runs that fail."""
    input_usd: float | None
    output_usd: float | None
    """For one token; None where no price is known."""

    def draw_service_s(self, dice: random.Random) -> float:
        """The time of one run."""
        return self.service_s * math.exp(dice.gauss(-_SPREAD * _SPREAD / 2, _SPREAD))

    def cost_usd(self, signals: Signals) -> float:
        """The price of one answer, as far as prices are known."""
        return signals.tokens * (self.input_usd or 0.0) + signals.max_tokens * ANSWER_SHARE * (self.output_usd or 0.0)


def fleet(
    lanes: Mapping[str, Lane],
    *,
    given_s: Mapping[str, float],
    measured_s: Mapping[str, float],
    workers: Mapping[str, int],
    failing: Mapping[str, float],
) -> dict[str, Served]:
    """The lanes, each with what is known of it."""
    return {
        name: Served(
            lane=lane,
            slots=lane.concurrency * workers.get(name, 1),
            service_s=_service_s(name, lane, given_s, measured_s)[0],
            source=_service_s(name, lane, given_s, measured_s)[1],
            failing=failing.get(name, 0.0),
            input_usd=_unit_usd(lane, Usage(prompt_tokens=_PRICED_TOKENS)),
            output_usd=_unit_usd(lane, Usage(completion_tokens=_PRICED_TOKENS)),
        )
        for name, lane in lanes.items()
    }


def _service_s(
    name: str, lane: Lane, given_s: Mapping[str, float], measured_s: Mapping[str, float]
) -> tuple[float, str]:
    if name in given_s:
        return given_s[name], "given"
    return (measured_s[name], "measured") if name in measured_s else (_ASSUMED_S[lane.zone], "assumed")


def _unit_usd(lane: Lane, usage: Usage) -> float | None:
    price = cost_usd(lane, usage, model=lane.model)
    return None if price is None else price / _PRICED_TOKENS
