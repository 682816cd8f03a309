"""The faults, each at a given share of the work done: so every system meets them at the same points of its run."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from oracle import Oracle
from systems import LAPSE_S, System

DOWN_S = 1.0
"""How long a broker stays down."""

FROZEN_S = LAPSE_S + 5.0
"""Long enough for a lease, a heartbeat or a visibility timeout to lapse, and for somebody else to take the job."""

SEED = 11


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is done to a system, how often, and how many jobs there are."""

    label: str
    times: int
    jobs: int
    strike: Callable[[System, random.Random], None]


def kill_worker(system: System, chance: random.Random) -> None:
    """Kill -9 of a worker and its children; the supervisor starts it again."""
    chance.choice(system.workers).kill()


def kill_broker(system: System, chance: random.Random) -> None:
    """Kill -9 of the broker, and a second without it. With Redis that is tidegate's store as well."""
    broker = chance.choice(system.brokers)
    broker.wanted = False
    broker.kill()
    time.sleep(DOWN_S)
    broker.start()


def freeze_worker(system: System, chance: random.Random) -> None:
    """SIGSTOP until everybody thinks that it is dead, then SIGCONT: it goes on where it stood."""
    worker = chance.choice(system.workers)
    worker.freeze()
    time.sleep(FROZEN_S)
    worker.thaw()


def end_worker(system: System, chance: random.Random) -> None:
    """SIGTERM, as a deployment does, and a new one."""
    worker = chance.choice(system.workers)
    worker.wanted = False
    worker.terminate()
    worker.start()


FAULTS: Mapping[str, Fault] = {
    "worker-kill": Fault(label="worker kill -9", times=15, jobs=4000, strike=kill_worker),
    "broker-kill": Fault(label="broker kill -9", times=6, jobs=4000, strike=kill_broker),
    "zombie": Fault(label="SIGSTOP zombie", times=4, jobs=2000, strike=freeze_worker),
    "shutdown": Fault(label="warm shutdown", times=15, jobs=4000, strike=end_worker),
}


STILL_S = 15.0
"""Where nothing was done for this long, the next strike comes: a system that is stuck is struck all the same."""

SPAN = 0.85
"""The strikes fall into this share of the work; the rest is for coming back."""


def inflict(fault: Fault, system: System, counts: Oracle, *, jobs: int, give_up_s: float) -> float:
    """All strikes of a fault, spread over the work. Returns when the last one was over (monotonic)."""
    chance = random.Random(SEED)  # noqa: S311 - the same points for every system, for nobody to guess
    until = time.monotonic() + give_up_s
    for strike in range(fault.times):
        point = (strike + 0.5 + chance.uniform(-0.3, 0.3)) * SPAN * jobs / fault.times
        _await_work(counts, point, until=until)
        fault.strike(system, chance)
    return time.monotonic()


def _await_work(counts: Oracle, point: float, *, until: float) -> None:
    seen, moved = -1, time.monotonic()
    while (done := counts.done()) < point and time.monotonic() < until:
        if done != seen:
            seen, moved = done, time.monotonic()
        if time.monotonic() - moved > STILL_S:
            return
        time.sleep(0.02)
