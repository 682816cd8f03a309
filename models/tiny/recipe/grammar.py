"""A grammar of one rule: `{slot}` becomes a random entry of that slot. Knows nothing about any job."""

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeAlias

Maker: TypeAlias = Callable[[Random], str]
Slots: TypeAlias = Mapping[str, Sequence[str] | Maker]

_SLOT = re.compile(r"\{(\w+)\}")


def expand(template: str, rng: Random, slots: Slots) -> str:
    """Fill every slot, and the slots within what was filled in, until none is left."""
    while _SLOT.search(template):
        template = _SLOT.sub(lambda match: _fill(slots[match[1]], rng), template)
    return template


def capitalised(text: str) -> str:
    """The text with its first letter raised and the rest as it was."""
    return text[:1].upper() + text[1:]


def chance(rng: Random, probability: float) -> bool:
    """True with this probability."""
    return rng.random() < probability


def _fill(slot: Sequence[str] | Maker, rng: Random) -> str:
    return slot(rng) if callable(slot) else rng.choice(slot)
