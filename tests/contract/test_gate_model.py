"""The gate against what it promises, over any order of claims, ends, failures, lapses and hours.

Never above a limit in any window; nothing in flight but what runs; one probe at a time, and nothing else while a
deployment is left alone.
"""

from itertools import count
from typing import Any

import pytest
from clocks import clocked
from gating import Gated, api
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tidegate.connections import StoreClient
from tidegate.deployment import Deployment, Limits
from tidegate.lane import Breaker
from tidegate.ledger import line, states
from tidegate.ledger.gates import Gates
from tidegate.ledger.line import Taken

MOST = {
    "": Limits(requests_per_minute=9, tokens_per_minute=2000, requests_per_day=60),
    "a": Limits(requests_per_minute=6, concurrent=3),
    "b": Limits(tokens_per_minute=1000, requests_per_day=40, tokens_per_day=9000),
}
LANE = api(
    limits=MOST[""],
    deployments=(Deployment(name="a", limits=MOST["a"], weight=2), Deployment(name="b", limits=MOST["b"])),
    breaker=Breaker(calls=3, failures=0.6, window_s=20.0, open_s=5.0),
)
CLASSES = ("ok", "job", "limited", "failed", "down", "")


class GateMachine(RuleBasedStateMachine):
    """One lane with two deployments; `calls` is what was let through, as (when, deployment, tokens)."""

    redis: StoreClient

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushdb()
        with clocked(self.redis) as (ledger, clock):
            self.lane, self.clock = Gated(ledger, LANE), clock
        self.running: dict[str, Taken] = {}
        self.calls: list[list[Any]] = []
        self.waiting = 0

    @rule(tokens=st.integers(0, 300), most=st.integers(1, 300), count=st.integers(1, 6))
    def put(self, tokens: int, most: int, count: int) -> None:
        """Jobs come."""
        for _ in range(count):
            self.lane.put(tokens=tokens, most=most, deadline_s=1e7)
            self.waiting += 1

    @precondition(lambda self: self.waiting)
    @rule(times=st.integers(1, 5))
    def take(self, times: int) -> None:
        """Workers ask."""
        for _ in range(times):
            found = self.lane.ask()
            if not isinstance(found, Taken):
                return
            assert found.permit is not None
            self.waiting -= 1
            self.running[found.record.id] = found
            if found.permit.verdict == "granted":
                self.allowed(found)

    @rule(
        jobs=st.integers(10, 25),
        every_s=st.sampled_from((0.0, 0.5, 2.0, 7.0)),
        size=st.sampled_from((1, 60, 200)),
        outcome=st.sampled_from(("ok", "ok", "failed", "limited", "hangs")),
    )
    def rush(self, jobs: int, every_s: float, size: int, outcome: str) -> None:
        """A busy time: jobs come and workers ask all the while."""
        for _ in range(jobs):
            self.put(size, size, 1)
            before = set(self.running)
            self.take(2)
            if outcome != "hangs":
                for job in self.running.keys() - before:
                    self.ended(job, outcome, share=1.0)
            self.pass_by(every_s)

    @rule(name=st.sampled_from(("a", "b")))
    def outage(self, name: str) -> None:
        """All that runs there fails, and when its time has come several workers ask at once."""
        for job in [job for job, one in self.running.items() if one.permit and one.permit.deployment == name]:
            self.ended(job, "failed")
        self.pass_by(5.1)
        self.put(1, 1, 4)
        self.take(4)

    def allowed(self, found: Taken) -> None:
        """A call that was let through breaks nothing."""
        permit = found.permit
        assert permit is not None
        now, name = self.clock.now, permit.deployment
        self.calls.append([now, name, permit.tokens, found.record.id])
        for place in ("", name):
            most, mine = MOST[place], [call for call in self.calls if place in ("", call[1])]
            for window_s, calls, tokens in (
                (60.0, most.requests_per_minute, most.tokens_per_minute),
                (86_400.0, most.requests_per_day, most.tokens_per_day),
            ):
                last = [call for call in mine if call[0] > now - window_s]
                assert calls is None or len(last) <= calls
                assert tokens is None or sum(call[2] for call in last) <= tokens
            flying = [one for one in self.running.values() if one.permit and place in ("", one.permit.deployment)]
            assert most.concurrent is None or len(flying) <= most.concurrent
        before = self.breakers[name]
        assert before != "open"
        probes = [one for one in self.running.values() if one.permit and one.permit.probe]
        assert sum(one.permit.deployment == name for one in probes if one.permit) <= 1
        assert permit.probe == (before == "half_open")

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from(CLASSES), share=st.floats(0, 1), retry_s=st.none() | st.floats(0, 90))
    def end(self, data: Any, outcome: str, share: float, retry_s: float | None) -> None:
        """A run ends with an answer or an error; it used no more than its estimate."""
        heard = {} if retry_s is None else {"retry_after_s": retry_s, "requests_left": 0, "requests_reset_s": retry_s}
        self.ended(data.draw(st.sampled_from(sorted(self.running))), outcome, share=share, heard=heard)

    def ended(self, job: str, outcome: str, *, share: float = 0.0, heard: dict[str, float] | None = None) -> None:
        """One run ends."""
        found = self.running.pop(job)
        tokens = int(share * (found.permit.tokens if found.permit else 0))
        if outcome == "ok":
            self.lane.end(found, tokens=tokens)
        else:
            tokens = 0
            self.lane.fail(found, outcome, heard=heard or {})
        for call in self.calls:
            if call[3] == job:
                call[2] = tokens

    @precondition(lambda self: self.running)
    @rule(data=st.data(), way=st.sampled_from(("lapse", "cancel", "hand back", "renew")))
    def vanish(self, data: Any, way: str) -> None:
        """A worker dies, stops or goes on; a producer gives up. What was reserved counts as used."""
        job = data.draw(st.sampled_from(sorted(self.running)))
        found = self.running[job]
        fence = found.claim.fence
        moves = {
            "lapse": states.hand_back(changes={}, nudge_s=5.0),
            "cancel": states.cancel(),
            "hand back": states.hand_back(fence=fence, changes={}, nudge_s=5.0),
            "renew": states.renew(fence=fence, lease_s=15.0),
        }
        self.lane.ledger.apply(job, moves[way])
        if way != "renew":
            del self.running[job]
            self.waiting += way != "cancel"

    @rule(seconds=st.one_of(st.floats(0.001, 2), st.floats(1, 60), st.floats(60, 4000)))
    def pass_by(self, seconds: float) -> None:
        """Time passes; workers that are alive renew their leases, as they do every few seconds."""
        while seconds > 0:
            step = min(seconds, 30.0)
            self.clock.pass_by(step)
            seconds -= step
            for job, found in self.running.items():
                self.lane.ledger.apply(job, states.renew(fence=found.claim.fence, lease_s=15.0))

    @property
    def breakers(self) -> dict[str, str]:
        """By the store; half open where a call may try."""
        found = {}
        for name in ("a", "b"):
            place = self.lane.place(name)
            until = float(place.get("open_until", 0))
            found[name] = "closed" if not until else "open" if self.clock.now < until else "half_open"
        return found

    @invariant()
    def nothing_leaks(self) -> None:
        """What is in flight is what runs with a permit, and nothing is counted below zero."""
        for name in ("a", "b"):
            flying = {job for job, one in self.running.items() if one.permit and one.permit.deployment == name}
            members = {job.decode() for job in self.redis.zrange(f"tg:gate:api@{name}/flight", 0, -1)}
            assert flying <= members
            assert members <= flying
        for place in (None, "a", "b"):
            fields = self.lane.place(place)
            for field in ("minute_tokens", "day_tokens", "day_requests"):
                assert float(fields.get(field, 0)) >= 0
        logged = self.redis.zrange("tg:gate:api/minute", 0, -1)
        told = sum(int(call.rpartition(b":")[2]) for call in logged)
        assert told == int(self.lane.place(None).get("minute_tokens", 0))

    def teardown(self) -> None:
        """Once nothing runs and a day has passed, a job in line is let through: nothing is shut for ever."""
        for found in list(self.running.values()):
            self.lane.end(found)
        self.clock.pass_by(90_000.0)
        self.lane.put(tokens=10, most=10, deadline_s=1e7)
        assert self.lane.take().permit is not None
        Gates(self.redis).view([LANE])


def test_any_order_of_events(redis: StoreClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis looks for one that breaks a promise."""
    tokens = count()
    # A take's token is its chance, too: an example that is run again must go the same way.
    monkeypatch.setattr(line, "token_hex", lambda _: f"{next(tokens):016x}")

    class Machine(GateMachine):
        def __init__(self) -> None:
            nonlocal tokens
            super().__init__()
            tokens = count()

    Machine.redis = redis
    run_state_machine_as_test(Machine, settings=hypothesis_settings(max_examples=25, stateful_step_count=15))


@pytest.mark.parametrize("most", [3, 60, 600])
def test_a_limit_is_nearly_all_used(redis: StoreClient, most: int) -> None:
    """Where there is always somebody who asks, at least 98 % of a limit is let through, smoothly, and never more."""
    with clocked(redis) as (ledger, clock):
        lane = Gated(ledger, api(limits=Limits(requests_per_minute=most)))
        calls: list[float] = []
        began = clock.now
        step_s = min(0.25, 15 / most)
        lane.put("first")
        for _ in range(min(most * 3, 760) + 2):
            lane.put(deadline_s=1e6)
        until = began + min(180.0, 750 / most * 60)
        while clock.now < until:
            found = lane.ask()
            if isinstance(found, Taken):
                calls.append(clock.now)
                lane.end(found)
            else:
                clock.pass_by(step_s)
        for at in calls:
            assert sum(at <= other < at + 60 for other in calls) <= most
        assert len(calls) >= 0.98 * most * (until - began) / 60
        seconds = [sum(at <= other < at + 1 for other in calls) for at in calls]
        assert max(seconds) <= max(1, 2.1 * most / 60 + 1)
