"""How long one job would wait: by class and tenant's turn, by what was decided since, by what a lane may begin."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.loads import Loads, Placed
from tidegate.lane import Lane, Zone
from tidegate.ledger.openings import Opening
from tidegate.ledger.queued import SLOW_TURN, Queued
from tidegate.signals import LaneLoad

WEIGHTS = {"shop": 3.0, "lab": 0.5}


class Count:
    """A census of one lane with two slots, at a second a job."""

    def __init__(self, **bands: dict[str, int]) -> None:
        self.bands, self.looks = bands, 0

    def loads(self, lanes: Iterable[str]) -> dict[str, LaneLoad]:
        """Both slots busy."""
        self.looks += 1
        queued = sum(sum(counts.values()) for counts in self.bands.values())
        return {name: LaneLoad(queued=queued, running=2, slots=2, service_s=1.0, wait_s=-1.0) for name in lanes}

    def lines(self, lanes: Iterable[str]) -> dict[str, Queued]:
        """The same line for each."""
        return {name: Queued(self.bands) for name in lanes}


class Gate:
    """What lets the lane's calls begin; nothing where it says nothing."""

    def __init__(self, given: Opening | None) -> None:
        self.given = given

    def of(self, lanes: Iterable[Lane]) -> dict[str, Opening]:
        """The same for each."""
        return {lane.name: self.given for lane in lanes if self.given}


NEAR = {"near": Lane(name="near", zone=Zone.INSIDE, backend="noop", model="noop", context_tokens=1000)}


def wait(loads: Loads, *, tenant: str = "a", latency: str = "interactive") -> float | None:
    """For the one lane."""
    return loads.of(NEAR, tenant=tenant, latency=latency)["near"].wait_s


def loads(keep_s: float = 60.0, gate: Opening | None = None, **bands: dict[str, int]) -> tuple[Loads, Count]:
    """Loads over such a census."""
    count = Count(**bands)
    return Loads(count, Gate(gate), keep_s=keep_s), count  # type: ignore[arg-type]


def test_a_thousand_batch_jobs_hold_up_no_interactive_one() -> None:
    """Only every eighth take is theirs; they themselves wait for all."""
    found, _ = loads(batch={"night": 1000}, interactive={"a": 7})
    assert wait(found) == (7 + 1 + 1) / 2
    assert wait(found, tenant="night", latency="batch") == (1000 + 7 + 1) / 2


def test_one_tenants_backlog_is_his_own() -> None:
    """Another has one turn before him; he has all his own."""
    found, _ = loads(interactive={"greedy": 500})
    assert wait(found, tenant="greedy") == (500 + 1) / 2
    assert wait(found, tenant="modest") == (1 + 1) / 2


@pytest.mark.parametrize(
    ("tenant", "ahead"), [("shop", 20 + 7 + 4), ("plain", 10 + 20 + 4), ("lab", 4 + 20 + 10), ("new", 3 + 1 + 1)]
)
def test_who_has_more_turns_waits_less(tenant: str, ahead: int) -> None:
    """Others go before it as often as their turns come before its own."""
    line = Queued({"interactive": {"shop": 20, "plain": 10, "lab": 4}}, WEIGHTS)
    assert line.ahead_of(tenant=tenant, latency="interactive") == ahead
    assert line.with_more([(tenant, "interactive", 1)]).weights == WEIGHTS


def test_what_was_decided_meanwhile_counts_for_those_whom_it_delays() -> None:
    """A burst does not take the lane that looked free to its first job; what was placed is in the next count."""
    found, count = loads()
    assert wait(found) == -1.0  # as it was counted
    for _ in range(10):
        found.decided(Placed("near", "a", "interactive"))
    found.decided(Placed("near", "a", "batch"))
    found.decided(Placed("elsewhere", "a", "interactive"))
    assert wait(found) == (10 + 1 + 1) / 2
    assert wait(found, tenant="b") == (1 + 1) / 2
    assert count.looks == 1


def test_what_is_settled_is_forgotten() -> None:
    """Else a router would remember each tenant for ever."""
    found, _ = loads(keep_s=0.0)
    placed = [Placed("near", f"tenant-{number}", "interactive") for number in range(50)]
    for one in placed:
        found.decided(one)
    found.settled(placed)
    assert found._unplaced == Counter()
    assert wait(found) == -1.0  # as it was counted


def test_a_limited_lane_begins_no_more_than_its_limit() -> None:
    """Sixty a minute are one a second, however many slots there are."""
    assert wait(loads(interactive={"a": 30}, gate=Opening(requests_per_s=1.0))[0]) == 30.0
    assert wait(loads(interactive={"a": 30}, gate=Opening(requests_per_s=100.0))[0]) == (30 + 1) / 2


def test_a_shut_lane_is_not_idle_though_nobody_waits_there() -> None:
    """Its breaker is open: nothing begins before it is tried."""
    assert wait(loads(gate=Opening(after_s=20.0))[0]) == 20.0 + 1 / 2


COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 40))


@given(quick=COUNTS, slow=COUNTS, tenant=st.sampled_from("abcde"))
def test_those_ahead_are_some_of_those_who_wait(quick: dict[str, int], slow: dict[str, int], tenant: str) -> None:
    """Never more than all, never fewer than one's own; and batch jobs have no more than their turns."""
    line = Queued({"interactive": quick, "batch": slow})
    whole = sum(quick.values()) + sum(slow.values())
    first, later = (line.ahead_of(tenant=tenant, latency=latency) for latency in ("interactive", "batch"))
    assert quick.get(tenant, 0) <= first <= whole
    assert slow.get(tenant, 0) <= later <= whole
    assert first <= sum(quick.values()) * SLOW_TURN / (SLOW_TURN - 1)
