"""The local engine beside its peers: `python -m benchmarks.local [--parts ...] [--out FOLDER]`, from the checkout.

In one run and with the same settings: tokens a second at 1 to 64 jobs against calls of `llama_cpp.Llama` in sequence
and against llama.cpp's own server (xllamacpp); Python's share of a step; jobs through a whole installation against the
engine alone; how long a new job waits for its first token; memory over a thousand jobs. With a model of random weights
and 124 M parameters, which is made once and kept in the cache, and with the shipped tiny one. Written are
`local-engine.json` and `local-engine.md`. It takes some 7 minutes on 2 CPUs; nothing else should run meanwhile.

`--sizes` measures other sizes and quantisations by themselves, for the table in docs/local-models.md.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.local import weights
from benchmarks.local.endtoend import end_to_end
from benchmarks.local.levels import levels
from benchmarks.local.report import markdown
from benchmarks.local.sizes import sizes
from benchmarks.local.steps import steps
from benchmarks.local.systems import Setting
from benchmarks.local.waiting import first_token, memory
from tidegate import logs
from tidegate.settings import load
from workers.local import devices, threads
from workers.models import catalogue

LEVELS = (1, 4, 8, 16, 32, 64)
EACH_JOB = 160
"""Room in the memory for one job of the levels, in tokens."""
LONG_JOB = 500
"""And for one that is still writing while others come."""
PARTS = ("levels", "steps", "end_to_end", "first_token", "memory")


def main() -> None:
    """Measure what was asked for, print it, write it."""
    given = arguments()
    logs.configure("ERROR")
    if given.sizes:
        print(json.dumps(sizes(tell=tell), indent=1))
        return
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cpu": cpu(), "gpu": gpu(given), "threads": threads.usable(), "load": os.getloadavg()[0]},
        "rounds": given.rounds,
        "tokens": given.tokens,
        "models": {name: measured(name, path, given) for name, path in models(given.models).items()},
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "local-engine.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    told = markdown(found)
    (given.out / "local-engine.md").write_text(told, encoding="utf-8")
    print(told)


def arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="only these")
    parser.add_argument("--models", nargs="+", choices=("125m", "tiny"), default=("125m", "tiny"), help="only these")
    parser.add_argument("--jobs", nargs="+", type=int, default=LEVELS, help="levels of jobs at a time")
    parser.add_argument("--tokens", type=int, default=48, help="how long each answer is")
    parser.add_argument("--rounds", type=int, default=3, help="how often the systems take turns")
    parser.add_argument("--threads", type=int, help="of every system; as many as the engine would take where not given")
    parser.add_argument(
        "--gpu", action="store_true", help="all layers on the GPU, against the llama-server on the PATH"
    )
    parser.add_argument("--sizes", action="store_true", help="measure sizes and quantisations instead")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="where results go")
    return parser.parse_args()


def models(asked: list[str]) -> Mapping[str, Path]:
    """The files; the random one is made where it is not there yet."""
    found = {}
    if "125m" in asked:
        tell("the model of random weights")
        found[f"random weights, {weights.SMALL.parameters / 1e6:.0f} M parameters, q8_0"] = weights.model(weights.SMALL)
    if "tiny" in asked:
        shipped = catalogue.find("tidegate-tiny", load()).path
        found["tidegate-tiny, 0.9 M parameters, q8_0"] = weights.endless(shipped)
    return found


def measured(name: str, path: Path, given: argparse.Namespace) -> dict[str, Any]:
    """All parts of one model."""

    def setting(slots: int, each: int) -> Setting:
        count = given.threads or threads.for_model(path.stat().st_size)
        return Setting(path=path, threads=count, slots=slots, cells=slots * each, gpu=given.gpu)

    small = path.stat().st_size < threads.BYTES_PER_THREAD
    parts: Mapping[str, Callable[[], Any]] = {
        "levels": lambda: levels(
            setting(max(given.jobs), EACH_JOB), jobs=given.jobs, tokens=given.tokens, rounds=given.rounds, tell=tell
        ),
        "steps": lambda: steps(setting(16, EACH_JOB)),
        "end_to_end": lambda: end_to_end(setting(16, EACH_JOB), jobs=320 if small else 48, rounds=3, tell=tell),
        "first_token": lambda: first_token(setting(16, LONG_JOB)),
        "memory": lambda: memory(setting(16, EACH_JOB)),
    }
    found = {}
    for part in given.parts:
        if part == "memory" and not small:
            continue  # a thousand jobs of a small model show the same in a tenth of the time
        tell(f"{name}: {part}")
        found[part] = parts[part]()
    return found


def cpu() -> str:
    """What it calls itself."""
    told = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in told if line.startswith("model name")), platform.machine())


def gpu(given: argparse.Namespace) -> str | None:
    """The card, where it computes."""
    return ", ".join(card.name for card in devices.gpus()) if given.gpu else None


def tell(what: str) -> None:
    """What is going on, for whoever waits."""
    print(f"measuring: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
