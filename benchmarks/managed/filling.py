"""How fast, and with how many messages, a lane's free slots fill when many jobs wait for a provider of fixed delay.

    python benchmarks/managed/filling.py                   400 jobs for 400 slots
    python benchmarks/managed/filling.py --jobs 1          what one job costs

The gate is shut until all jobs are in line; then one wake-up comes, as after a provider's Retry-After.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from gatebench import LANE, bench, stop, until

from tidegate.job import Job
from tidegate.ledger.states import State

DELAY_MS, SHUT_S, PATIENCE_S = 150_000, 60.0, 120.0
FIXED = Path(__file__).with_name("fixed.py")
PLACE = f"tg:gate:{LANE}@main"


def main(
    *,
    jobs: Annotated[int, typer.Option(min=1)] = 400,
    slots: Annotated[int, typer.Option(min=1)] = 400,
    workers: Annotated[int, typer.Option(min=1)] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Fill the slots, and count."""
    provider = subprocess.Popen([sys.executable, str(FIXED), str(DELAY_MS)], stdout=subprocess.PIPE, text=True)
    try:
        port = provider.stdout.readline().strip() if provider.stdout else ""
        lane = {"concurrency": slots, "base_url": f"http://127.0.0.1:{port}/v1", "timeout_s": 600}
        with tempfile.TemporaryDirectory(prefix="fill-") as folder, bench(Path(folder), lane, workers=workers) as here:
            ledger, redis = here.client.ledger, here.client.ledger.redis
            redis.hset(PLACE, "closed_until", ledger.now() + SHUT_S)
            ids = here.client.submit_many([Job(text=f"Sum up number {number}.") for number in range(jobs)])
            until(lambda: redis.zcard(f"tg:in:placed:{LANE}") == jobs, within_s=SHUT_S)
            time.sleep(1.0)
            before = _messages(here)
            redis.hdel(PLACE, "closed_until")
            until(lambda: redis.zcard(f"tg:in:running:{LANE}") >= min(jobs, slots * workers), within_s=PATIENCE_S)
            sent = _messages(here) - before
            records = ledger.get_many(ids)
    finally:
        stop(provider)
    began = sorted(record.started_at for record in records if record.started_at and record.state is State.RUNNING)
    figures = {
        "jobs": jobs,
        "slots": slots,
        "workers": workers,
        "messages": sent,
        "fill_s": round(began[-1] - began[0], 3),
        "share_of_first_worker": round(max(_counts([record.worker for record in records])) / jobs, 2),
    }
    for name, value in figures.items():
        print(f"{name:>22}  {value}")
    if json_file:
        json_file.write_text(json.dumps(figures, indent=1) + "\n")


def _messages(here: object) -> int:
    """Wake-ups sent so far: kombu puts each on a list, and nothing else does while no call ends."""
    told = here.client.ledger.redis.info("commandstats")  # type: ignore[attr-defined]
    return int(told.get("cmdstat_lpush", {}).get("calls", 0))


def _counts(names: list[str | None]) -> list[int]:
    return [names.count(name) for name in set(names)]


if __name__ == "__main__":
    typer.run(main)
