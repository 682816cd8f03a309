"""Where a decode step's time goes: in llama.cpp, or around it. In this very process, with the engine's own batch."""

import math
import statistics
import time
from typing import Any
from unittest.mock import patch

import llama_cpp

from benchmarks.local.levels import prompts
from benchmarks.local.systems import Setting
from tidegate.job import Message, Params
from workers.local.decoder import Decoder
from workers.local.protocol import Ask, Load

JOBS = 16
TOKENS = 48


def steps(setting: Setting) -> dict[str, Any]:
    """Medians over the steps in which all of them write."""
    decoder = Decoder(
        Load(
            path=str(setting.path),
            context_tokens=setting.cells // setting.slots,
            threads=setting.threads,
            slots=JOBS,
            step_tokens=setting.step_tokens,
            gpu_layers=setting.gpu_layers,
        )
    )
    for number, prompt in enumerate(prompts(JOBS)):
        message = Message(role="user", content=prompt)
        decoder.take(Ask(id=number, messages=(message,), params=Params(max_tokens=TOKENS)))
    whole_ms, computing_ms = [], []
    clock = _Clock()
    with patch.object(llama_cpp, "llama_decode", clock):
        while not decoder.idle:
            clock.passed_s, clock.tokens = 0.0, 0
            started = time.perf_counter()
            list(decoder.step())
            passed_s = time.perf_counter() - started
            if clock.tokens == JOBS:
                whole_ms.append(passed_s * 1e3)
                computing_ms.append(clock.passed_s * 1e3)
    shares = [1 - computing / whole for computing, whole in zip(computing_ms, whole_ms, strict=True)]
    return {
        "jobs": JOBS,
        "steps": len(shares),
        "step_ms": statistics.median(whole_ms),
        "llama_decode_ms": statistics.median(computing_ms),
        "python_share": statistics.median(shares) if shares else math.nan,
    }


class _Clock:
    """`llama_decode`, and how long it took."""

    def __init__(self) -> None:
        self._decode = llama_cpp.llama_decode
        self.passed_s = 0.0
        self.tokens = 0

    def __call__(self, context: Any, batch: Any) -> int:
        started = time.perf_counter()
        code = int(self._decode(context, batch))
        self.passed_s += time.perf_counter() - started
        self.tokens += batch.n_tokens
        return code
