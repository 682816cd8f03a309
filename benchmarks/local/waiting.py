"""How soon a new job says its first token while others run, and how an engine's memory grows over many jobs."""

import itertools
import statistics
import threading
import time
from typing import Any

import psutil

from benchmarks.local.levels import prompts
from benchmarks.local.systems import Engine, Setting
from tidegate.job import Message, Params

OTHERS = 15
TRIES = 7
WARM_JOBS, JOBS, AT_ONCE = 200, 1000, 16


def first_token(setting: Setting) -> dict[str, Any]:
    """Medians: the first token of a job beside others and alone, and a step of the others."""
    engine = Engine(setting)
    try:
        engine.answer(prompts(1), tokens=4)
        alone_s = statistics.median(_first_piece_s(engine) for _ in range(TRIES))
        beats: list[float] = []
        room = setting.cells // setting.slots - 60
        others = [
            engine.watched.ask(_words(), Params(max_tokens=room), on_piece=lambda _: beats.append(time.perf_counter()))
            for _ in range(OTHERS)
        ]
        _wait_for(lambda: len(beats) >= 4 * OTHERS)
        beside_s, step_s = [], []
        for _ in range(TRIES):
            if any(future.done() for _, future in others):
                break  # no longer beside so many
            before = len(beats)
            beside_s.append(_first_piece_s(engine))
            _wait_for(lambda: len(beats) >= before + 4 * OTHERS)  # noqa: B023 - it is called before the next turn
            step_s.append(_step_s(beats[before:]))
        step, beside = statistics.median(step_s), statistics.median(beside_s)
    finally:
        engine.close()
    return {
        "others": OTHERS,
        "tries": len(beside_s),
        "step_ms": step * 1e3,
        "alone_ms": alone_s * 1e3,
        "beside_ms": beside * 1e3,
        "steps_waited": (beside - alone_s) / step,
    }


def memory(setting: Setting) -> dict[str, Any]:
    """The engine process's own memory after the first jobs and after all of them."""
    engine = Engine(setting)
    try:
        process = psutil.Process(engine.watched.pid)
        done, sizes = 0, {}
        while done < JOBS:
            engine.answer(prompts(AT_ONCE), tokens=16 + done % 32)
            done += AT_ONCE
            sizes[done] = process.memory_info().rss
    finally:
        engine.close()
    warm = next(size for jobs, size in sizes.items() if jobs >= WARM_JOBS)
    last = sizes[max(sizes)]
    return {
        "jobs": max(sizes),
        "warm_jobs": WARM_JOBS,
        "warm_mb": warm / 1e6,
        "last_mb": last / 1e6,
        "growth": last / warm - 1,
    }


def _first_piece_s(engine: Engine) -> float:
    heard = threading.Event()
    started = time.perf_counter()
    number, future = engine.watched.ask(_words(), Params(max_tokens=8), on_piece=lambda _: heard.set())
    heard.wait(60)
    passed_s = time.perf_counter() - started
    engine.watched.cancel(number)
    future.exception(60)
    return passed_s


def _step_s(beats: list[float]) -> float:
    """The time between two steps: their pieces come in bursts, one of each job."""
    return statistics.median(later - earlier for earlier, later in itertools.pairwise(beats[::OTHERS]))


def _words() -> tuple[Message, ...]:
    return (Message(role="user", content=prompts(1)[0]),)


def _wait_for(condition: Any, *, within_s: float = 120.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("the engine does not write")
        time.sleep(0.001)
