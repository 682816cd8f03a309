"""The faults: a table of small functions, each of which does one kind of harm to the arena and then heals it.

Kills are over in an instant and are spread over the run; the slow ones hold for some seconds, one after another, while
the kills go on. A new fault is one function and one line of the table.
"""

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos import jobs, policy
from chaos.arena import ENGINE, HOME, INSIDE, JANITORS, OURS, OUTSIDE, ROUTERS, Arena
from chaos.plan import LEASE_S
from chaos.producer import Book, persistently
from tidegate.client import Client
from tidegate.errors import TidegateError
from tidegate.ledger.states import State

LAPSED_S = LEASE_S * 2 + 0.5
"""Long enough for every lease to lapse, and for another run to begin."""


@dataclass(kw_only=True)
class Scene:
    """What a fault may use."""

    arena: Arena
    rng: random.Random
    client: Client
    book: Book
    counts: dict[str, int] = field(default_factory=dict)
    known: Callable[[], list[str]] = list
    """Ids of jobs that were accepted lately, ended or not."""

    def count(self, name: str, number: int = 1) -> int:
        """Count something for the report. Returns the new count."""
        self.counts[name] = self.counts.get(name, 0) + number
        return self.counts[name]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One kind of harm."""

    act: Callable[[Scene], Any]
    slow: bool = True
    weight: float = 1.0
    lacks: Callable[[Arena], str | None] = lambda _arena: None
    """Why it cannot be done here, if so."""


def _kill(*names: str) -> Callable[[Scene], Any]:
    return lambda scene: scene.arena.fleet.kill(scene.rng.choice(names))


def _term(*names: str) -> Callable[[Scene], Any]:
    return lambda scene: scene.arena.fleet.terminate(scene.rng.choice(names))


def _freeze(*names: str) -> Callable[[Scene], Any]:
    def freeze(scene: Scene) -> None:
        with scene.arena.fleet.stopped(scene.rng.choice(names)):
            time.sleep(LAPSED_S)

    return freeze


def _kill_engine(scene: Scene) -> None:
    until = time.monotonic() + 5
    while not scene.arena.fleet.kill_engine(ENGINE) and time.monotonic() < until:
        time.sleep(0.02)  # it starts with the next job


def _away(name: str) -> Callable[[Scene], Any]:
    """Longer than wake-ups are waited for."""

    def away(scene: Scene) -> None:
        with scene.arena.fleet.down(name):
            time.sleep(LAPSED_S * 1.5)

    return away


def _broker_empty(scene: Scene) -> None:
    with scene.arena.fleet.down("broker"):
        scene.arena.broker.wipe()


def _power_cut(scene: Scene) -> None:
    """What was not flushed is gone."""
    with scene.arena.fleet.down("store"):
        scene.arena.disk.cut()


def _disk_full(scene: Scene) -> None:
    try:
        scene.arena.disk.fill()
        time.sleep(LAPSED_S)
    finally:
        scene.arena.disk.empty()


def _network_cut(scene: Scene) -> None:
    scene.arena.cable.cut()
    time.sleep(LAPSED_S)
    scene.arena.cable.mend()


def _network_slow(scene: Scene) -> None:
    scene.arena.slow_link.delay_s = scene.rng.uniform(0.05, 0.3)
    time.sleep(LAPSED_S)
    scene.arena.slow_link.mend()


def _duplicates(scene: Scene) -> None:
    """Wake-ups again, for jobs in any state, also to lanes that are not theirs."""
    doorbell, known = scene.client.doorbell, scene.known()
    for job_id in scene.rng.sample(known, min(100, len(known))):
        with contextlib.suppress(TidegateError):
            doorbell.ring_router(job_id, priority=0)
            doorbell.ring_lane(scene.rng.choice((*policy.LANES, "tiny", "api")), job_id, priority=0)
            scene.count("duplicated_messages", 2)


def _clock_jumps(scene: Scene) -> None:
    for ahead_s in (scene.rng.choice((3_600, 86_400)), -7_200, 0):
        scene.arena.clock.set(ahead_s)
        time.sleep(LAPSED_S / 2)


def _provider_outage(scene: Scene) -> None:
    for fault in ("server_error", "dropped", "rate_limited"):
        scene.arena.standin([{"fault": fault, "times": "forever"}])
        time.sleep(1.5)
    scene.arena.standin([])


def _provider_slow(scene: Scene) -> None:
    """Calls that are under way while everything else happens."""
    scene.arena.standin([{"fault": "slow", "times": "forever", "delay_s": 2.5}])
    time.sleep(LAPSED_S)
    scene.arena.standin([])


def _poison(scene: Scene) -> None:
    """A job that kills its engine each time: each time that a ready engine has it, the harness does it."""
    made = jobs.poison(scene.rng, key=f"poison-{scene.rng.getrandbits(48):x}")
    fleet = scene.arena.fleet
    job_id = persistently(scene.client, made.job)
    scene.book.accepted(job_id, made)
    until, kills = time.monotonic() + 60, 0
    while time.monotonic() < until:
        with contextlib.suppress(TidegateError):
            record = scene.client.record(job_id)
            if record.state.ended:
                break
            if record.state is State.RUNNING and fleet.engine_ready(ENGINE):
                kills += fleet.kill_engine(ENGINE)
        time.sleep(0.002)
    scene.book.note(poisoned=job_id, kills=kills)


def _policy_applied(scene: Scene) -> None:
    arena = scene.arena
    file = policy.write(arena.policy_file.parent, home=HOME, number=scene.count("policies_applied"))
    command = (sys.executable, "-P", "-m", "tidegate", "policy", "apply", str(file), "--note", "chaos")
    env = arena.environment_of("router")
    said = subprocess.run(command, env=env, capture_output=True, text=True, timeout=90, check=False)
    if said.returncode:
        scene.count("policies_applied", -1)
        scene.count("policies_refused")


def _rolling_restart(scene: Scene) -> None:
    for name in OURS:
        scene.arena.fleet.terminate(name)
        with contextlib.suppress(TimeoutError):  # somebody else may kill it meanwhile
            scene.arena.await_ready((name,), timeout_s=30)


def _no_own_disk(arena: Arena) -> str | None:
    return None if arena.disk.cuttable else "needs root on Linux: the store's disk is a file system of its own"


def _no_clock(arena: Arena) -> str | None:
    return None if arena.clock.can_jump else "needs Linux and a C compiler: the processes get a clock of their own"


FAULTS: Mapping[str, Fault] = {
    "kill-router": Fault(act=_kill(*ROUTERS), slow=False, weight=2),
    "kill-worker": Fault(act=_kill(*INSIDE, ENGINE, OUTSIDE), slow=False, weight=5),
    "kill-engine": Fault(act=_kill_engine, slow=False, weight=2),
    "kill-janitor": Fault(act=_kill(*JANITORS), slow=False),
    "kill-broker": Fault(act=_kill("broker"), slow=False, weight=2),
    "kill-store": Fault(act=_kill("store"), slow=False, weight=2),
    "term": Fault(act=_term(*OURS)),
    "zombie": Fault(act=_freeze(*INSIDE, OUTSIDE)),
    "zombie-router": Fault(act=_freeze(*ROUTERS, *JANITORS)),
    "broker-away": Fault(act=_away("broker")),
    "store-away": Fault(act=_away("store")),
    "broker-empty": Fault(act=_broker_empty),
    "power-cut": Fault(act=_power_cut, lacks=_no_own_disk),
    "disk-full": Fault(act=_disk_full, lacks=_no_own_disk),
    "network-cut": Fault(act=_network_cut),
    "network-slow": Fault(act=_network_slow),
    "duplicates": Fault(act=_duplicates),
    "clock-jumps": Fault(act=_clock_jumps, lacks=_no_clock),
    "provider-outage": Fault(act=_provider_outage),
    "provider-slow": Fault(act=_provider_slow),
    "poison": Fault(act=_poison),
    "policy-applied": Fault(act=_policy_applied),
    "rolling-restart": Fault(act=_rolling_restart),
}
"""Every fault by its name on the command line."""


def heal(arena: Arena) -> None:
    """Nothing is broken any more: what a fault could not put right because another one was there."""
    arena.clock.set(0)
    arena.cable.mend()
    arena.slow_link.mend()
    if arena.disk.cuttable:
        arena.disk.empty()
    with contextlib.suppress(OSError):
        arena.standin([])
