"""A burst of simple jobs beyond what the inside can do, second by second: `python benchmarks/managed/burst.py`.

Real processes: store, router, an inside worker whose jobs take 0.8 s each, an outside worker that calls the stand-in,
janitor. Simple jobs and a share of sensitive ones come at a calm pace, then at three times what the inside can do, then
calmly again. Told is what became of each, from its history: how long it waited, where it ran, what it cost; and each
move of the policy's rule into overflow and out of it.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from lean import running

from router.signals.overflow import Overflows
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.job import Job
from tidegate.ledger.record import Record
from tidegate.ledger.states import State

HERE = Path(__file__).parent
SIMPLE = "Is this urgent? Answer yes or no.\nTicket {}: the printer on the second floor is out of paper."
SENSITIVE = "Is this urgent? Answer yes or no.\nTicket {}: Anna Petrova, anna.petrova{}@example.com, +49 30 901820."
INSIDE, OUTSIDE, RULE, OVER_S, UNTIL_S = "inside-small", "outside-small", "simple-runs-inside", 5.0, 2.0
TICK_S = 0.1
PATIENCE_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Phases:
    """How long each lasts, and how many jobs come a second."""

    calm_s: float
    burst_s: float
    after_s: float
    calm_per_s: float
    burst_per_s: float

    def per_s(self, at_s: float) -> float:
        """The pace at a moment."""
        return self.burst_per_s if self.calm_s <= at_s < self.ends_s else self.calm_per_s

    @property
    def ends_s(self) -> float:
        """When the burst is over."""
        return self.calm_s + self.burst_s

    @property
    def whole_s(self) -> float:
        """All of it."""
        return self.ends_s + self.after_s


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What became of one job; times are seconds since the first one came."""

    sensitive: bool
    came_s: float
    placed_s: float
    lane: str
    """Where it was placed first."""
    expected_s: float | None
    """The wait inside that the router saw when it decided."""
    started_s: float
    ended_s: float
    cost_usd: float

    @property
    def waited_s(self) -> float:
        """In the lane's line."""
        return self.started_s - self.placed_s

    @property
    def outside(self) -> bool:
        """Whether it left."""
        return self.lane == OUTSIDE


class Watch(threading.Thread):
    """Looks ten times a second whether the rule is in overflow."""

    def __init__(self, client: StoreClient, policy: str) -> None:
        super().__init__(daemon=True)
        self._overflows = Overflows(client, dwell_s=0)
        self._policy, self._stopped = policy, threading.Event()
        self.seen: list[tuple[float, bool]] = []

    def run(self) -> None:
        """Until stopped."""
        while not self._stopped.wait(TICK_S):
            self.seen.append((time.time(), RULE in self._overflows.now(self._policy).overflowing))

    def stop(self) -> None:
        """Stop."""
        self._stopped.set()
        self.join()

    @property
    def moves(self) -> list[tuple[float, str]]:
        """When the rule entered or left."""
        return [(at, "enter" if now else "leave") for (_, before), (at, now) in pairwise(self.seen) if before != now]


def main() -> None:
    """Run, print, write."""
    given = arguments()
    phases = Phases(**{name: getattr(given, name) for name in Phases.__dataclass_fields__})
    found = measured(phases, sensitive=given.sensitive, dwell_s=given.dwell_s)
    print("\n".join(table(found)))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if given.plot:
        from burst_plot import plot  # noqa: PLC0415 - heavy, and a bench's own

        plot(found, given.plot)


def arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calm-s", type=float, default=10, help="before the burst")
    parser.add_argument("--burst-s", type=float, default=40)
    parser.add_argument("--after-s", type=float, default=30, help="after it")
    parser.add_argument("--calm-per-s", type=float, default=2, help="jobs")
    parser.add_argument("--burst-per-s", type=float, default=15, help="jobs; the inside can do 5")
    parser.add_argument("--sensitive", type=float, default=0.1, help="their share")
    parser.add_argument("--dwell-s", type=float, default=3, help="TIDEGATE_OVERFLOW_DWELL_S")
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    parser.add_argument("--plot", type=Path, help="draw them here: .svg or .png")
    return parser.parse_args()


def measured(phases: Phases, *, sensitive: float, dwell_s: float) -> dict[str, Any]:
    """One run."""
    with (
        tempfile.TemporaryDirectory(prefix="burst-") as folder,
        running(Path(folder), HERE / "burst.yaml", overflow_dwell_s=dwell_s) as (installation, client),
    ):
        watch = Watch(client.ledger.redis, "burst")
        watch.start()
        began, jobs = produce(client, phases, sensitive=sensitive)
        records = ended(client, [job for job, _ in jobs])
        watch.stop()
        seen = [_seen(client, record, began, mark) for record, (_, mark) in zip(records, jobs, strict=True)]
        called = installation.control("GET", "/_standin/calls")["idempotency_keys"]
        leaked = sum(1 for job, mark in jobs if mark and job in called)
    moves = [(round(at - began, 1), move) for at, move in watch.moves]
    overflowing = [(at - began, now) for at, now in watch.seen]
    return {
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 1),
        "phases": asdict(phases),
        "policy": {"over_s": OVER_S, "until_s": UNTIL_S, "dwell_s": dwell_s},
        "summary": {**summary(seen, phases), "moves": moves, "sensitive_jobs_seen_by_the_provider": leaked},
        "seconds": seconds(seen, overflowing),
    }


def produce(client: Client, phases: Phases, *, sensitive: float) -> tuple[float, list[tuple[str, bool]]]:
    """Submit at the phases' pace, whatever becomes of the jobs. Returns when that began, and who is sensitive."""
    jobs: list[tuple[str, bool]] = []
    began, at_s, due = time.time(), 0.0, 0.0
    while at_s < phases.whole_s:
        due += phases.per_s(at_s) * TICK_S
        marks = [_every(len(jobs) + number, sensitive) for number in range(int(due) - len(jobs))]
        texts = [
            (SENSITIVE if mark else SIMPLE).format(*[number] * 2)  # each its own: identical ones would share a run
            for number, mark in enumerate(marks, len(jobs))
        ]
        jobs += zip(client.submit_many(Job(text=text) for text in texts), marks, strict=True)
        at_s += TICK_S
        time.sleep(max(0.0, began + at_s - time.time()))
    return began, jobs


def ended(client: Client, jobs: Sequence[str]) -> list[Record]:
    """Their records, when all have ended."""
    until = time.monotonic() + PATIENCE_S
    while True:
        records = list(client.ledger.get_many(jobs))
        open_ = [record for record in records if not record.state.ended]
        if not open_:
            return records
        if time.monotonic() > until:
            raise SystemExit(f"{len(open_)} jobs have not ended after {PATIENCE_S:g} s")
        time.sleep(0.5)


def _every(number: int, share: float) -> bool:
    """Evenly, the same in each run."""
    return int((number + 1) * share) > int(number * share)


def _seen(client: Client, record: Record, began: float, mark: bool) -> Seen:  # noqa: FBT001 - from a pair
    if record.state is not State.SUCCEEDED or record.decided is None:
        raise SystemExit(f"job {record.id} is {record.state}: {record.reason} {record.cause}")
    at: dict[str, float] = {}
    for event in client.ledger.history(record.id):
        at.setdefault(event.move, event.at - began)  # the first of each: a retry waits on its own account
    load = record.decided.signals.load.get(INSIDE)
    return Seen(
        sensitive=mark,
        came_s=record.accepted_at - began,
        placed_s=at["placed"],
        lane=record.decided.lanes[0],
        expected_s=load.wait_s if load else None,
        started_s=at["claimed"],
        ended_s=(record.ended_at or 0) - began,
        cost_usd=record.cost_usd or 0.0,
    )


def summary(seen: Sequence[Seen], phases: Phases) -> dict[str, Any]:
    """What the experiment shows, in numbers."""
    simple, guarded = [one for one in seen if not one.sensitive], [one for one in seen if one.sensitive]
    out, stayed = [one for one in simple if one.outside], [one for one in simple if not one.outside]
    waits = sorted(one.waited_s for one in stayed)
    missed = sorted(abs(one.waited_s - (one.expected_s or 0.0)) for one in stayed if one.expected_s is not None)
    later = [one for one in simple if one.placed_s > phases.ends_s]
    home = [one.placed_s for one in later if not one.outside]
    return {
        "simple": len(simple),
        "simple_outside": len(out),
        "sensitive": len(guarded),
        "sensitive_outside": sum(one.outside for one in guarded),
        "first_outside_s_after_the_burst_began": _since(min((o.placed_s for o in out), default=None), phases.calm_s),
        "first_inside_s_after_the_burst_ended": _since(min(home, default=None), phases.ends_s),
        "last_outside_s_after_the_burst_ended": _since(max((o.placed_s for o in out), default=None), phases.ends_s),
        "wait_inside_p50_s": _share(waits, 0.5),
        "wait_inside_p95_s": _share(waits, 0.95),
        "wait_inside_max_s": _share(waits, 1.0),
        "wait_expected_wrong_by_p50_s": _share(missed, 0.5),
        "wait_expected_wrong_by_p95_s": _share(missed, 0.95),
        "wait_sensitive_max_s": _share(sorted(one.waited_s for one in guarded), 1.0),
        "wait_outside_max_s": _share(sorted(one.waited_s for one in out), 1.0),
        "cost_usd": round(sum(one.cost_usd for one in seen), 6),
    }


def seconds(seen: Sequence[Seen], overflowing: Sequence[tuple[float, bool]]) -> list[dict[str, Any]]:
    """One row a second."""
    rows, spent = [], 0.0
    for second in range(int(max(one.ended_s for one in seen)) + 1):
        placed = [one for one in seen if second <= one.placed_s < second + 1]
        simple = [one for one in placed if not one.sensitive]
        begun = sorted(one.waited_s for one in seen if not one.outside and second <= one.started_s < second + 1)
        expected = [one.expected_s for one in placed if one.expected_s is not None]
        spent += sum(one.cost_usd for one in seen if second <= one.ended_s < second + 1)
        states = [now for at, now in overflowing if second <= at < second + 1]
        rows.append(
            {
                "second": second,
                "came": sum(second <= one.came_s < second + 1 for one in seen),
                "share_outside": round(sum(one.outside for one in simple) / len(simple), 3) if simple else None,
                "sensitive_outside": sum(one.outside for one in placed if one.sensitive),
                "wait_inside_p50_s": _share(begun, 0.5),
                "wait_inside_max_s": _share(begun, 1.0),
                "expected_max_s": round(max(expected), 2) if expected else None,
                "overflow": round(sum(states) / len(states), 2) if states else None,
                "cost_usd": round(spent, 6),
            }
        )
    return rows


def table(found: dict[str, Any]) -> list[str]:
    """For people, as Markdown."""
    said, policy = found["summary"], found["policy"]
    rows = {
        "simple jobs, of them outside": f"{said['simple']}, {said['simple_outside']}",
        "sensitive jobs, of them outside": f"{said['sensitive']}, {said['sensitive_outside']}",
        "sensitive jobs that the provider saw": said["sensitive_jobs_seen_by_the_provider"],
        "first job outside, after the burst began": f"{said['first_outside_s_after_the_burst_began']} s",
        "first job inside again, after it ended": f"{said['first_inside_s_after_the_burst_ended']} s",
        "last job outside, after it ended": f"{said['last_outside_s_after_the_burst_ended']} s",
        f"wait inside of simple jobs, p50 / p95 / max (the policy: over {policy['over_s']:g} s)": " / ".join(
            f"{said[f'wait_inside_{part}_s']}" for part in ("p50", "p95", "max")
        )
        + " s",
        "the router's estimate was wrong by, p50 / p95": (
            f"{said['wait_expected_wrong_by_p50_s']} / {said['wait_expected_wrong_by_p95_s']} s"
        ),
        "longest wait of a sensitive job, of a job outside": (
            f"{said['wait_sensitive_max_s']} s, {said['wait_outside_max_s']} s"
        ),
        "moves of the rule": ", ".join(f"{move} at {at:g} s" for at, move in said["moves"]) or "none",
        "cost": f"${said['cost_usd']:.6f}",
    }
    head = f"{found['cores']} cores, load {found['load_1m']} at the end; {found['phases']}\n"
    return [head, "| | |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows.items())]


def _since(at_s: float | None, begin_s: float) -> float | None:
    return None if at_s is None else round(at_s - begin_s, 1)


def _share(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) if ordered else None


if __name__ == "__main__":
    main()
