"""What becomes of accepted jobs when workers and brokers die: `python benchmarks/reliability [--help]`.

Every system gets the same jobs of 20 ms, two workers of two slots, a supervisor that starts again what died, servers
that flush each write, and faults at the same points of its work. What was begun and ended is counted on a server that
no fault touches. Needs `uv sync --group bench`, and rabbitmq-server for one of the systems.
"""

import argparse
import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import servers
from cell import run
from faults import FAULTS
from processes import end_all
from rich.console import Console
from rich.table import Table
from systems import SYSTEMS

COLUMNS = ("system", "fault", "accepted", "lost", "stranded", "ran_twice", "counted_twice", "recovery_s")


def main() -> None:
    """Fill the table."""
    given = arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end_all)
    cells = [(system, fault) for fault in given.faults for system in given.systems]
    with ThreadPoolExecutor(given.at_once) as pool:
        rows = [row for row in pool.map(lambda cell: filled(*cell, scale=given.scale), cells) if row]
    servers.end_epmd()
    missing = len(cells) - len(rows)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "reliability.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if given.json:
        print(json.dumps({"rows": rows}))
        return
    table = Table(*COLUMNS, box=None)
    for row in rows:
        table.add_row(*("-" if row[column] is None else str(row[column]) for column in COLUMNS))
    Console(width=140).print(table)
    sys.exit(1 if missing else 0)


def arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the jobs, to try it out")
    parser.add_argument("--at-once", type=int, default=1, help="cells at a time; more than one disturbs recovery times")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="where results go")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    return parser.parse_args()


def filled(system: str, fault: str, *, scale: float) -> Any:
    """One cell, or what kept it from being filled."""

    def tell(word: str) -> None:
        print(f"{system}, {fault}: {word}", file=sys.stderr)

    try:
        return run(SYSTEMS[system], FAULTS[fault], scale=scale, tell=tell)
    except TimeoutError as exc:
        tell(str(exc))
        return None


if __name__ == "__main__":
    main()
