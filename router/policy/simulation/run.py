"""The clock: jobs come, are decided with the waits of that moment, queue, run, fail, try again, end. Bounded in time.

The wait that rules see is estimated as the census estimates it, from counts and smoothed service times, not taken from
what the model knows to come. A rule stays in overflow as it does at the router: until for the dwell time no job had to
go out.
"""

import heapq
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from router.policy.engine import decide
from router.policy.model import Policy
from router.policy.simulation.fleet import Served
from router.policy.simulation.tally import LaneTally, Tally
from router.policy.simulation.traffic import Arrival
from tidegate.decision import Decision
from tidegate.errors import Reason
from tidegate.ledger.census import estimated_wait_s
from tidegate.signals import LaneLoad, Signals

_LOOK_EVERY = 256
"""Events between two looks at the wall clock."""

_SMOOTHING = 0.2
"""The weight of the latest service time in the smoothed one, as in the ledger."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where a simulation ends at the latest, and the router's own limits."""

    jobs: int = 200_000
    wall_s: float = 30.0
    deadline_s: float = 86_400.0
    """A job that has not started by then is a dead letter."""
    dwell_s: float = 10.0
    """A rule leaves overflow when for so long no job had to go out."""


def simulate(
    policy: Policy,
    arrivals: Iterable[Arrival],
    *,
    fleet: dict[str, Served],
    seed: int,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Tally:
    """Let the traffic run through the policy. The same arguments give the same counts, unless time ran out."""
    return _Run(policy, fleet, seed, limits or Limits()).over(iter(arrivals), clock)


@dataclass(slots=True)
class _Task:
    """A job on its way."""

    signals: Signals
    lanes: tuple[str, ...]
    came_s: float
    attempts: int = 0
    started: bool = False


@dataclass(slots=True)
class _Queue:
    """A lane's state."""

    waiting: deque[_Task] = field(default_factory=deque)
    running: int = 0
    away: int = 0
    """Jobs that wait for their next try."""
    pace_s: float | None = None


class _Run:
    def __init__(self, policy: Policy, fleet: dict[str, Served], seed: int, limits: Limits) -> None:
        self._policy = policy
        self._rules = {rule.name: rule for rule in (*policy.rules, policy.default)}
        self._fleet = fleet
        self._limits = limits
        self._dice = random.Random(seed)  # noqa: S311 -- a model's dice, not a secret
        self._queues = {name: _Queue(pace_s=one.service_s) for name, one in fleet.items()}
        self._overflowing: dict[str, float] = {}
        """Until when each rule is in overflow, if nobody goes out meanwhile."""
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._tally = Tally({name: LaneTally() for name in fleet})

    def over(self, arrivals: Iterator[Arrival], clock: Callable[[], float]) -> Tally:
        """All events in order of time; those of arrivals are drawn one by one, so that no traffic fills the memory."""
        until = clock() + self._limits.wall_s
        self._next_arrival(arrivals)
        for number in count():
            if not self._events:
                break
            if number % _LOOK_EVERY == 0 and clock() > until:
                self._tally.stopped = f"stopped after {self._limits.wall_s:g} s of computing"
                break
            now, _, happen = heapq.heappop(self._events)
            happen(now)
        self._expire_the_rest()
        return self._tally

    def _next_arrival(self, arrivals: Iterator[Arrival]) -> None:
        if self._tally.jobs >= self._limits.jobs:
            if next(arrivals, None) is not None:
                self._tally.stopped = f"stopped after {self._limits.jobs} jobs"
            return
        arrival = next(arrivals, None)
        if arrival is None:
            return

        def come(now: float) -> None:
            self._decide(arrival.signals, now)
            self._next_arrival(arrivals)

        self._at(max(arrival.at_s, self._tally.end_s), come)

    def _at(self, when: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), happen))

    def _decide(self, signals: Signals, now: float) -> None:
        tally = self._tally
        tally.jobs += 1
        tally.end_s = now
        self._leave(now)
        seen = signals.model_copy(
            update={
                "load": {name: self._load(name) for name in self._queues},
                "overflowing": tuple(sorted(self._overflowing)),
            }
        )
        decision = decide(self._policy, seen, traced=False)
        tally.rules[decision.rule] += 1
        tally.shadowed += decision.shadow is not None
        tally.narrowed += bool(decision.narrowed)
        tally.redacted += decision.redacted
        in_the_clear = decision.cleared and not (decision.narrowed or decision.redacted)
        tally.sensitive_cleared += bool(in_the_clear and seen.sensitivity.level.sensitive)
        self._go_on(decision, now)
        if not decision.lanes:
            tally.refused[(decision.cause or "").partition(":")[0] or Reason.POLICY_DENIED.value] += 1
            return
        tally.outside += decision.lanes[0] in decision.cleared
        overflow = self._rules[decision.rule].overflow if decision.rule in self._rules else None
        if overflow is not None and decision.lanes[0] == overflow.to:
            tally.lanes[overflow.to].overflowed += 1
        self._place(_Task(signals, decision.lanes, now), now)

    def _load(self, name: str) -> LaneLoad:
        queue, served = self._queues[name], self._fleet[name]
        queued = len(queue.waiting)
        wait_s = estimated_wait_s(queued=queued, running=queue.running, slots=served.slots, service_s=queue.pace_s)
        return LaneLoad.model_construct(
            queued=queued,
            running=queue.running,
            waiting=queue.away,
            slots=served.slots,
            service_s=queue.pace_s,
            oldest_s=0.0,
            wait_s=wait_s,
        )

    def _leave(self, now: float) -> None:
        """End the overflow of rules by which nobody had to go out for a while."""
        over = [rule for rule, ends_s in self._overflowing.items() if ends_s <= now]
        for rule in over:
            del self._overflowing[rule]
        self._tally.flips += len(over)

    def _go_on(self, decision: Decision, now: float) -> None:
        """Begin the overflow of a rule, or let it go on, for a job that goes out by it."""
        if decision.overflow is not None and self._limits.dwell_s:
            self._tally.flips += decision.rule not in self._overflowing
            self._overflowing[decision.rule] = now + self._limits.dwell_s

    def _place(self, task: _Task, now: float) -> None:
        lane = task.lanes[0]
        self._tally.lanes[lane].placed += 1
        self._queues[lane].waiting.append(task)
        self._start_next(lane, now)

    def _start_next(self, lane: str, now: float) -> None:
        queue, served, tally = self._queues[lane], self._fleet[lane], self._tally.lanes[lane]
        while queue.waiting and queue.running < served.slots:
            task = queue.waiting.popleft()
            if now - task.came_s > self._limits.deadline_s:
                tally.dead[Reason.EXPIRED.value] += 1
                continue
            if not task.started:
                task.started = True
                tally.waits_s.append(now - task.came_s)
                tally.started_at_s.append(now)
            queue.running += 1
            took = served.draw_service_s(self._dice)
            tally.busy_s += took
            self._at(now + took, self._end_of(task, lane, took))

    def _end_of(self, task: _Task, lane: str, took: float) -> Callable[[float], None]:
        def end(now: float) -> None:
            queue, served, tally = self._queues[lane], self._fleet[lane], self._tally.lanes[lane]
            queue.running -= 1
            if served.failing and self._dice.random() < served.failing:
                self._failed(task, lane, now)
            else:
                tally.served += 1
                tally.cost_usd += served.cost_usd(task.signals)
                queue.pace_s = (took if queue.pace_s is None else queue.pace_s) * (1 - _SMOOTHING) + took * _SMOOTHING
            self._start_next(lane, now)

        return end

    def _failed(self, task: _Task, lane: str, now: float) -> None:
        """Once more after a while; then the next lane; then a dead letter."""
        retry = self._fleet[lane].lane.retry
        task.attempts += 1
        if task.attempts < retry.attempts:
            queue = self._queues[lane]
            queue.away += 1

            def again(later: float) -> None:
                queue.away -= 1
                queue.waiting.append(task)
                self._start_next(lane, later)

            pause = min(retry.cap_s, retry.base_s * 2 ** (task.attempts - 1))
            self._at(now + self._dice.uniform(0, pause), again)
        elif len(task.lanes) > 1:
            task.lanes, task.attempts, task.started = task.lanes[1:], 0, True
            self._place(task, now)
        else:
            self._tally.lanes[lane].dead[Reason.MAX_ATTEMPTS.value] += 1

    def _expire_the_rest(self) -> None:
        """Jobs on lanes that nobody serves wait until their deadline."""
        if self._tally.stopped is None:
            for lane, queue in self._queues.items():
                if queue.waiting:
                    self._tally.lanes[lane].dead[Reason.EXPIRED.value] += len(queue.waiting)
