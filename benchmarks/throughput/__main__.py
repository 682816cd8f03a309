"""How many jobs a second, how long one takes, and how both grow: `python benchmarks/throughput [--json PATH]`.

Jobs that do nothing, from enqueue to result: plain Celery (late acknowledgement, results in Redis, events on) beside
tidegate (vault, ledger, two hops, a policy, detectors), each with a store of its own on this machine, the append-only
file flushed `always` (tidegate's embedded default) or `everysec`. The systems take turns; told are medians of the
rounds, and for each process the processor's time that a job costs, which a busy machine distorts less.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import fleet
from measuring import System, of_celery, of_tidegate, of_tidegate_in_bulk, one_at_a_time, throughput
from preload import preload

from tidegate.settings import Settings

SIZES = (1_000, 100_000, 1_000_000)
PARTS = ("side-by-side", "growth")


def main() -> None:
    """Measure, print, write."""
    given = arguments()
    found: dict[str, Any] = {"cores": os.cpu_count(), "load_1m": round(os.getloadavg()[0], 1), "jobs": given.jobs}
    if "side-by-side" in given.parts:
        found["side_by_side"] = side_by_side(given)
    if "growth" in given.parts:
        found["growth"] = growth(given)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(table(found)))


def arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=3000, help="in each round")
    parser.add_argument("--rounds", type=int, default=3, help="of each system")
    parser.add_argument("--fsync", nargs="+", choices=("always", "everysec"), default=["always", "everysec"])
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="jobs that are in the ledger before")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="only these")
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    return parser.parse_args()


def side_by_side(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Each system with each fsync."""
    return [
        {"system": name, "fsync": fsync, **summary(rounds)}
        for fsync in given.fsync
        for name, rounds in turns(given, fsync=fsync).items()
    ]


def turns(given: argparse.Namespace, *, fsync: str) -> dict[str, list[dict[str, Any]]]:
    """The rounds of each system, one after the other, so that a change of the machine's load hits all."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SYSTEMS}
    for _ in range(given.rounds):
        for name, opened in SYSTEMS.items():
            with a_store(fsync) as (settings, pids), opened(settings, pids) as system:
                found[name].append(
                    {**throughput(system, jobs=given.jobs), **one_at_a_time(system, jobs=min(300, given.jobs))}
                )
    return found


def growth(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Tidegate with ever more jobs in the ledger."""
    found = []
    for size in given.sizes:
        with ExitStack() as stack:
            settings, pids = stack.enter_context(a_store("everysec"))
            system = stack.enter_context(tidegate(settings, pids, before=size))
            rounds = [
                {**throughput(system, jobs=given.jobs), **one_at_a_time(system, jobs=min(300, given.jobs))}
                for _ in range(given.rounds)
            ]
        found.append({"in_ledger": size, "fsync": "everysec", **summary(rounds)})
    return found


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each number."""
    numbers = {name: statistics.median(one[name] for one in rounds) for name in rounds[0] if name != "cpu_ms_per_job"}
    names = rounds[0]["cpu_ms_per_job"]
    cpu = {name: statistics.median(one["cpu_ms_per_job"][name] for one in rounds) for name in names}
    return {**numbers, "cpu_ms_per_job": cpu}


def table(found: dict[str, Any]) -> Iterator[str]:
    """For people, as Markdown."""
    yield f"{found['jobs']} jobs a round, {found['cores']} cores, load {found['load_1m']} when it began\n"
    for part, title in (("side_by_side", "system"), ("growth", "in the ledger")):
        if part not in found:
            continue
        yield f"| {title} | fsync | jobs/s | p50 ms | p99 ms | CPU ms a job | of it |\n|---|---|---|---|---|---|---|"
        for row in found[part]:
            name = row["system"] if "system" in row else f"{row['in_ledger']:,}"
            cpu = row["cpu_ms_per_job"]
            parts = ", ".join(f"{who} {ms:.2f}" for who, ms in cpu.items() if ms)
            yield (
                f"| {name} | {row['fsync']} | {row['jobs_per_s']:.0f} | {row['p50_ms']} | {row['p99_ms']} "
                f"| {sum(cpu.values()):.2f} | {parts} |"
            )
        yield ""


@contextmanager
def a_store(fsync: str) -> Iterator[tuple[Settings, fleet.Pids]]:
    """A fresh store, thrown away after."""
    with (
        tempfile.TemporaryDirectory(prefix="throughput-") as folder,
        fleet.store(Path(folder), fsync=fsync) as (settings, pids),
    ):
        yield settings, pids


@contextmanager
def tidegate(settings: Settings, store: fleet.Pids, *, before: int = 0, bulk: bool = False) -> Iterator[System]:
    """Tidegate's own processes."""
    with fleet.tidegate(settings) as (client, pids):
        preload(client.ledger.redis, before)
        yield (of_tidegate_in_bulk if bulk else of_tidegate)(client, {**store, **pids})


@contextmanager
def tidegate_in_bulk(settings: Settings, store: fleet.Pids) -> Iterator[System]:
    """The same, fed with `submit_many`."""
    with tidegate(settings, store, bulk=True) as system:
        yield system


def celery(*options: str) -> Callable[[Settings, fleet.Pids], Any]:
    """Plain Celery with one kind of pool."""

    @contextmanager
    def opened(settings: Settings, store: fleet.Pids) -> Iterator[System]:
        with fleet.celery(settings, *options) as (app, pids):
            yield of_celery(app, {**store, **pids})

    return opened


SYSTEMS: dict[str, Callable[[Settings, fleet.Pids], Any]] = {
    "plain Celery, prefork 2": celery("--concurrency", "2"),
    "plain Celery, threads 8": celery("--pool", "threads", "--concurrency", "8"),
    "tidegate": tidegate,
    "tidegate, submit_many": tidegate_in_bulk,
}


if __name__ == "__main__":
    main()
