"""What the gate hides: every text looked at twice, behind the gate and without it. Nothing may be missed."""

from collections import Counter
from typing import Any

from measures import Data
from systems import inspector


def gates(data: Data) -> dict[str, Any]:
    """By file: types that only the ungated path found, types that only the gated one found, levels that differ."""
    files = {**data.public, **{f"held out: {name}": rows for name, rows in data.held_out.items()}}
    found = {}
    with inspector() as inside:
        for name, rows in files.items():
            missed, added, levels, lines = Counter[str](), Counter[str](), Counter[str](), []
            for row in rows:
                gated = inside.inspect(row.job).sensitivity
                whole = inside.inspect(row.job, gated=False).sensitivity
                missed.update(set(whole.types) - set(gated.types))
                added.update(set(gated.types) - set(whole.types))
                if gated.level is not whole.level:
                    levels[f"{whole.level.value} became {gated.level.value}"] += 1
                if set(whole.types) - set(gated.types):
                    lines.append(row.line)
            found[name] = {
                "rows": len(rows),
                "missed": dict(missed),
                "added": dict(added),
                "levels": dict(levels),
                "lines": lines[:20],
            }
    return found
