"""What a managed lane adds to a provider's answer, beside OpenAI's own client and LiteLLM's Router, in one run.

    python benchmarks/managed/latency.py --rounds 3 --json benchmarks/results/managed-latency.json

Every system is a process of its own and calls one server on this machine that says the same after a fixed time. Rounds
take turns, medians are told. LiteLLM pins other versions than we do: `--litellm` names the Python of an environment
that has it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CELLS = ((1, 50), (50, 50), (400, 50), (400, 2000))
"""Calls in flight, and milliseconds of an answer: the last is 400 calls of a provider that takes its time."""

SYSTEMS = ("raw", "openai", "litellm", "tidegate")
NAMES = {
    "raw": "bytes on a socket: the server's ceiling",
    "openai": "openai, async client",
    "litellm": "LiteLLM Router",
    "tidegate": "tidegate, the lane's backend",
}
PATIENCE_S = 60.0


def main() -> None:
    """Measure and print."""
    given = _arguments()
    began, load = time.monotonic(), os.getloadavg()[0]
    systems = [name for name in SYSTEMS if name != "litellm" or given.litellm]
    cells: list[dict[str, Any]] = []
    for in_flight, delay_ms in CELLS:
        with fixed(delay_ms) as url:
            rounds = [
                (name, one(name, url, (in_flight, delay_ms), given)) for _ in range(given.rounds) for name in systems
            ]
        for name in systems:
            found = [measured for whose, measured in rounds if whose == name]
            cells.append({"system": name, "in_flight": in_flight, "answer_ms": delay_ms, **summary(found)})
            print(row(cells[-1]), flush=True)
    found = {
        "rounds": given.rounds,
        "seconds": given.seconds,
        "cores": os.cpu_count(),
        "load_1m": load,
        "cells": cells,
        "end_to_end": whole_path(given) if given.jobs else [],
        "took_s": round(time.monotonic() - began),
    }
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    print("\n".join(table(found)))


def one(name: str, url: str, cell: tuple[int, int], given: argparse.Namespace) -> dict[str, Any]:
    """One system's round."""
    in_flight, delay_ms = cell
    seconds = given.seconds + delay_ms / 1000
    python = given.litellm if name == "litellm" else sys.executable
    command = [python, HERE / "callers.py", name, url, str(in_flight), str(seconds), str(delay_ms)]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        print(f"{name}: not within {PATIENCE_S:g} s at {in_flight} in flight", file=sys.stderr)
        return {"calls": 0}
    if said.returncode:
        print(f"{name}: {said.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return {"calls": 0}
    return dict(json.loads(said.stdout.strip().splitlines()[-1]))


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each number."""
    good = [one for one in rounds if one["calls"]]
    if not good:
        return {"calls": 0}
    numbers = {name: statistics.median(one[name] for one in good) for name in good[0] if name != "package"}
    return {**numbers, "package": good[0]["package"]}


def whole_path(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Jobs through client, router, Celery, a worker outside and back: two answers' times, one worker process."""
    sys.path[:0] = [str(HERE.parent / "throughput"), str(HERE)]
    import endtoend  # noqa: PLC0415 - it needs all of tidegate

    found = []
    for delay_ms in (50, 2000):
        with fixed(delay_ms) as url:
            found.append({"answer_ms": delay_ms, **endtoend.measured(url, jobs=given.jobs)})
            print(json.dumps(found[-1]), flush=True)
    return found


@contextmanager
def fixed(delay_ms: int) -> Iterator[str]:
    """The server, in a process of its own."""
    with subprocess.Popen([sys.executable, HERE / "fixed.py", str(delay_ms)], stdout=subprocess.PIPE) as process:
        try:
            port = process.stdout.readline() if process.stdout else b""
            yield f"http://127.0.0.1:{int(port)}/v1"
        finally:
            process.kill()


def row(cell: dict[str, Any]) -> str:
    """One line while it runs."""
    return " ".join(
        str(cell.get(name)) for name in ("in_flight", "answer_ms", "system", "p50_ms", "p99_ms", "per_core_s")
    )


def table(found: dict[str, Any]) -> Iterator[str]:
    """For people, as Markdown."""
    yield f"\n{found['rounds']} rounds, {found['cores']} cores, load {found['load_1m']:.1f} when it began\n"
    yield "| in flight | answer ms | system | added p50 ms | added p99 ms | calls/s | calls/s per core | MiB |"
    yield "|---|---|---|---|---|---|---|---|"
    for cell in found["cells"]:
        if not cell["calls"]:
            continue
        numbers = " | ".join(f"{cell[name]:g}" for name in ("p50_ms", "p99_ms", "per_s", "per_core_s", "rss_mib"))
        yield f"| {cell['in_flight']} | {cell['answer_ms']} | {NAMES[cell['system']]} | {numbers} |"
    if found["end_to_end"]:
        yield "\n| answer ms | jobs | jobs/s | most in flight | p50 s | worker's CPU ms a job | connections |"
        yield "|---|---|---|---|---|---|---|"
    for cell in found["end_to_end"]:
        names = ("answer_ms", "jobs", "jobs_per_s", "most_in_flight", "p50_s", "worker_cpu_ms", "connections")
        yield "| " + " | ".join(f"{cell[name]:g}" for name in names) + " |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each cell, beside one answer's time")
    parser.add_argument("--jobs", type=int, default=1200, help="of the whole path; 0 leaves it out")
    parser.add_argument("--litellm", type=Path, help="a Python that has litellm")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with suppress(TypeError):
        given.litellm = given.litellm.absolute()  # a link in an environment's bin must stay one
    return given


if __name__ == "__main__":
    main()
