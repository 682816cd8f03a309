"""What the numbers of a measurement mean for a lane. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

GOOD_ENOUGH = 0.9
"""More jobs, threads or memory for the last tenth are not worth it: each job gets slower, or neighbours do."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """So many jobs at a time."""

    jobs: int
    tokens_per_s: float
    """Written by all together, the reading of their prompts included."""
    ratio_to_sequential: float
    """Against calls of `llama_cpp.Llama` one after the other."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A setting and what it brought."""

    setting: int
    tokens_per_s: float


@dataclass(frozen=True, kw_only=True)
class Advice:
    """For the lane."""

    concurrency: int
    step_tokens: int
    threads: int


def advice(*, levels: Sequence[Level], reading: Sequence[Tried], threads: Sequence[Tried]) -> Advice:
    """The least of each that comes near the best."""
    return Advice(
        concurrency=least([Tried(setting=level.jobs, tokens_per_s=level.tokens_per_s) for level in levels]),
        step_tokens=least(reading),
        threads=least(threads),
    )


def least(tried: Sequence[Tried]) -> int:
    """The smallest setting that is good enough."""
    best = max(one.tokens_per_s for one in tried)
    return min(one.setting for one in tried if one.tokens_per_s >= GOOD_ENOUGH * best)
