"""Measures a model in this very process: the engine's own batch, against `llama_cpp.Llama` called in sequence.

Prompts are drawn from the vocabulary and answers never end by themselves, so that every level does the same work,
whatever the model would say. Each measurement stops at its time limit and counts what was written by then.
"""

import itertools
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import llama_cpp

from tidegate.job import Message, Params
from workers.bench.advice import Level, Tried, advice
from workers.local import threads
from workers.local.batcher import Batcher
from workers.local.native import OK, Native
from workers.local.protocol import Ask, Load
from workers.local.sampling import Sampler
from workers.local.stepbatch import Fed
from workers.local.work import Prepared

LEVELS = (1, 2, 4, 8, 16, 32, 64)
"""Jobs at a time."""
MOST_STEP_TOKENS = 1024
STEPS = (32, 64, 128, 256, 512, MOST_STEP_TOKENS)
"""Sizes of a step that are tried at reading."""
THREADS_AT_JOBS = 8
"""Threads are compared with so many jobs."""

_SEED = 7


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much to measure."""

    levels: tuple[int, ...] = LEVELS
    prompt_tokens: int = 32
    answer_tokens: int = 64
    limit_s: float = 20.0
    """Of each single measurement."""


def measure(path: Path, plan: Plan, *, tell: Callable[[str], None]) -> dict[str, Any]:
    """All that `tidegate bench local --json` prints. Raises Failing where the model cannot be loaded."""
    bench = _Bench(path, plan)
    tell("threads")
    tried = list(bench.threads())
    bench.use_threads(max(tried, key=lambda one: one.tokens_per_s).setting)
    tell("reading")
    reading = list(bench.reading())
    tell("in sequence")
    sequential = bench.sequential()
    levels = []
    for jobs in plan.levels:
        tell(f"{jobs} at a time")
        written = bench.writing(jobs)
        levels.append(Level(jobs=jobs, tokens_per_s=written, ratio_to_sequential=written / sequential))
    return {
        "threads": [asdict(one) for one in tried],
        "reading": [asdict(one) for one in reading],
        "sequential_tokens_per_s": sequential,
        "levels": [asdict(one) for one in levels],
        "recommended": asdict(advice(levels=levels, reading=reading, threads=tried)),
    }


class _Endless(Native):
    """A model whose answers go on until their room is full."""

    def ends(self, token: int) -> bool:  # noqa: ARG002 - of the port
        return False


class _Bench:
    """One loaded model."""

    def __init__(self, path: Path, plan: Plan) -> None:
        self._plan = plan
        self._path = path
        self._slots = max(plan.levels)
        each = plan.prompt_tokens + plan.answer_tokens
        self._native = _Endless(
            Load(
                path=str(path),
                context_tokens=each,
                kv_tokens=max(self._slots * each, 2 * MOST_STEP_TOKENS),
                threads=threads.usable(),
                slots=self._slots,
                step_tokens=MOST_STEP_TOKENS,
            )
        )
        self._native.warm_up()
        self._threads = threads.usable()
        self._random = random.Random(_SEED)  # noqa: S311 - the same prompts each time, for nobody to guess

    def use_threads(self, count: int) -> None:
        """From here on."""
        self._threads = count
        llama_cpp.llama_set_n_threads(self._native.context, count, count)

    def threads(self) -> Iterator[Tried]:
        """Powers of two up to what this process may use."""
        most = threads.usable()
        jobs = min(THREADS_AT_JOBS, self._slots)
        for count in sorted({most, *itertools.takewhile(lambda n: n < most, (2**n for n in range(12)))}):
            self.use_threads(count)
            yield Tried(setting=count, tokens_per_s=self.writing(jobs))

    def reading(self) -> Iterator[Tried]:
        """A prompt in steps of each size."""
        for size in STEPS:
            tokens, started, passed = 0, time.perf_counter(), 0.0
            while tokens < MOST_STEP_TOKENS and passed < self._plan.limit_s:
                code, _ = self._native.decode([Fed(0, tokens, self._prompt(size), wanted=False)])
                if code != OK:
                    raise RuntimeError(f"llama.cpp cannot decode (code {code})")
                tokens, passed = tokens + size, time.perf_counter() - started
            self._native.forget(0)
            yield Tried(setting=size, tokens_per_s=tokens / passed)

    def writing(self, jobs: int) -> float:
        """Tokens a second of so many jobs at a time."""
        native, plan = self._native, self._plan
        batcher = Batcher(native, slots=jobs, cells=native.cells, chunk=min(128, native.step_tokens))
        for number in range(jobs):
            batcher.add(self._job(number))
        started = time.perf_counter()
        while not batcher.idle and time.perf_counter() - started < plan.limit_s:
            for _ in batcher.step():
                pass
        passed = time.perf_counter() - started
        written = plan.answer_tokens * jobs - batcher.left
        for number in range(jobs):
            list(batcher.cancel(number))
        return max(written, 1) / passed

    def sequential(self) -> float:
        """Tokens a second of the package's own high-level class, one call after the other."""
        plan = self._plan
        llama = llama_cpp.Llama(
            str(self._path),
            n_ctx=2 * (plan.prompt_tokens + plan.answer_tokens),
            n_threads=self._threads,
            n_threads_batch=self._threads,
            n_gpu_layers=-1,
            verbose=False,
        )
        written, started, passed = 0, time.perf_counter(), 0.0
        for _ in range(4):
            for _token in itertools.islice(
                llama.generate(self._prompt(plan.prompt_tokens), temp=0), plan.answer_tokens
            ):
                written, passed = written + 1, time.perf_counter() - started
            if passed > plan.limit_s:
                break
        llama.close()
        return written / passed

    def _job(self, number: int) -> Prepared:
        params = Params(max_tokens=self._plan.answer_tokens)
        return Prepared(
            ask=Ask(id=number, messages=(Message(role="user", content=""),), params=params),
            prompt=self._prompt(self._plan.prompt_tokens),
            room=self._plan.answer_tokens,
            until=math.inf,
            sampler=lambda: Sampler(self._native, params, grammar=None),
            check=lambda _text, _reason: None,
        )

    def _prompt(self, tokens: int) -> list[int]:
        return self._random.choices(self._words(), k=tokens)

    def _words(self) -> Sequence[int]:
        return range(self._native.vocab_size)
