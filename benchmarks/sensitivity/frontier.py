"""The frontier: of the personal documents, how many are kept inside, against how many harmless prompts are.

Each system gives every document a strength; each threshold on it is one point. Development data and held-out data are
told apart, and so is who has learnt from which: no document of the held-out folder was seen by any of them.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from measures import CLEAN, CONTROL, Data, strict
from systems import (
    Strength,
    crf,
    has_tagger,
    patterns,
    presidio_as_it_comes,
    presidio_blank,
    shipped,
    strengths,
    tidegate,
)

from router.evaluation.rows import Row
from tidegate.job import Job

Opener = Callable[[], AbstractContextManager[Strength]]

MOST_POINTS = 60


def frontier(data: Data, *, crf: Path | None) -> dict[str, Any]:
    """Points of every system on each of the data."""
    systems = dict(_systems(crf))
    found: dict[str, Any] = {"presidio_as_it_comes": presidio_as_it_comes()}
    kinds = {"development": _development(data), "held out": _held_out(data)}
    for name, (personal, clean) in kinds.items():
        if not personal or not clean:
            continue
        found[name] = {"personal": len(personal), "clean": len(clean), "systems": {}}
        for system, opener in systems.items():
            with opener() as strength:
                of_personal, of_clean = strengths(strength, personal), strengths(strength, clean)
            found[name]["systems"][system] = points(of_personal, of_clean)
    return found


def _systems(model: Path | None) -> Iterable[tuple[str, Opener]]:
    if has_tagger():
        yield "tidegate, tagger's thresholds times a factor", tidegate
        yield "tidegate as shipped", shipped
    yield "tidegate without its tagger", patterns
    if model is not None:
        yield "patterns and the CRF baseline", partial(crf, model)
    yield "Presidio, blank engine", presidio_blank


def _development(data: Data) -> tuple[list[Job], list[Job]]:
    personal = [row for row in data.public.get("presidio_synth_v2", ()) if strict([(row, None)])]  # type: ignore[list-item]
    return _jobs(personal), _jobs(row for name in CLEAN[:2] for row in data.public.get(name, ()))


def _held_out(data: Data) -> tuple[list[Job], list[Job]]:
    personal = [*data.held_out.get("named", ()), *data.held_out.get("hard", ())]
    clean = [row for name, rows in data.held_out.items() for row in rows if not row.personal and name != CONTROL]
    return _jobs(personal), _jobs(clean)


def _jobs(rows: Iterable[Row]) -> list[Job]:
    return [row.job for row in rows]


def points(personal: Sequence[float], clean: Sequence[float]) -> list[dict[str, Any]]:
    """A point for each threshold that changes anything, thinned out evenly."""
    steps = sorted({value for value in (*personal, *clean) if 0 < value < math.inf})
    thinned = steps[:: max(1, len(steps) // MOST_POINTS)]
    return [
        {
            "threshold": None if step == math.inf else round(step, 4),
            "recall": round(sum(value >= step for value in personal) / len(personal), 4),
            "false_alarms": round(sum(value >= step for value in clean) / len(clean), 4),
        }
        for step in (*thinned, math.inf)
    ]
