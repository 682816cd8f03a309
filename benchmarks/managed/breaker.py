"""How fast a provider's outage is noticed, what it costs, and how fast its end is: real processes, the stand-in down.

python benchmarks/managed/breaker.py --rounds 3 --json breaker.json
"""

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from gatebench import Bench, bench, until

from tidegate.job import Job
from tidegate.ledger.states import State

DOWN = [{"fault": "server_error", "times": "forever"}]
LANE = {
    "concurrency": 8,
    "retry": {"attempts": 20, "base_s": 0.2, "cap_s": 2.0},
    "breaker": {"calls": 10, "failures": 0.5, "window_s": 30, "open_s": 2},
}


def main(
    *,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    outage_s: Annotated[float, typer.Option(min=1, help="How long the provider is down.")] = 8.0,
    workers: Annotated[int, typer.Option(min=1)] = 2,
    per_s: Annotated[float, typer.Option(min=1, help="Jobs a second that come all the while.")] = 20.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Let the provider fail and come back, under a steady stream of jobs."""
    with (
        tempfile.TemporaryDirectory(prefix="breaker-") as folder,
        bench(Path(folder), LANE, workers=workers) as here,
    ):
        ids: list[str] = []
        stop = threading.Event()
        producer = threading.Thread(target=_produce, args=(here, ids, stop, per_s))
        producer.start()
        try:
            until(lambda: here.control("GET", "calls")["calls"] > 5 * per_s, within_s=120)
            found = [_outage(here, outage_s) for _ in range(rounds)]
        finally:
            stop.set()
            producer.join()
        until(lambda: all(record.state.ended for record in here.client.ledger.get_many(ids)), within_s=120)
        ended = here.client.ledger.get_many(ids)
    figures = {
        "rounds": rounds,
        "outage_s": outage_s,
        "open_s": LANE["breaker"]["open_s"],  # type: ignore[index]
        "outage_to_open_s": [one["to_open_s"] for one in found],
        "recovery_to_closed_s": [one["to_closed_s"] for one in found],
        "calls_while_down": [one["calls"] for one in found],
        "jobs": len(ended),
        "succeeded": sum(record.state is State.SUCCEEDED for record in ended),
    }
    for name, value in figures.items():
        print(f"{name:>22}  {value}")
    print(f"{'medians':>22}  open {_median(found, 'to_open_s')} s, closed {_median(found, 'to_closed_s')} s")
    if json_file:
        json_file.write_text(json.dumps(figures, indent=1) + "\n")


def _outage(here: Bench, outage_s: float) -> dict[str, float]:
    before = here.control("GET", "calls")["calls"]
    here.control("PUT", "faults", DOWN)
    began = time.monotonic()
    to_open_s = until(_state(here, "open"), within_s=60, look_s=0.005)
    time.sleep(max(0.0, outage_s - (time.monotonic() - began)))
    calls = here.control("GET", "calls")["calls"] - before
    here.control("DELETE", "faults")
    to_closed_s = until(_state(here, "closed"), within_s=120, look_s=0.005)
    time.sleep(3.0)  # what waited goes through before the next one
    return {"to_open_s": round(to_open_s, 2), "to_closed_s": round(to_closed_s, 2), "calls": calls}


def _state(here: Bench, wanted: str) -> Callable[[], bool]:
    return lambda: here.view().deployments[0].breaker.state == wanted


def _produce(here: Bench, ids: list[str], stop: threading.Event, per_s: float) -> None:
    while not stop.wait(1 / per_s):
        ids.append(here.client.submit(Job(text=f"Sum up number {len(ids)}.")))


def _median(found: list[dict[str, Any]], name: str) -> float:
    return round(statistics.median(one[name] for one in found), 2)


if __name__ == "__main__":
    typer.run(main)
