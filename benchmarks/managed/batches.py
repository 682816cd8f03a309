"""What batch jobs cost and what they ask of a provider, with a lane's batches and without them: the same jobs twice.

A private store, a router, an outside worker and a janitor as real processes, against the stand-in, whose answers take
50 ms and whose batches end when they have been looked at a few times.

    python benchmarks/managed/batches.py [--jobs 500] [--json FILE]
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gatebench import stop, until
from rich.console import Console
from rich.table import Table

from tidegate import connections
from tidegate.client import Client
from tidegate.job import Hints, Job, Params
from tidegate.ledger.census import Census
from tidegate.ledger.states import State
from tidegate.runtime.server import find_server, prepare
from tidegate.settings import Settings, load
from workers.standin.faults import Fault, When
from workers.standin.server import Running, running

HOME = Path(__file__).resolve().parents[2]
ANSWER_S = 0.05
CONCURRENCY = 32
WINDOW_S = 600.0
COLLECT_S = 2.0
MOST_JOBS = 250
READY_S = 120.0
ENDED_S = 600.0

LANE = {
    "zone": "outside",
    "backend": "openai",
    "model": "gpt-4o-mini",
    "context_tokens": 128000,
    "concurrency": CONCURRENCY,
    "price": {"input_usd": 1.0, "output_usd": 4.0},
}
BATCH = {"window_s": WINDOW_S, "collect_s": COLLECT_S, "most_jobs": MOST_JOBS}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of one way."""

    way: str
    jobs: int
    succeeded: int
    calls: int
    """Calls for an answer, one a job."""
    batches: int
    batch_lines: int
    batch_requests: int
    """Requests to the batch API: uploads, batches made and looked at, results, deletions."""
    cost_usd: float
    took_s: float


def main() -> None:
    """Measure, print, and write where that is asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=500)
    options.add_argument("--json", type=Path)
    asked = options.parse_args()
    found = [measured(way, jobs=asked.jobs) for way in ("calls", "batches")]
    Console().print(shown(found))
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n")


def shown(found: list[Found]) -> Table:
    """For people."""
    table = Table(box=None, pad_edge=False)
    for head in ("way", "jobs", "ended well", "calls", "batches", "lines", "batch requests", "cost USD", "took s"):
        table.add_column(head, justify="left" if head == "way" else "right")
    for one in found:
        table.add_row(
            one.way,
            *(str(number) for number in (one.jobs, one.succeeded, one.calls)),
            *(str(number) for number in (one.batches, one.batch_lines, one.batch_requests)),
            f"{one.cost_usd:.6f}",
            f"{one.took_s:.1f}",
        )
    return table


def measured(way: str, *, jobs: int) -> Found:
    """The jobs, one way."""
    slow = Fault(fault="slow", times="forever", delay_s=ANSWER_S, when=When(step="call"))
    lane = LANE if way == "calls" else {**LANE, "batch": BATCH}
    with (
        TemporaryDirectory(prefix="tidegate-batches-") as folder,
        running(faults=[slow], record=True) as standin,
        installation(Path(folder), standin.url, lane) as client,
    ):
        if way == "batches":
            until(lambda: bool(client.ledger.redis.exists("tg:batcher:api")), within_s=READY_S)
        return _found(way, client, standin, jobs)


def _found(way: str, client: Client, standin: Running, jobs: int) -> Found:
    began = time.monotonic()
    ids = [client.submit(_job(number)) for number in range(jobs)]
    until(lambda: all(record.state.ended for record in client.ledger.get_many(ids)), within_s=ENDED_S)
    took_s = time.monotonic() - began
    records = client.ledger.get_many(ids)
    paths = Counter(received.path for received in standin.standin.received)
    return Found(
        way=way,
        jobs=jobs,
        succeeded=sum(record.state is State.SUCCEEDED for record in records),
        calls=standin.standin.calls,
        batches=standin.standin.batching.made,
        batch_lines=sum(standin.standin.batching.lines_received.values()),
        batch_requests=sum(count for path, count in paths.items() if path.startswith(("/v1/batches", "/v1/files"))),
        cost_usd=sum(record.cost_usd or 0.0 for record in records),
        took_s=round(took_s, 1),
    )


def _job(number: int) -> Job:
    text = f"Describe lighthouse number {number} in one sentence."
    return Job(text=text, params=Params(max_tokens=64), hints=Hints(latency="batch", deadline_s=4 * WINDOW_S))


@contextlib.contextmanager
def installation(folder: Path, standin: str, lane: dict[str, object]) -> Iterator[Client]:
    """A store, a router, an outside worker and a janitor; every job goes to the one lane outside."""
    policy = folder / "policy.yaml"
    near = {"zone": "inside", "backend": "noop", "model": "noop", "context_tokens": 4096}
    rules = [{"name": "out", "send": "api", "why": "It is what is measured."}]
    default = {"send": "near", "why": "What cannot be judged stays inside."}
    lanes = {"api": lane, "near": near}
    policy.write_text(json.dumps({"version": 1, "name": "batches", "lanes": lanes, "rules": rules, "default": default}))
    settings = load(data=folder / "data", home=HOME, policy=policy, log_level="WARNING", lease_s=3.0, nudge_s=1.0)
    env = _environment(settings, standin)
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "processes.log").open("ab"))

        def start(*words: str) -> None:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=folder)
            stack.callback(stop, process)

        start(str(find_server().path), str(prepare(settings, fsync="no")))
        store = connections.connect(connections.addresses(settings).store, timeout_s=5.0)
        until(lambda: bool(store.ping()), within_s=READY_S)
        for command in (("router",), ("worker", "--zone", "outside"), ("janitor",)):
            start(sys.executable, "-P", "-m", "tidegate", *command)
        with Client(settings) as client:
            until(lambda: len(Census(client.ledger.redis).workers()) == 3, within_s=READY_S)  # noqa: PLR2004 - those above
            yield client


def _environment(settings: Settings, standin: str) -> dict[str, str]:
    ours = {
        "TIDEGATE_DATA": str(settings.data),
        "TIDEGATE_HOME": str(HOME),
        "TIDEGATE_POLICY": str(settings.policy_file),
        "TIDEGATE_LEASE_S": str(settings.lease_s),
        "TIDEGATE_NUDGE_S": str(settings.nudge_s),
        "TIDEGATE_OPENAI_BASE_URL": f"{standin}/v1",
        "TIDEGATE_LOG_LEVEL": settings.log_level,
    }
    return {**os.environ, **ours, "PYTHONPATH": str(HOME), "OPENAI_API_KEY": "none-is-needed"}


if __name__ == "__main__":
    main()
