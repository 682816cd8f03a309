"""One cell of the table: a system, a fault, and what became of the jobs that it had accepted."""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import servers
from faults import Fault, inflict
from oracle import Oracle
from systems import System

AHEAD = 300
"""How many jobs are submitted beyond those that are done: no worker waits, and faults meet submits as well."""

GIVE_UP_S = 600.0
READY_JOBS = 4
READY_S = 90.0


@dataclass
class Producer:
    """Submits jobs and remembers which were accepted."""

    system: System
    counts: Oracle
    jobs: int
    accepted: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    """Those whose submit failed first and was repeated: the first may have been accepted as well."""

    def run(self) -> None:
        """All jobs, each until it is accepted."""
        until = time.monotonic() + GIVE_UP_S
        for number in range(self.jobs):
            failed = False
            while time.monotonic() < until:
                try:
                    name = self.system.submit(number)
                except Exception:  # noqa: BLE001 - each system raises its own; what was not accepted is tried again
                    failed = True
                    time.sleep(0.2)
                    continue
                self.accepted.add(name)
                if failed:
                    self.doubtful.add(name)
                break
            while len(self.accepted) - self.counts.done() > AHEAD and time.monotonic() < until:
                time.sleep(0.02)


def run(make: Callable[[Path, str], System], fault: Fault, *, scale: float, tell: Callable[[str], None]) -> Any:
    """Start the system, have it work, strike, wait until it is still, count."""
    jobs = max(fault.times * 10, round(fault.jobs * scale))
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        beside, url = servers.valkey(folder, name="oracle")
        beside.start()
        stack.callback(beside.end)
        servers.await_valkey(url)
        counts = Oracle(url)
        system = make(folder, url)
        stack.callback(system.close)
        system.start()
        system.prepare()
        _await_ready(system, counts)
        tell("working")
        producer = Producer(system, counts, jobs)
        thread = threading.Thread(target=producer.run, daemon=True)
        thread.start()
        last = inflict(fault, system, counts, jobs=jobs, give_up_s=GIVE_UP_S)
        thread.join(GIVE_UP_S)
        tell("until it is still")
        quiet = _await_still(system, counts, producer.accepted)
        return _counted(system, counts, producer, recovery_s=max(0.0, quiet - last), fault=fault)


def _await_ready(system: System, counts: Oracle) -> None:
    """A few jobs first: a system that is not up yet meets no fault."""
    until = time.monotonic() + READY_S
    sent = 0
    while counts.done() < READY_JOBS:
        if time.monotonic() > until:
            raise TimeoutError(f"{system.label} did not start:\n{_tails(system.folder)}")
        if sent < READY_JOBS:
            with contextlib.suppress(Exception):
                system.submit(-1 - sent)
                sent += 1
        time.sleep(0.05)
    counts.clear()


def _await_still(system: System, counts: Oracle, accepted: set[str]) -> float:
    """Until all is done, or nothing has moved for as long as the system's slowest recovery takes."""
    moved, seen = time.monotonic(), -1
    while True:
        done = len(accepted & counts.ends().keys())
        now = time.monotonic()
        if done != seen:
            moved, seen = now, done
        if (done == len(accepted) and system.left(accepted) == 0) or now - moved > system.patience_s:
            return moved
        time.sleep(0.25)


def _counted(system: System, counts: Oracle, producer: Producer, *, recovery_s: float, fault: Fault) -> dict[str, Any]:
    ends = counts.ends()
    missing = producer.accepted - ends.keys()
    left = min(len(missing), system.left(producer.accepted))
    twice = {job for job, count in ends.items() if count > 1 and job in producer.accepted - producer.doubtful}
    return asdict(
        Row(
            system=system.label,
            fault=f"{fault.label} x{fault.times}",
            accepted=len(producer.accepted),
            lost=len(missing) - left,
            stranded=left,
            ran_twice=len(twice),
            counted_twice=system.counted_twice(twice),
            recovery_s=None if missing else round(recovery_s, 1),
            deaths=system.supervisor.deaths,
        )
    )


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of the accepted jobs."""

    system: str
    fault: str
    accepted: int
    lost: int
    """Never done, and the system does not know of them any more."""
    stranded: int
    """Never done, though the system still has them."""
    ran_twice: int
    """Came to an end in two runs."""
    counted_twice: int
    """Had two results that both counted."""
    recovery_s: float | None
    """From the end of the last fault until the last job was done; None where some never were."""
    deaths: int
    """How often the supervisor started something again, the fault's own kills included."""


def _tails(folder: Path) -> str:
    """How each log ends."""
    logs = sorted(folder.glob("*.log"))
    return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs)
