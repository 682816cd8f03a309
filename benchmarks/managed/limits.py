"""How much of a provider's limit is used, and whether it is ever exceeded: several workers, one strict limit.

    python benchmarks/managed/limits.py                   three minutes, four workers, 600 requests a minute
    python benchmarks/managed/limits.py --seconds 70 --workers 2 --json limits.json

The stand-in counts by itself, in a process of its own: no more than the limit in any 60 seconds, else 429.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from gatebench import bench, until

from tidegate.job import Job

FIRST_S = 60.0


def main(
    *,
    seconds: Annotated[float, typer.Option(min=10, help="How long is measured.")] = 180.0,
    per_minute: Annotated[int, typer.Option(min=1, help="The limit, at the stand-in and in the policy.")] = 600,
    workers: Annotated[int, typer.Option(min=1)] = 4,
    real: Annotated[int | None, typer.Option(help="The stand-in's limit, where it differs.")] = None,
    silent: Annotated[bool, typer.Option(help="The stand-in names no limit and no time.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Keep a limited lane busy and count what the provider saw."""
    enforced = real or per_minute
    options = ("--requests-per-minute", str(enforced), *(("--silent-limit",) if silent else ()))
    lane = {"concurrency": 4, "limits": {"requests_per_minute": per_minute}}
    jobs = int(max(per_minute, enforced) * (seconds / 60 + 1)) + 50
    with (
        tempfile.TemporaryDirectory(prefix="limits-") as folder,
        bench(Path(folder), lane, workers=workers, standin=options) as here,
    ):
        here.client.submit_many([Job(text=f"Sum up number {number}.") for number in range(jobs)])
        until(lambda: here.control("GET", "calls")["let_through"] >= 1, within_s=120)
        time.sleep(seconds)
        said = here.control("GET", "calls")
    late = [at for at in said["refused_at_s"] if at > FIRST_S]
    allowed = enforced * seconds / 60
    figures = {
        "limit_per_minute": per_minute,
        "enforced_per_minute": enforced,
        "silent": silent,
        "workers": workers,
        "seconds": seconds,
        "let_through": said["let_through"],
        "share_of_limit": round(said["let_through"] / allowed, 4),
        "refused_in_first_minute": len(said["refused_at_s"]) - len(late),
        "refused_later": len(late),
    }
    for name, value in figures.items():
        print(f"{name:>26}  {value}")
    if json_file:
        json_file.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
