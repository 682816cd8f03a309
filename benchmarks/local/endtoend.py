"""Jobs a second through a whole installation, against the engine by itself with the same settings."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.local.levels import prompts
from benchmarks.local.systems import Engine, Setting
from tidegate.client import Client
from tidegate.job import Job, Message, Params
from tidegate.lanes import read_lanes
from tidegate.runtime.installation import Installation
from tidegate.settings import load

AT_ONCE = 16
TOKENS = 64
PATIENCE_S = 300.0

POLICY = """\
version: 1
lanes:
  measured:
    zone: inside
    backend: llama_cpp
    model: {path}
    context_tokens: {context}
    concurrency: {slots}
    engine: {{kv_tokens: {cells}, step_tokens: {step_tokens}, threads: {threads}, n_gpu_layers: {gpu_layers}}}
  # An installation wants one; nothing is sent there.
  unused: {{zone: outside, backend: openai, model: gpt-4.1, key_env: UNUSED_KEY, context_tokens: 999, concurrency: 1}}
rules: []
default: {{send: measured, why: Everything is measured.}}
"""


def end_to_end(setting: Setting, *, jobs: int, rounds: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Medians of rounds in which the two take turns; only one of the two computes at a time."""
    through, direct = [], []
    engine = Engine(setting)
    with tempfile.TemporaryDirectory() as folder:
        installation = _installation(setting, Path(folder))
        try:
            installation.start()
            installation.wait_ready(timeout_s=120)
            with Client(installation.settings) as client:
                _through(client, prompts(AT_ONCE))
                engine.answer(prompts(AT_ONCE), tokens=TOKENS)
                for turn in range(rounds):
                    tell(f"round {turn + 1} of {rounds}: {jobs} jobs end to end")
                    through.append(_timed(jobs, lambda asked: _through(client, asked)))
                    direct.append(_timed(jobs, lambda asked: engine.answer(asked, tokens=TOKENS)))
        finally:
            installation.stop()
            engine.close()
    return {
        "jobs": jobs,
        "tokens": TOKENS,
        "end_to_end_jobs_per_s": statistics.median(through),
        "engine_jobs_per_s": statistics.median(direct),
        "ratio": statistics.median(one / other for one, other in zip(through, direct, strict=True)),
    }


def _installation(setting: Setting, folder: Path) -> Installation:
    policy = folder / "policy.yaml"
    policy.write_text(
        POLICY.format(
            path=setting.path,
            context=setting.cells // setting.slots,
            slots=setting.slots,
            cells=setting.cells,
            step_tokens=setting.step_tokens,
            threads=setting.threads,
            gpu_layers=setting.gpu_layers,
        )
    )
    settings = load(data=folder / "data", policy=policy, broker_url=None, store_url=None, flower_port=0)
    return Installation(settings, read_lanes(policy))


def _timed(jobs: int, answer: Callable[[Sequence[str]], None]) -> float:
    asked = prompts(jobs)
    started = time.perf_counter()
    answer(asked)
    return jobs / (time.perf_counter() - started)


def _through(client: Client, asked: Sequence[str]) -> None:
    params = Params(max_tokens=TOKENS)
    jobs = [Job(messages=(Message(role="user", content=prompt),), params=params) for prompt in asked]
    for number in client.submit_many(jobs):
        written = client.result(number, timeout_s=PATIENCE_S).usage.completion_tokens
        if written != TOKENS:
            raise RuntimeError(f"an answer of {written} tokens instead of {TOKENS}: nothing to compare")
