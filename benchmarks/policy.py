"""How fast policies are: `python benchmarks/policy.py [--json PATH]`.

Decisions a second of the pure engine at 20, 100 and 200 rules, with and without the trace, over a thousand different
jobs; then the time to load, check, prove and compare such a policy, and the memory that it holds. The policies are made
up: tenants, bands of complexity and length, overflow with hysteresis, as a large installation would combine them. Told
is processor time, the best of several rounds: a busy machine only adds to it.
"""

import argparse
import json
import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from router import findings
from router.policy.analysis.changes import changes
from router.policy.analysis.lint import lint
from router.policy.analysis.prove import prove
from router.policy.engine import decide
from router.policy.loader import load_policy
from tidegate.signals import Band, Complexity, LaneLoad, Level, Sensitivity, Signals

SIZES = (20, 100, 200)
JOBS = 1000
ROUNDS = 3

LANES = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: m, context_tokens: 4096, capabilities: [json, tools, vision]}
  barn: {zone: inside, backend: llama_cpp, model: m, context_tokens: 65536, capabilities: [json, tools, vision]}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 128000, capabilities: [json, tools, vision]}
  sea: {zone: outside, backend: openai, model: gpt-4.1, context_tokens: 1000000, capabilities: [json, tools, vision]}
rules:
  - {name: guard, when: {sensitivity: {at_least: personal}}, send: [near, barn], why: x}
"""
RULE = """\
  - name: rule-{index}
    when: {{tenant: tenant-{tenant}, complexity: {band}, tokens: {{at_least: {low}, under: {high}}}}}
    send: [{lane}, sea]
    overflow: {{to: far, when: {{wait_s: {{over: 20}}}}, until: {{wait_s: {{under: 8}}}}}}
    why: Because.
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    given = parser.parse_args()
    numbers = {f"{size} rules": measure(size) for size in SIZES}
    print(json.dumps(numbers, indent=1))
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=1))


def measure(size: int) -> dict[str, Any]:
    """All numbers of one size."""
    with TemporaryDirectory() as folder:
        path, other = Path(folder) / "policy.yaml", Path(folder) / "other.yaml"
        path.write_text(text(size))
        other.write_text(text(size).replace("under: 900", "under: 950", 1))
        policy, changed = load_policy(path), load_policy(other)
        given = jobs()
        decided_s = best(lambda: [decide(policy, signals, traced=False) for signals in given])
        traced_s = best(lambda: [decide(policy, signals) for signals in given])
        return {
            "decide_us": round(decided_s / JOBS * 1e6, 1),
            "decisions_a_second": round(JOBS / decided_s),
            "decide_with_trace_us": round(traced_s / JOBS * 1e6, 1),
            "load_ms": ms(lambda: load_policy(path)),
            "lint_ms": ms(lambda: lint(policy)),
            "check_ms": ms(lambda: findings.of(path)),
            "prove_ms": ms(lambda: prove(policy)),
            "diff_ms": ms(lambda: changes(policy, changed), rounds=1),
            "policy_kib": memory_kib(path),
            "holds": prove(policy).holds,
        }


def text(size: int) -> str:
    """A policy of so many rules, without a dead one."""
    bands = ("simple", "moderate", "complex", "unknown")
    rules = (
        RULE.format(
            index=index,
            tenant=index % 10,
            band=bands[index // 10 % 4],
            low=(index // 40) * 900,
            high=(index // 40 + 1) * 900,
            lane="near" if index // 40 < 1 else "barn",
        )
        for index in range(size - 1)
    )
    return LANES + "".join(rules) + "default: {send: [near, barn], why: x}\n"


def jobs() -> list[Signals]:
    """A thousand jobs, always the same."""
    dice = random.Random(7)  # noqa: S311 -- no secret is made here
    return [
        Signals(
            sensitivity=Sensitivity(level=dice.choice(list(Level))),
            complexity=Complexity(band=dice.choice(list(Band))),
            tokens=dice.randrange(6000),
            max_tokens=256,
            tenant=f"tenant-{dice.randrange(12)}",
            load={"near": LaneLoad(slots=1, wait_s=dice.uniform(0, 40))},
        )
        for _ in range(JOBS)
    ]


def best(work: Callable[[], Any], *, rounds: int = ROUNDS) -> float:
    """The shortest of several rounds, in seconds."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def ms(work: Callable[[], Any], *, rounds: int = ROUNDS) -> float:
    """The shortest of several rounds, in milliseconds."""
    return round(best(work, rounds=rounds) * 1000, 1)


def memory_kib(path: Path) -> int:
    """What a loaded policy holds, after its first decisions."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    policy = load_policy(path)
    for signals in jobs():
        decide(policy, signals, traced=False)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return held // 1024


if __name__ == "__main__":
    main()
