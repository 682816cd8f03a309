"""Single flight on a real store: who asks what a run asks already waits for its answer, and for no longer than that."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from doubles import RecordingDoorbell, decision, lane
from flying import ENDS, FAR, SURE, Bench, bench_of

from tidegate import flight
from tidegate.client import Client
from tidegate.job import Job, Params
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.states import Move, State
from tidegate.result import JobResult, Timings
from tidegate.settings import Settings
from tidegate.signals import Level, Sensitivity


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Bench:
    """On an empty store."""
    return bench_of(client, settings, doorbell)


# Who follows


def test_who_asks_the_same_waits_for_the_answer(bench: Bench) -> None:
    """One run; each of the others gets a result of its own that cost nothing and says whose call it was."""
    leader = bench.lead()
    others = [bench.place() for _ in range(3)]
    assert bench.take() is None
    assert bench.states(*others) == [State.WAITING] * 3
    assert {bench.client.record(other).joined for other in others} == {leader.record.id}
    bench.finish(leader)
    own = bench.client.result(leader.record.id)
    assert (own.text, own.joined, own.cost_usd) == ("yes", None, 0.5)
    for other in others:
        result = bench.client.result(other)
        assert (result.job_id, result.text, result.joined) == (other, "yes", leader.record.id)
        assert (result.cost_usd, result.usage.prompt_tokens, result.usage.completion_tokens) == (0.0, 0, 0)
        assert bench.client.record(other).cost_usd == 0.0
        moves = [event.move for event in bench.client.ledger.history(other)]
        assert moves == ["accepted", "placed", "joined", "succeeded"]
    assert (bench.keys("flight"), bench.keys("followers")) == ([], [])


DIFFERENT: Mapping[str, Job] = {
    "text": Job(text="something else"),
    "tenant": Job(text="one and the same", tenant="other"),
    "tokens": Job(text="one and the same", params=Params(max_tokens=7)),
    "seed": Job(text="one and the same", params=Params(seed=7)),
    "temperature": Job(text="one and the same", params=Params(temperature=0.5)),
    "latency": Job.model_validate({"text": "one and the same", "hints": {"latency": "batch"}}),
    "kind": Job(input=("one and the same",)),
}


@pytest.mark.parametrize("job", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_who_asks_something_else_runs_by_itself(bench: Bench, job: Job) -> None:
    """Another text, tenant or parameter; nor does a job in a hurry wait for one that is not."""
    leader = bench.lead()
    other = bench.lead(job)
    assert other.record.id != leader.record.id


SAME: Mapping[str, Job] = {
    "priority": Job.model_validate({"text": "one and the same", "hints": {"priority": 0}}),
    "deadline": Job.model_validate({"text": "one and the same", "hints": {"deadline_s": 60.0}}),
    "conversation": Job(text="one and the same", conversation_id="c"),
    "form": Job.model_validate({"messages": [{"role": "user", "content": "one and the same"}]}),
}


@pytest.mark.parametrize("job", SAME.values(), ids=SAME.keys())
def test_what_a_model_does_not_see_makes_no_difference(bench: Bench, job: Job) -> None:
    """Hints, names of the producer's own, and a text in another wrapping."""
    leader = bench.lead()
    other = bench.place(job)
    assert bench.take() is None
    bench.finish(leader)
    assert bench.client.result(other).joined == leader.record.id


def test_chance_is_joined_only_where_the_lane_says_so(bench: Bench) -> None:
    """Who asks twice at a temperature may want two answers."""
    free = Job(text="a poem", params=Params(temperature=1.0))
    bench.lead(free)
    bench.lead(free)
    leader = bench.lead(free)
    bench.place(free)
    assert bench.take(join=("always", 100.0)) is not None  # its leader was taken by a lane that does not say so
    bench.place(free)
    assert bench.take(join=("always", 100.0)) is None
    assert leader.record.flight is not None
    assert leader.record.flight.startswith(flight.FREE)


def test_a_lane_says_whether_it_joins() -> None:
    """Outside at temperature 0, inside not at all, unless it says otherwise."""
    assert (FAR.joins, lane("near").joins) == ("deterministic", "")
    assert lane("far", zone=Zone.OUTSIDE, join="never").joins == ""
    assert lane("near", join="always").joins == "always"


def test_a_lane_inside_may_join_too(bench: Bench) -> None:
    """Where it says so; the inside's payloads are compared as well."""
    near = lane("near", join="deterministic")
    leader = bench.lead(lane=near)
    other = bench.place(lane=near)
    assert bench.take(lane=near) is None
    bench.finish(leader, lane=near)
    assert bench.client.result(other).joined == leader.record.id


def test_what_may_be_personal_shares_nothing(bench: Bench) -> None:
    """Not even its name is made, nor that of a redacted copy."""
    for level in set(Level) - {Level.PUBLIC}:
        signals = decision("near").signals.model_copy(update={"sensitivity": Sensitivity(level=level)})
        near = decision("near").model_copy(update={"signals": signals})
        assert bench.client.record(bench.place(lane=lane("near"), decided=near)).flight is None
        assert flight.name_of(SURE, near, key=b"k") is None
    assert flight.name_of(SURE, decision("near").model_copy(update={"redacted": True}), key=b"k") is None


def test_the_name_gives_nothing_away() -> None:
    """It changes with the key, and with the rule and the policy that decided."""
    decided = decision("far", cleared=("far",))
    name = flight.name_of(SURE, decided, key=b"k")
    changed = [decided.model_copy(update={"rule": "other"}), decided.model_copy(update={"policy": "other@1"})]
    others = [flight.name_of(SURE, one, key=b"k") for one in changed] + [flight.name_of(SURE, decided, key=b"l")]
    assert len({name, *others}) == 4
    assert name is not None
    assert "one and the same" not in name


def test_a_flight_has_room_for_so_many(bench: Bench) -> None:
    """A hundred; the next one makes a call of its own, and the following wait for that."""
    leader = bench.lead()
    others = [bench.place() for _ in range(103)]
    second = bench.take()
    assert second is not None
    assert bench.take() is None
    assert len(bench.finish(leader).followers) == 100
    assert len(bench.finish(second).followers) == 2
    assert set(bench.states(*others)) == {State.SUCCEEDED}


# What ends without an answer


@pytest.mark.parametrize("move", ENDS.values(), ids=ENDS.keys())
def test_without_an_answer_the_others_are_in_line_at_once(bench: Bench, move: Any) -> None:
    """One of them runs next; the others, and their leader too where it comes again, wait for that one."""
    leader = bench.lead()
    others = [bench.place() for _ in range(3)]
    assert bench.take() is None
    applied = bench.client.ledger.apply(leader.record.id, move(leader.claim))
    assert bench.states(*others) == [State.PLACED] * 3
    assert {bench.client.record(other).joined for other in others} == {None}
    assert applied.followers == {}
    assert applied.left in others or applied.ring  # somebody is woken for them
    second = bench.take()
    assert second is not None
    assert bench.take() is None
    bench.finish(second)
    assert set(bench.states(*others)) == {State.SUCCEEDED}
    assert bench.keys("followers") == []


def test_one_that_is_cancelled_waits_no_longer(bench: Bench) -> None:
    """Nor one whose deadline passes; the others are served."""
    leader = bench.lead()
    cancelled, expired, served = (bench.place() for _ in range(3))
    assert bench.take() is None
    bench.client.cancel(cancelled)
    bench.client.ledger.apply(expired, states.expire(rev=bench.client.record(expired).rev))
    assert bench.finish(leader).followers.keys() == {served}
    assert bench.states(cancelled, expired, served) == [State.CANCELLED, State.EXPIRED, State.SUCCEEDED]


def test_a_worker_that_dies_over_its_answer_costs_one_more_call(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own job has its result; the janitor puts the others in line, a little later."""
    leader = bench.lead()
    other = bench.place()
    assert bench.take() is None
    move = states.succeed(fence=leader.claim.fence, changes={}, note={})
    assert bench.client.ledger.apply(leader.record.id, move).followers == {other: 0}
    look_at = bench.client.record(other).look_at
    assert look_at is not None
    assert 10 < look_at - bench.client.ledger.now() <= 15
    _make_due(bench, other)
    bench.janitor.sweep()
    second = bench.take()
    assert second is not None
    assert second.record.id == other
    bench.finish(second)
    assert bench.client.result(other).joined is None


def test_who_comes_back_meanwhile_is_not_answered_twice(bench: Bench) -> None:
    """A janitor may put one in line while its leader is at it: whichever ends it first counts."""
    leader = bench.lead()
    other = bench.place()
    assert bench.take() is None
    _make_due(bench, other)
    bench.janitor.sweep()
    assert bench.states(other) == [State.PLACED]
    assert bench.take() is None  # it found its leader again
    assert bench.finish(leader).followers.keys() == {other}
    assert bench.client.result(other).joined == leader.record.id


def test_a_late_leader_gives_nothing_to_one_that_runs(bench: Bench) -> None:
    """The fence of the run counts: what was promised before it is refused."""
    leader = bench.lead()
    other = bench.place()
    assert bench.take() is None
    move = states.succeed(fence=leader.claim.fence, changes={}, note={})
    applied = bench.client.ledger.apply(leader.record.id, move)
    _make_due(bench, other)
    bench.janitor.sweep()
    assert bench.take() is not None
    result = JobResult(
        job_id=leader.record.id,
        text="late",
        finish_reason="stop",
        usage={},
        lane="far",
        zone=Zone.OUTSIDE,
        model="m",
        attempts=1,
        timings=Timings(queued_s=0, run_s=0, total_s=0),
    )
    bench.flights.serve(leader, FAR, result, followers=applied.followers, at=applied.at)
    assert bench.states(other) == [State.RUNNING]


# What a store that somebody wrote to can say


def test_nobody_is_lent_an_answer(bench: Bench) -> None:
    """A name that was written onto another tenant's job makes it wait, and then run by itself."""
    leader = bench.lead()
    foreign = bench.place(Job(text="what did the others ask?", tenant="curious"))
    redis = bench.client.ledger.redis
    redis.hset(f"tg:job:{foreign}", mapping={"flight": leader.record.flight or "", "tenant": leader.record.tenant})
    assert bench.take() is None
    assert bench.states(foreign) == [State.WAITING]
    bench.finish(leader)
    record = bench.client.record(foreign)
    assert (record.state, record.flight, record.result) == (State.PLACED, None, None)
    assert Refusals(redis).counts() == {"foreign_flight": 1}
    own = bench.take()
    assert own is not None
    assert own.record.id == foreign


def test_nobody_joins_who_was_not_cleared(bench: Bench) -> None:
    """A job inside that is written into a flight outside is not answered from there."""
    leader = bench.lead()
    inside = bench.place(lane=lane("near"))
    redis = bench.client.ledger.redis
    redis.hset(f"tg:job:{inside}", mapping={"state": "waiting", "joined": leader.record.id})
    redis.hset(f"tg:followers:{leader.record.id}", inside, 0)
    bench.finish(leader)
    record = bench.client.record(inside)
    assert (record.state, record.result) == (State.PLACED, None)
    assert Refusals(redis).counts() == {"foreign_lane": 1}


def test_another_rule_is_another_promise(bench: Bench) -> None:
    """What an answer is held to was decided for the leader's rule only."""
    leader = bench.lead()
    decided = decision("far", cleared=("far",)).model_copy(update={"rule": "stricter"})
    other = bench.place(decided=decided)
    bench.client.ledger.redis.hset(f"tg:job:{other}", "flight", leader.record.flight or "")
    assert bench.take() is None
    bench.finish(leader)
    assert bench.states(other) == [State.PLACED]
    assert Refusals(bench.client.ledger.redis).counts() == {"foreign_flight": 1}


def test_a_follower_that_cannot_be_opened_holds_up_nobody(bench: Bench) -> None:
    """Its payload has gone: it runs, and dies of that by itself."""
    leader = bench.lead()
    broken, sound = bench.place(), bench.place()
    assert bench.take() is None
    bench.client.ledger.redis.delete(f"tg:vault:{bench.client.record(broken).outside}")
    bench.finish(leader)
    assert bench.states(broken, sound) == [State.PLACED, State.SUCCEEDED]


def test_a_redriven_letter_is_named_anew(bench: Bench) -> None:
    """The router decides again, so what it shared before is forgotten."""
    leader = bench.lead()
    letter: Move = replace(ENDS["dies"](leader.claim), fence=leader.claim.fence)
    bench.client.ledger.apply(leader.record.id, letter)
    record = bench.client.record(leader.record.id)
    bench.client.ledger.apply(record.id, states.redrive(rev=record.rev, redrives=1, deadline_in_s=60, by="op"))
    assert bench.client.record(record.id).flight is None


def _make_due(bench: Bench, job_id: str) -> None:
    """As if its time had come."""
    redis = bench.client.ledger.redis
    redis.zadd("tg:agenda", {job_id: 1})
    redis.hset(f"tg:job:{job_id}", "look_at", "1")


# Guarantees that speak of one of them alone


@pytest.mark.parametrize(
    "own", [{"answers_at_most": Level.INTERNAL}, {"regions": ("eu",)}], ids=["its answer is looked at", "its regions"]
)
def test_who_is_promised_more_runs_by_itself(bench: Bench, own: dict[str, Any]) -> None:
    """An answer that nobody looked at, or that was computed elsewhere, is not its own: it goes back in line."""
    leader = bench.lead()
    other = bench.place(decided=decision(FAR.name, cleared=(FAR.name,)).model_copy(update=own))
    assert bench.client.record(other).flight != leader.record.flight
    bench.client.ledger.redis.hset(f"tg:job:{other}", "flight", leader.record.flight or "")  # as if it had the same
    assert bench.take() is None
    bench.finish(leader)
    assert bench.states(leader.record.id, other) == [State.SUCCEEDED, State.PLACED]
    assert (bench.client.record(other).result, Refusals(bench.client.ledger.redis).counts()) == (None, {})


def test_whose_leader_brings_its_answer_to_the_router_runs_by_itself(bench: Bench) -> None:
    """There is no answer to share before a router has looked at it."""
    leader = bench.lead()
    other = bench.place()
    assert bench.take() is None
    move = states.answer(fence=leader.claim.fence, slot="s", nudge_s=5.0, changes={}, note={})
    applied = bench.client.ledger.apply(leader.record.id, move)
    assert applied.followers == {}
    assert bench.states(leader.record.id, other) == [State.ACCEPTED, State.PLACED]
