"""Overflow's memory on a real store, under any course of time: several routers, and jobs that go out now and then."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.signals.overflow import Overflows
from tidegate.connections import StoreClient

DWELL_S, RENEWED_LATE_S = 1000.0, 250.0
SLACK_S = 100.0
"""The store's own clock goes on while the test moves time: as long as a slow machine may take for one example."""

STEPS = st.lists(st.tuples(st.sampled_from([0, 100, 240, 260, 600, 1100, 1400, 5000]), st.integers(0, 2)), max_size=12)
"""After so many seconds a job of a router goes out."""


class Time:
    """Moves on for the store's leases and for the routers' own clocks."""

    def __init__(self, redis: StoreClient) -> None:
        self._redis = redis
        self.now = 0.0

    def pass_by(self, seconds: float) -> None:
        """What the store keeps is that much older."""
        self.now += seconds
        for rule, ends_at in self._redis.hgetall("tg:overflowing:p").items():
            self._redis.hset("tg:overflowing:p", rule, f"{float(ends_at) - seconds:.6f}")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_rule_is_in_overflow_for_the_dwell_time_after_the_last_job_that_went_out(
    redis: StoreClient, steps: Sequence[tuple[int, int]]
) -> None:
    """For all routers, whichever of them said so; and it begins at most once in that time."""
    redis.delete("tg:overflowing:p")
    time = Time(redis)
    routers = [Overflows(redis, dwell_s=DWELL_S, clock=lambda: time.now) for _ in range(3)]
    last_out, begins = None, []
    for after_s, which in steps:
        time.pass_by(after_s)
        standing = routers[which].now("p")
        lasts = "r" in standing.overflowing
        since = None if last_out is None else time.now - last_out
        if since is None or since > DWELL_S + RENEWED_LATE_S:
            assert not lasts
        elif since < DWELL_S - SLACK_S:
            assert lasts
        routers[which].clear("p", standing.over)
        note = routers[which].hold if lasts else routers[which].enter
        if note("p", "r"):
            begins.append(time.now)
        last_out = time.now
    assert all(after - before > DWELL_S - SLACK_S for before, after in pairwise(begins))
