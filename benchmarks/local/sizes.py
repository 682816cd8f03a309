"""Sizes and quantisations by themselves: the file, the memory that the engine takes, and what it writes a second."""

from collections.abc import Callable
from typing import Any

import psutil

from benchmarks.local import weights
from benchmarks.local.levels import prompts
from benchmarks.local.systems import Engine, Setting, tokens_per_s
from workers.local import threads

LEVELS = (1, 8)
TOKENS = 16
EACH_JOB = 128


def sizes(*, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """A row for each model of random weights."""
    return [_row(shape, kind, tell) for shape in (weights.SMALL, weights.LARGE) for kind in weights.TYPES]


def _row(shape: weights.Shape, kind: str, tell: Callable[[str], None]) -> dict[str, Any]:
    tell(f"{shape.name} {kind}")
    path = weights.model(shape, kind)
    size = path.stat().st_size
    setting = Setting(path=path, threads=threads.for_model(size), slots=max(LEVELS), cells=max(LEVELS) * EACH_JOB)
    engine = Engine(setting)
    try:
        engine.answer(prompts(1), tokens=4)
        speeds = {level: tokens_per_s(engine, prompts(level), tokens=TOKENS) for level in LEVELS}
        memory = psutil.Process(engine.watched.pid).memory_info().rss
    finally:
        engine.close()
    return {
        "model": shape.name,
        "parameters": shape.parameters,
        "kind": kind,
        "file_mb": size / 1e6,
        "memory_mb": memory / 1e6,
        "threads": setting.threads,
        "tokens_per_s": speeds,
    }
