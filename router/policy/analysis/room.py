"""How long a prompt a lane holds beside an answer: the engine's own arithmetic, asked for its limits."""

import math

from router.policy.engine import MIN_OUTPUT_TOKENS
from tidegate.lane import Lane
from tidegate.ledger.permits import SIGNALS_CHARS_PER_TOKEN


def longest_prompts(lane: Lane) -> tuple[int, ...]:
    """For each room that an answer may want, 0 to 64 tokens: the longest prompt that fits; -1 where none does."""
    return tuple(_longest(lane, lane.context_tokens - answer) for answer in range(MIN_OUTPUT_TOKENS + 1))


def _longest(lane: Lane, room: int) -> int:
    """By halving: the count in the lane's own tokens only grows with the prompt, and rounds as the engine rounds."""
    if room < 0:
        return -1
    fits, too_long = 0, room * 16 + 16  # at most 10 characters make a token of a lane, at four for a signal's
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if math.ceil(middle * SIGNALS_CHARS_PER_TOKEN / lane.chars_per_token) <= room:
            fits = middle
        else:
            too_long = middle
    return fits
