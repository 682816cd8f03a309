"""Harmless prompts: `text`, `source` (the set), `template`."""

import re
from collections.abc import Iterator
from random import Random
from typing import Any

from harmless import FILLS, LISTS, SETS

_SLOT = re.compile(r"\{(" + "|".join(LISTS) + r")\}")


def clean(seed: int) -> Iterator[dict[str, Any]]:
    """Each line once; one with lists in it several times, filled differently."""
    for name, block in SETS.items():
        for number, line in enumerate(block.strip().split("\n")):
            rng = Random(f"{seed} {name} {number}")
            texts = dict.fromkeys(_filled(rng, line) for _ in range(FILLS))
            for text in texts:
                yield {"text": text, "types": [], "source": f"clean {name}", "template": f"{name}-{number}"}


def _filled(rng: Random, line: str) -> str:
    return _SLOT.sub(lambda found: rng.choice(LISTS[found[1]]), line).replace("\\n", "\n")
