"""What durable acceptance costs: `python benchmarks/acceptance.py [--jobs N] [--threads N] [--folder DIR] [--json]`.

Submits of a short job to the embedded store with each `TIDEGATE_STORE_FSYNC`, by turns, medians over the rounds: one at
a time for the latency, from several threads for the pace (the store flushes once for all that wait). A submit is the
whole call: sealing, the ledger's script, the wake-up through the broker. Whether the folder is on a disk that really
flushes is the machine's business: name one that is.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tidegate.client import Client
from tidegate.errors import Unavailable
from tidegate.runtime.server import find_server, prepare
from tidegate.settings import Settings, load

CHOICES = ("everysec", "always")
ROUNDS = 3
JOB = {"text": "What is the sentiment of this review? The lamp arrived broken, the shop sent another one at once."}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000, help="submits of one measurement")
    parser.add_argument("--threads", type=int, default=16, help="threads that measure the pace")
    parser.add_argument("--folder", type=Path, help="where the stores' data lie")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON in the last line")
    given = parser.parse_args()
    measured: dict[str, list[dict[str, float]]] = {choice: [] for choice in CHOICES}
    for _ in range(ROUNDS):
        for choice in CHOICES:
            with tempfile.TemporaryDirectory(dir=given.folder) as folder:
                measured[choice].append(_measured(Path(folder), choice, jobs=given.jobs, threads=given.threads))
    rows = {
        choice: {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
        for choice, runs in measured.items()
    }
    print(f"{'appendfsync':12} {'p50 ms':>8} {'p99 ms':>8} {'one a time/s':>13} {f'{given.threads} threads/s':>14}")
    for choice, row in rows.items():
        print(
            f"{choice:12} {row['p50_ms']:8.2f} {row['p99_ms']:8.2f}"
            f" {row['alone_per_s']:13.0f} {row['together_per_s']:14.0f}"
        )
    if given.json:
        print(json.dumps({"jobs": given.jobs, "threads": given.threads, "rounds": ROUNDS, "fsync": rows}))


def _measured(folder: Path, choice: str, *, jobs: int, threads: int) -> dict[str, float]:
    settings = load(data=folder, store_fsync=choice)
    with _store(settings), Client(settings) as client:
        for _ in range(20):
            client.submit(JOB)
        took_ms = []
        for _ in range(jobs):
            began = time.perf_counter()
            client.submit(JOB)
            took_ms.append((time.perf_counter() - began) * 1000)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: client.submit(JOB), range(threads * 4)))  # each thread has its connections then
            began = time.perf_counter()
            list(pool.map(lambda _: client.submit(JOB), range(jobs)))
        together_s = time.perf_counter() - began
    cuts = statistics.quantiles(took_ms, n=100)
    return {
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
        "alone_per_s": jobs / (sum(took_ms) / 1000),
        "together_per_s": jobs / together_s,
    }


@contextmanager
def _store(settings: Settings) -> Iterator[None]:
    process = subprocess.Popen(
        [find_server().path, prepare(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(settings)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _await(settings: Settings) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            with Client(settings) as client:
                client.ledger.now()
        except Unavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main()
