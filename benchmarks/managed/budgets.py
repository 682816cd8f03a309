"""How much a hard budget is overspent by 64 jobs at a time on several worker processes, one of which is killed.

A private store, a router, outside workers and a janitor as real processes, against the stand-in, whose answers take
50 ms. Twice as many jobs as the budget pays for: the first half of them may go on to a lane inside, the others may not.

    python benchmarks/managed/budgets.py [--jobs 400] [--workers 4] [--json FILE]
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gatebench import stop, until
from rich.console import Console
from rich.table import Table

from tidegate import connections
from tidegate.budgets import read_budgets
from tidegate.client import Client
from tidegate.job import Hints, Job, Params
from tidegate.ledger.accounts import Account, Accounts
from tidegate.ledger.census import Census
from tidegate.ledger.costs import Costs, Sums
from tidegate.prices import NANO
from tidegate.runtime.server import find_server, prepare
from tidegate.settings import Settings, load
from workers.standin.faults import Fault
from workers.standin.server import running

HOME = Path(__file__).resolve().parents[2]
ANSWER_S = 0.05
MOST_ANSWER = 200
TOKENS_USD = 1e-5
"""What a token costs, read or written: 10 USD a million."""
AT_A_TIME = 64
READY_S = 120.0
LEASE_S = 3.0

POLICY = """\
version: 1
name: spending
lanes:
  near: {{zone: inside, backend: noop, model: noop, context_tokens: 100000, concurrency: 4}}
  api: {{zone: outside, backend: openai, model: stand-in, price: {{input_usd: 10, output_usd: 10}},
    context_tokens: 100000, concurrency: {concurrency}, retry: {{attempts: 20, base_s: 0.1, cap_s: 1}}}}
budgets:
  house: {{usd: {usd}, per: day}}
  each: {{each: tenant, usd: {usd}, per: month, hard: false}}
rules:
  - {{name: may-stay, when: {{task: may-stay}}, send: [api, near], why: It has somewhere else to go.}}
  - {{name: out, send: api, why: It has not.}}
default: {{send: near, why: What cannot be judged stays inside.}}
"""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of it."""

    jobs: int
    workers: int
    limit_usd: float
    spent_usd: float
    held_usd: float
    """When all had ended: it should be nothing."""
    peak_usd: float
    """The most that was spent and held together, at any look."""
    estimate_usd: float
    """Of one job."""
    records_usd: float
    """The sum over all records: it should be what was spent."""
    counted_usd: float
    """By `tidegate costs`: the same."""
    estimated_usd: float
    """Of it, estimates: of runs whose worker was killed."""
    ends: dict[str, int]
    took_s: float

    @property
    def overspent_usd(self) -> float:
        """Past the limit."""
        return max(0.0, self.spent_usd - self.limit_usd)


def main() -> None:
    """Measure, print, and write where that is asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=400)
    options.add_argument("--workers", type=int, default=4)
    options.add_argument("--json", type=Path)
    asked = options.parse_args()
    with TemporaryDirectory(prefix="tidegate-budgets-") as folder:
        found = measured(Path(folder), jobs=asked.jobs, workers=asked.workers)
    Console().print(shown(found))
    if asked.json:
        asked.json.write_text(json.dumps({**asdict(found), "overspent_usd": found.overspent_usd}, indent=2) + "\n")


def shown(found: Found) -> Table:
    """For people."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in {**asdict(found), "overspent_usd": found.overspent_usd}.items():
        table.add_row(name, f"{value:.6f}" if isinstance(value, float) else str(value))
    return table


def measured(folder: Path, *, jobs: int, workers: int) -> Found:
    """One run."""
    slow = Fault(fault="slow", times="forever", delay_s=ANSWER_S)
    with running(faults=[slow]) as standin, installation(folder, standin.url, jobs=jobs, workers=workers) as fleet:
        return fleet.spend(jobs)


@dataclass
class Fleet:
    """Processes on a store, and a client."""

    settings: Settings
    client: Client
    env: dict[str, str]
    workers: list["subprocess.Popen[bytes]"]
    start: Callable[..., "subprocess.Popen[bytes]"]

    def spend(self, jobs: int) -> Found:
        """Submit all, kill a worker in the middle, wait until all have ended, and add up."""
        began, peak, stop = time.monotonic(), [0], threading.Event()
        looker = threading.Thread(target=self._look, args=(peak, stop))
        looker.start()
        killer = threading.Thread(target=self._kill)
        killer.start()
        ids = [self.client.submit(_job(number, jobs)) for number in range(jobs)]
        states: Counter[str] = Counter()
        for job_id in ids:
            until(lambda job_id=job_id: self.client.record(job_id).state.ended, within_s=READY_S)
            record = self.client.record(job_id)
            states[record.reason or f"{record.state} {record.zone}"] += 1
        stop.set()
        looker.join()
        killer.join()
        account, lines = self._account(), Costs(self.client.ledger.redis)
        today = lines.today()
        sums = sum((line.sums for line in lines.between(today, today)), Sums())
        return Found(
            jobs=jobs,
            workers=len(self.workers),
            limit_usd=self._limit,
            spent_usd=account.spent_nano / NANO,
            held_usd=account.held_nano / NANO,
            peak_usd=peak[0] / NANO,
            estimate_usd=_estimate_usd(self.client, ids),
            records_usd=sum(record.spent_nano for record in self.client.ledger.get_many(ids)) / NANO,
            counted_usd=sums.usd,
            estimated_usd=sums.unsure_usd,
            ends=dict(states),
            took_s=round(time.monotonic() - began, 1),
        )

    @property
    def _limit(self) -> float:
        return read_budgets(self.settings.policy_file)["house"].usd or 0.0

    def _account(self) -> Account:
        house = read_budgets(self.settings.policy_file)["house"]
        return Accounts(self.client.ledger.redis).of([(house, "*")])[0]

    def _kill(self) -> None:
        """One worker, in the middle of its calls; another takes its place."""
        until(lambda: self._account().spent_nano > 0.2 * self._limit * NANO, within_s=READY_S)
        until(lambda: self._account().held_nano > 0, within_s=READY_S)
        self.workers[0].send_signal(signal.SIGKILL)
        self.workers[0] = self.start("worker", "--zone", "outside")

    def _look(self, peak: list[int], stop: threading.Event) -> None:
        while not stop.wait(0.01):
            account = self._account()
            peak[0] = max(peak[0], account.spent_nano + account.held_nano)


def _job(number: int, jobs: int) -> Job:
    task = "may-stay" if number < jobs / 2 else "must-go"
    text = f"Describe lighthouse number {number} in one sentence."
    return Job(text=text, params=Params(max_tokens=MOST_ANSWER), hints=Hints(task=task, deadline_s=120))


def _estimate_usd(client: Client, ids: list[str]) -> float:
    most = max(record.tokens + record.max_tokens for record in client.ledger.get_many(ids))
    return most * TOKENS_USD


@contextlib.contextmanager
def installation(folder: Path, standin: str, *, jobs: int, workers: int) -> Iterator[Fleet]:
    """A store, a router, workers of both zones and a janitor."""
    policy = folder / "policy.yaml"
    # About 30 tokens a call, in the end; so it pays for about half of the jobs.
    policy.write_text(POLICY.format(usd=jobs * 15 * TOKENS_USD, concurrency=AT_A_TIME // workers))
    settings = load(data=folder / "data", home=HOME, policy=policy, log_level="WARNING", lease_s=LEASE_S, nudge_s=1.0)
    with contextlib.ExitStack() as stack:
        env = _environment(settings, standin)

        def start(*command: str) -> "subprocess.Popen[bytes]":
            words = command if command[0].startswith("/") else (sys.executable, "-P", "-m", "tidegate", *command)
            log = stack.enter_context((folder / "processes.log").open("ab"))
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=folder)
            stack.callback(stop, process)
            return process

        start(str(find_server().path), str(prepare(settings, fsync="no")))
        store = connections.connect(connections.addresses(settings).store, timeout_s=5.0)
        until(lambda: bool(store.ping()), within_s=READY_S)
        start("router")
        start("worker", "--zone", "inside")
        start("janitor")
        outside = [start("worker", "--zone", "outside") for _ in range(workers)]
        with Client(settings) as client:
            until(lambda: len(Census(client.ledger.redis).workers()) == workers + 3, within_s=READY_S)
            yield Fleet(settings, client, env, outside, start)


def _environment(settings: Settings, standin: str) -> dict[str, str]:
    given: dict[str, Any] = {
        "data": settings.data,
        "home": HOME,
        "policy": settings.policy_file,
        "lease_s": settings.lease_s,
        "nudge_s": settings.nudge_s,
        "openai_base_url": f"{standin}/v1",
        "log_level": settings.log_level,
    }
    ours = {f"TIDEGATE_{name.upper()}": str(value) for name, value in given.items()}
    return {**os.environ, **ours, "PYTHONPATH": str(HOME), "OPENAI_API_KEY": "none-is-needed"}


if __name__ == "__main__":
    main()
