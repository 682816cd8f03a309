"""Processor time for clean texts of 500, 5,000 and 20,000 characters, with the tagger and without it.

The texts are put together from clean prompts that the inspection itself lets out: time for a text with findings is
another thing. Told is the median over many texts and rounds, of all threads of the process, for the sensitivity signal
alone and for the whole inspection with complexity and tokens.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from measures import CLEAN, Data
from systems import inspector

from router.evaluation.tally import Share
from router.inspection import Inspector
from router.signals.sensitivity.lists import AS_SHIPPED
from tidegate.job import Job

AIMS_MS = {"with tagger": {500: 2.0, 5000: 10.0, 20_000: 40.0}, "without": {500: 0.05, 5000: 0.3, 20_000: 1.2}}
TEXTS = 30
ROUNDS = 5
ROUNDS_OF_WHOLE = 1


def speed(data: Data) -> list[dict[str, Any]]:
    """A row for each size, with and without the tagger."""
    return [
        row
        for tagger, aims in ((True, AIMS_MS["with tagger"]), (False, AIMS_MS["without"]))
        for row in _with(data, tagger=tagger, aims_ms=aims)
    ]


def _with(data: Data, *, tagger: bool, aims_ms: dict[int, float]) -> Iterator[dict[str, Any]]:
    with inspector(tagger=tagger) as inside:
        prompts = _clean(data, inside)
        for size, aim_ms in aims_ms.items():
            texts = list(_texts(prompts, size))
            out = Share(
                sum(not inside.inspect(Job(text=text)).sensitivity.level.sensitive for text in texts), len(texts)
            )
            alone = _median_ms(texts, lambda job: inside._sensitivity(job, AS_SHIPPED, gated=True))  # noqa: SLF001
            whole = _median_ms(texts, inside.inspect, rounds=ROUNDS_OF_WHOLE)
            yield {
                "chars": size, "tagger": tagger, "aim_ms": aim_ms, "median_ms": round(alone, 4),
                "whole_inspection_ms": round(whole, 4), "texts": len(texts), "rounds": ROUNDS,
                "let_out": out.share, "met": alone <= aim_ms,
            }  # fmt: skip


def _clean(data: Data, inside: Inspector) -> list[str]:
    rows = [row for name in CLEAN[:2] for row in data.public.get(name, ())]
    rows += data.held_out.get("clean", ())
    texts = [row.job.text for row in rows if row.job.text]
    return [text for text in texts if not inside.inspect(Job(text=text)).sensitivity.level.sensitive]


def _texts(prompts: Sequence[str], size: int) -> Iterator[str]:
    """So many characters of prompts, one after another, each text beginning with another prompt."""
    for number in range(TEXTS):
        at, parts, length = number * len(prompts) // TEXTS, [], 0
        while length < size:
            part = prompts[at % len(prompts)]
            parts.append(part)
            length += len(part) + 2
            at += 1
        yield "\n\n".join(parts)[:size]


def _median_ms(texts: Sequence[str], work: Callable[[Job], object], *, rounds: int = ROUNDS) -> float:
    taken = []
    gc.disable()
    try:
        for _ in range(rounds):
            for text in texts:
                job = Job(text=text)
                started = time.process_time()
                work(job)
                taken.append(time.process_time() - started)
    finally:
        gc.enable()
    return median(taken) * 1000
