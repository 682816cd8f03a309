"""A burst, a provider's outage, an exhausted budget, and what becomes of the jobs: `python benchmarks/managed/demo.py`.

One command, no key, under two minutes: real processes on this machine, and the stand-in for the provider.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lean import HOME, Lean, running

from tidegate.budgets import read_budgets
from tidegate.client import Client
from tidegate.job import Job, Params
from tidegate.lane import Lane
from tidegate.lanes import read_lanes
from tidegate.ledger.accounts import Accounts
from tidegate.ledger.gates import BreakerView, Gates
from tidegate.ledger.record import Record

POLICY = Path(__file__).with_name("demo.yaml")
SIMPLE = "Is this urgent? Answer yes or no.\nTicket {}: the printer on the second floor is out of paper."
SENSITIVE = "Is this urgent? Answer yes or no.\nTicket {}: Anna Petrova, anna.petrova{}@example.com, +49 30 901820."
HARD = "Compare two designs and analyse each step by step, then prove which is the better one. Case {}."
MAIN, SPARE, INSIDE = "outside-main", "outside-spare", "inside-small"
PATIENCE_S = 60.0
LOOK_S = 0.05


@dataclass
class Stage:
    """What the acts play on."""

    site: Lean
    client: Client
    lanes: dict[str, Lane]
    number: int = 0

    def submit(self, text: str, count: int, *, tenant: str = "default") -> list[str]:
        """So many jobs, each of its own text."""
        first, self.number = self.number, self.number + count
        params = Params(max_tokens=64)
        return self.client.submit_many(
            Job(text=text.format(*[number] * 2), tenant=tenant, params=params) for number in range(first, first + count)
        )

    def ended(self, jobs: Iterable[str]) -> list[Record]:
        """Their records, when all have ended."""
        wanted = list(jobs)
        self.until(lambda: all(record.state.ended for record in self.client.ledger.get_many(wanted)), "all jobs end")
        return list(self.client.ledger.get_many(wanted))

    def breaker(self, lane: str) -> BreakerView:
        """The state of a lane's only breaker."""
        (view,) = Gates(self.client.ledger.redis).view([self.lanes[lane]])
        return view.deployments[0].breaker

    def until(self, holds: Callable[[], bool], what: str) -> float:
        """Seconds until it holds."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > PATIENCE_S:
                raise SystemExit(f"not within {PATIENCE_S:g} s: {what}")
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def calls(self) -> dict[str, int]:
        """What the provider itself counted, by model."""
        told = self.site.control("GET", "/_standin/calls")["models"]
        return {model: count["calls"] for model, count in told.items()}

    def command(self, *words: str) -> None:
        """What an operator would look at."""
        say(f"\n$ tidegate {' '.join(words)}")
        given = {"DATA": self.site.settings.data, "POLICY": POLICY, "HOME": HOME}
        env = {**os.environ, "COLUMNS": "150", **{f"TIDEGATE_{name}": str(value) for name, value in given.items()}}
        subprocess.run([sys.executable, "-m", "tidegate", *words], env=env, check=False, cwd=HOME)


def main() -> None:
    """Play the acts."""
    began = time.monotonic()
    say("Starting store, router, a worker inside and one outside, janitor, and a stand-in for the provider …")
    with (
        tempfile.TemporaryDirectory(prefix="demo-") as folder,
        running(Path(folder), POLICY, overflow_dwell_s=2.0, log_level="WARNING") as (site, client),
    ):
        stage = Stage(site, client, read_lanes(POLICY))
        warm_up(stage)
        for act in (burst, outage, budget):
            act(stage)
        stage.command("lanes")
        stage.command("costs")
    say(f"\nTook {time.monotonic() - began:.0f} s.")


def warm_up(stage: Stage) -> None:
    """So that the lane's pace is known."""
    stage.ended(stage.submit(SIMPLE, 8))


def burst(stage: Stage) -> None:
    """More than the inside can do."""
    say("\n1. A burst: 120 simple jobs and 12 sensitive ones at once. The inside does 8 a second; above 2 s of waiting")
    say("   the policy sends simple ones outside.")
    jobs = stage.submit(SIMPLE, 60) + stage.submit(SENSITIVE, 12) + stage.submit(SIMPLE, 60)
    records = stage.ended(jobs)
    simple, guarded = records[:60] + records[72:], records[60:72]
    say(f"   simple jobs: {told(simple)}; the longest wait of one that stayed: {longest(stage, simple):.1f} s")
    say(f"   sensitive jobs: {told(guarded)}")
    after = stage.ended(stage.submit(SIMPLE, 4))
    say(f"   the next simple jobs, after it: {told(after)}")


def outage(stage: Stage) -> None:
    """The provider of one lane fails, and comes back."""
    say("\n2. An outage: the provider answers 500 to every call of outside-main. 40 harder jobs come.")
    before = stage.calls().get("gpt-4.1", 0)
    stage.site.control(
        "PUT", "/_standin/faults", [{"fault": "server_error", "times": "forever", "when": {"model": "gpt-4.1"}}]
    )
    began = time.monotonic()
    jobs = stage.submit(HARD, 40)
    stage.until(lambda: stage.breaker(MAIN).state == "open", "the breaker opens")
    say(f"   {time.monotonic() - began:.1f} s later its breaker is open ({stage.breaker(MAIN).why})")
    say(
        f"   the jobs: {told(stage.ended(jobs))}; calls that the failing provider got for them: "
        f"{stage.calls().get('gpt-4.1', 0) - before}"
    )
    stage.command("lanes", MAIN)
    stage.site.control("DELETE", "/_standin/faults")
    jobs, waited = [], time.monotonic()
    while stage.breaker(MAIN).state != "closed":
        jobs += stage.submit(HARD, 1)
        stage.ended(jobs[-1:])
        if time.monotonic() - waited > PATIENCE_S:
            raise SystemExit("the breaker did not close")
    say(f"   the provider is well again; {time.monotonic() - waited:.1f} s later the breaker is closed")
    say(f"   jobs from then on: {told(stage.ended(stage.submit(HARD, 10)))}")


def budget(stage: Stage) -> None:
    """A tenant's day is spent."""
    given = read_budgets(POLICY)["trial"]
    say(f"\n3. A budget: tenant trial may spend ${given.usd} a day outside. 60 harder jobs of its come at once.")
    records = stage.ended(stage.submit(HARD, 60, tenant="trial"))
    account = Accounts(stage.client.ledger.redis).of([(given, "*")])[0]
    cost = sum(record.cost_usd or 0.0 for record in records)
    say(
        f"   {told(records)}; spent ${cost:.4f} of ${given.usd}, ${account.free_usd or 0:.4f} is left: too little for "
        "another call"
    )
    say(f"   its simple jobs go on inside: {told(stage.ended(stage.submit(SIMPLE, 10, tenant='trial')))}")
    say(f"   other tenants notice nothing: {told(stage.ended(stage.submit(HARD, 10)))}")


def told(records: Sequence[Record]) -> str:
    """How they ended, and where."""
    ends = Counter(
        f"{record.lane}" if record.state == "succeeded" else f"{record.state} ({record.reason})" for record in records
    )
    return ", ".join(f"{count} {where}" for where, count in ends.most_common())


def longest(stage: Stage, records: Sequence[Record]) -> float:
    """The longest wait in the inside lane's line."""
    waits = []
    for record in records:
        at = {event.move: event.at for event in stage.client.ledger.history(record.id)}
        if record.lane == INSIDE and "claimed" in at:
            waits.append(at["claimed"] - at["placed"])
    return max(waits, default=0.0)


def say(text: str) -> None:
    """At once, also into a pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
