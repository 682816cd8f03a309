"""One run: load and faults together, then calm, then the checks."""

import contextlib
import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chaos import checks, evidence, faults
from chaos.arena import Arena, opened
from chaos.canaries import Canaries
from chaos.evidence import Evidence
from chaos.faults import FAULTS, Scene
from chaos.plan import Plan
from chaos.producer import Book
from tidegate import connections
from tidegate.connections import StoreClient
from tidegate.ledger.states import ENDS
from tidegate.names import STORE_PREFIX

_GLANCE_S = 0.2
_STOP_S = 300.0
_FIRST_PAUSE_S, _PAUSE_S = 0.5, 4.0
"""Between two slow faults, until each was done once, and then."""

Tell = Callable[[str], None]


@dataclass(kw_only=True)
class Outcome:
    """What a run came to."""

    plan: Plan
    broken: dict[str, list[str]]
    """Each invariant, and what breaks it."""
    accepted: int
    states: Counter[str]
    reasons: Counter[str]
    attempts: Counter[int]
    kills: Counter[str]
    terms: Counter[str]
    done: Counter[str]
    """How often each fault was done."""
    skipped: dict[str, str]
    recovery_s: float
    """From the last fault until every job had ended."""
    recoveries: dict[str, list[float]]
    doubled_calls: int
    lapsed: int
    handed_back: int
    counts: dict[str, int]
    surprises: Counter[str]
    """What a process did unasked, and how often."""
    events: Counter[str]
    """What the processes' logs say, by event."""
    slow_exits: list[str]
    took_s: float
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every invariant does."""
        return not any(self.broken.values())


def run(plan: Plan, tell: Tell) -> Outcome:
    """Put the arena up, do harm, let it heal, and judge."""
    began = time.monotonic()
    with opened(plan) as arena:
        storm = _Storm(arena, tell)
        storm.rage()
        recovery_s = storm.calm()
        found = evidence.gather(arena, storm.redis)
        return _outcome(storm, found, recovery_s=recovery_s, took_s=time.monotonic() - began)


class _Storm:
    """The load and the faults of one run."""

    def __init__(self, arena: Arena, tell: Tell) -> None:
        self.arena = arena
        self.plan = arena.plan
        self.done: Counter[str] = Counter()
        self.skipped = {name: why for name in self.plan.faults if (why := FAULTS[name].lacks(arena))}
        self.redis = _patient(arena)
        book = Book(self.plan.ledgers[-1])
        client = arena.client()
        self.scene = Scene(
            arena=arena, rng=random.Random(self.plan.seed), client=client, book=book, known=self._recent_ids
        )
        self.canaries = Canaries(client, book, seed=self.plan.seed)
        self._tell = tell
        self._over = threading.Event()
        self._stop_file = self.plan.folder / "stop"
        self._cycle_done = threading.Event()
        self._now = ""

    def rage(self) -> None:
        """Until every job is accepted, every kill done, and every slow fault has had its turn."""
        names = [name for name in self._possible() if not FAULTS[name].slow]
        if len(names) == len(self._possible()):
            self._stop_file.touch()  # no more jobs than were asked for
        producers = self._producers()
        slow = threading.Thread(target=self._slow_faults, name="slow-faults")
        slow.start()
        killers = random.Random(f"{self.plan.seed}:kills")
        moments = sorted(killers.uniform(0.02, 0.98) * self.plan.jobs for _ in range(self.plan.kills if names else 0))
        until = time.monotonic() + self.plan.limit_s
        while (accepted := self._accepted()) < self.plan.jobs or not self._cycle_done.is_set():
            if time.monotonic() > until:
                self.scene.count("over the time limit")
                break
            self._tell(f"accepted {accepted}  kills {self.arena.fleet.kills.total()}  now {self._now}")
            while moments and accepted >= moments[0]:
                self._do(killers.choices(names, [FAULTS[name].weight for name in names])[0])
                moments.pop(0)
                accepted = self._accepted()
            time.sleep(_GLANCE_S)
        self._over.set()
        slow.join()
        faults.heal(self.arena)
        self._stop_file.touch()
        for producer in producers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                producer.wait(_STOP_S)
            producer.kill()

    def calm(self) -> float:
        """Wait until every job has ended, or none has for too long. Returns how long that took."""
        began = moved = time.monotonic()
        self.canaries.send("(all over)")
        waiting = evidence.accepted_ids(self.plan.ledgers)
        while waiting and time.monotonic() < moved + self.plan.drain_s:
            before, waiting = len(waiting), self._open(waiting)
            moved = time.monotonic() if len(waiting) < before else moved
            self._tell(f"calm; {len(waiting)} jobs open")
            time.sleep(_GLANCE_S)
        took_s = time.monotonic() - began
        self.canaries.await_home()
        return took_s

    def _slow_faults(self) -> None:
        names = [name for name in self._possible() if FAULTS[name].slow]
        self.scene.rng.shuffle(names)
        for turn in itertools.count():
            for name in names:
                if self._over.is_set():
                    return
                self._do(name)
                self._over.wait(_PAUSE_S if turn else _FIRST_PAUSE_S)
            self._cycle_done.set()
            if not names or (turn and self._over.wait(0.1)):
                return

    def _do(self, name: str) -> None:
        self._now = name
        self._log(name, "begins")
        try:
            FAULTS[name].act(self.scene)
        except (OSError, subprocess.SubprocessError, TimeoutError) as exc:
            self.scene.count(f"fault {name} failed: {type(exc).__name__} {exc}")
            return
        self._log(name, "is over")
        self.done[name] += 1
        self.canaries.send(name)

    def _log(self, name: str, what: str) -> None:
        with (self.plan.folder / "faults.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": time.time(), "fault": name, "what": what}) + "\n")

    def _possible(self) -> list[str]:
        return [name for name in self.plan.faults if name not in self.skipped]

    def _producers(self) -> "list[subprocess.Popen[bytes]]":
        plan = self.plan
        started = []
        for number in range(plan.producers):
            count = plan.jobs // plan.producers + (number < plan.jobs % plan.producers)
            words = (plan.seed, number, count, plan.rate / plan.producers, plan.ledgers[number], self._stop_file)
            kind = (plan.kind,) if plan.kind else ()
            command = (sys.executable, "-P", "-m", "chaos.producer", *map(str, (*words, *kind)))
            with (plan.folder / "logs" / f"producer-{number}.log").open("ab") as log:
                env = self.arena.environment_of("producer")
                started.append(subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL))
        return started

    def _accepted(self) -> int:
        return sum(_count_lines(path) for path in self.plan.ledgers[:-1] if path.exists())

    def _recent_ids(self) -> list[str]:
        return evidence.accepted_ids(self.plan.ledgers)[-3000:]

    def _open(self, ids: list[str]) -> list[str]:
        """Those that have not ended and are on record."""
        left = []
        with contextlib.suppress(Exception):
            for start in range(0, len(ids), 1000):
                batch = ids[start : start + 1000]
                with self.redis.pipeline(transaction=False) as pipe:
                    for job_id in batch:
                        pipe.hget(f"{STORE_PREFIX}:job:{job_id}", "state")
                    states = pipe.execute()
                left += [
                    job_id for job_id, state in zip(batch, states, strict=True) if state and state.decode() not in ENDS
                ]
            return left
        return ids


def _outcome(storm: _Storm, found: Evidence, *, recovery_s: float, took_s: float) -> Outcome:
    fleet, records = storm.arena.fleet, found.found.values()
    return Outcome(
        plan=storm.plan,
        broken={name: list(check(found)) for name, check in checks.CHECKS.items()},
        accepted=len(found.accepted),
        states=Counter(record.state for record in records),
        reasons=Counter(record.fields["reason"] for record in records if "reason" in record.fields),
        attempts=Counter(record.count("claimed") for record in records),
        kills=fleet.kills,
        terms=fleet.terms,
        done=storm.done,
        skipped=storm.skipped,
        recovery_s=recovery_s,
        recoveries=dict(storm.canaries.took_s),
        doubled_calls=checks.doubled_calls(found),
        lapsed=sum(record.count("lease_lapsed") for record in records),
        handed_back=sum(record.count("handed_back") for record in records),
        counts=storm.scene.counts,
        surprises=Counter(fleet.surprises),
        events=found.events,
        slow_exits=fleet.slow_exits,
        took_s=took_s,
    )


def _patient(arena: Arena) -> StoreClient:
    return connections.connect(connections.addresses(arena.settings).store, timeout_s=30.0)


_SEEN: dict[Any, tuple[int, int]] = {}


def _count_lines(path: Any) -> int:
    """Lines that say `id`, reading only what is new."""
    offset, count = _SEEN.get(path, (0, 0))
    with path.open("rb") as file:
        file.seek(offset)
        chunk = file.read()
    whole = chunk[: chunk.rfind(b"\n") + 1]
    _SEEN[path] = (offset + len(whole), count + whole.count(b'{"id"'))
    return _SEEN[path][1]
