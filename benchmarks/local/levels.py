"""Tokens a second at so many jobs at a time, in rounds in which the systems take turns.

A ratio is made within a turn, seconds apart, and the median of the rounds is told: a busy machine changes both sides.
"""

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.local.systems import Engine, Sequential, Server, Setting, System, tokens_per_s

SEQUENTIAL_JOBS = 2
"""Calls in sequence are equally fast however many there are."""


def levels(
    setting: Setting, *, jobs: Sequence[int], tokens: int, rounds: int, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Each level's medians."""
    systems: list[System] = [Sequential(setting), Engine(setting), Server(setting)]
    found: dict[int, list[dict[str, float]]] = {level: [] for level in jobs}
    try:
        for system in systems:
            system.answer(prompts(1), tokens=tokens)
        for turn in range(rounds):
            for level in jobs:
                tell(f"round {turn + 1} of {rounds}: {level} jobs at a time")
                # Who comes first changes, since the first of a turn may find the caches colder.
                order = systems if turn % 2 == 0 else systems[::-1]
                found[level].append({system.name: _speed(system, level, tokens=tokens) for system in order})
    finally:
        for system in systems:
            system.close()
    return [_level(level, turns) for level, turns in found.items()]


def prompts(count: int) -> list[str]:
    """Words that nobody said before: nothing of an earlier prompt helps."""
    return [" ".join("".join(random.choices("abcdefghijklmnop", k=3)) for _ in range(14)) for _ in range(count)]  # noqa: S311


def _speed(system: System, level: int, *, tokens: int) -> float:
    count = min(level, SEQUENTIAL_JOBS) if isinstance(system, Sequential) else level
    return tokens_per_s(system, prompts(count), tokens=tokens)


def _level(jobs: int, turns: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    def ratio(other: str) -> float:
        return statistics.median(turn[Engine.name] / turn[other] for turn in turns)

    return {
        "jobs": jobs,
        "tokens_per_s": {name: statistics.median(turn[name] for turn in turns) for name in turns[0]},
        "ratio_to_sequential": ratio(Sequential.name),
        "ratio_to_server": ratio(Server.name),
    }
