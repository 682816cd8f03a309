"""A lane's batches on a real store, with a provider in memory: each job ends once, whoever dies at whichever step."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from batching import AT_ONCE, TROUBLES, Bench, FakeProvider, Killed, Trouble, batch_lane
from doubles import SECRET, RecordingDoorbell
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tidegate.budget import Budget, Per
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.deployment import Deployment
from tidegate.errors import AuthFailed, SchemaInvalid, Unavailable
from tidegate.job import Hints, Job
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.batches import BatchState, LostTurn
from tidegate.ledger.census import Census
from tidegate.ledger.states import State
from tidegate.ledger.store import Stored
from tidegate.price import Price
from tidegate.settings import Settings
from tidegate.signals import Level
from tidegate.vault import new_slot
from workers.janitor import Janitor
from workers.managed.batches.batcher import Batcher
from workers.managed.batches.collecting import collect

ROUNDS = 60
"""More than any of these batches needs."""


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Iterator[Bench]:
    """A bench on an empty store."""
    with contextlib.closing(Bench(client, settings, doorbell)) as made:
        yield made


def worked(bench: Bench, batcher: Batcher, *, rounds: int = ROUNDS) -> None:
    """Let batcher and ordinary worker work by turns until nothing is open."""
    for _ in range(rounds):
        with contextlib.suppress(Unavailable):
            batcher.round()
        bench.work_alone()
        release(bench)
        if not bench.ledger.batches.under_way(bench.lane.name) and not open_jobs(bench):
            return
    raise AssertionError(f"after {rounds} rounds there are still {open_jobs(bench)}")


def release(bench: Bench) -> None:
    """What waits for another try tries at once."""
    for job_id in bench.ledger.redis.zrange(f"tg:in:waiting:{bench.lane.name}", 0, -1):
        record = bench.ledger.get(job_id.decode())
        bench.ledger.apply(record.id, states.release(rev=record.rev, nudge_s=10.0))


def open_jobs(bench: Bench) -> Counter[str]:
    """How many are in which room."""
    redis = bench.ledger.redis
    return Counter({key.decode(): redis.zcard(key) for key in redis.keys("tg:in:*") if redis.zcard(key)})


def test_batch_jobs_are_answered_by_one_batch_at_half_the_price(bench: Bench) -> None:
    """Jobs of latency `batch` share a batch; an interactive one beside them is called at once."""
    batcher = bench.batcher()
    batcher.round()  # from now on somebody collects
    jobs = [bench.place() for _ in range(5)]
    urgent = bench.place(latency="interactive")
    bench.work_alone()
    assert bench.client.record(urgent).state is State.SUCCEEDED
    assert {bench.client.record(job).state for job in jobs} == {State.BATCHED}
    worked(bench, batcher)
    assert bench.calls == {urgent: 1}
    assert bench.provider.lines == dict.fromkeys(jobs, 1)
    result, alone = bench.client.result(jobs[0], timeout_s=1), bench.client.result(urgent, timeout_s=1)
    (batch,) = bench.ledger.batches.all()
    assert (result.text, result.batch, alone.batch) == ("from a batch", batch.id, None)
    assert result.cost_usd == pytest.approx(alone.cost_usd / 2)
    assert bench.client.record(jobs[0]).batch == batch.id
    assert (batch.state, batch.outcome, batch.jobs, batch.succeeded) == (BatchState.DONE, "settled", 5, 5)
    assert bench.provider.uploads == []


@dataclass(frozen=True)
class Story:
    """What becomes of each job's line, at which step what befalls, and whether the first job is cancelled."""

    fates: list[str]
    troubles: dict[int, str]
    most_jobs: int
    cancelled: bool


STORIES = st.builds(
    Story,
    fates=st.lists(st.sampled_from(["answered", "answered", "error", "expired", "missing"]), min_size=1, max_size=5),
    troubles=st.dictionaries(st.integers(1, 120), st.sampled_from(sorted(TROUBLES)), max_size=6),
    most_jobs=st.integers(1, 4),
    cancelled=st.booleans(),
)


@given(story=STORIES)
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_job_ends_once_whatever_befalls(
    settings: Settings, doorbell: RecordingDoorbell, client: Client, redis: StoreClient, story: Story
) -> None:
    """Processes die, networks and stores fail before and after each step: no job is lost, none is sent twice."""
    redis.flushdb()
    lane = batch_lane(most_jobs=story.most_jobs)
    made = Bench(client, settings, doorbell, lane=lane, budgets=(Budget(name="house", per=Per.DAY, usd=1000.0),))
    with contextlib.closing(made) as bench:
        _befallen(bench, story)


def _befallen(bench: Bench, story: Story) -> None:
    trouble = Trouble(at={step: TROUBLES[name] for step, name in story.troubles.items()})
    bench.batcher().round()  # its turn lasts, so that jobs are set aside
    jobs = [bench.place() for _ in story.fates]
    bench.provider = FakeProvider(fates=dict(zip(jobs, story.fates, strict=True)))
    bench.work_alone()
    if story.cancelled:
        bench.client.cancel(jobs[0])
    for _ in range(len(story.troubles) + 1):
        with contextlib.suppress(Killed):
            worked(bench, bench.batcher(trouble))
            break
    ends = {job: [event.move for event in bench.ledger.history(job) if event.state.ended] for job in jobs}
    wanted = {job: ["cancelled"] if story.cancelled and job == jobs[0] else ["succeeded"] for job in jobs}
    assert ends == wanted
    assert all(count == 1 for count in bench.provider.lines.values())
    for job, fate in bench.provider.fates.items():
        by_batch = bench.client.record(job).batch is not None
        if wanted[job] == ["succeeded"] and fate == "answered":
            assert by_batch != bool(bench.calls[job])  # paid for once
        if wanted[job] == ["succeeded"] and fate != "answered":
            assert bench.calls[job] == 1
    assert bench.provider.uploads == []
    assert (bench.account.held_nano, bench.account.held_tokens) == (0, 0)


def formed(bench: Bench, count: int = 3, **hints: Any) -> tuple[Batcher, list[str]]:
    """A batcher, and jobs that were set aside for it."""
    batcher = bench.batcher()
    batcher.round()
    jobs = [bench.place(**hints) for _ in range(count)]
    bench.work_alone()
    return batcher, jobs


def the_states(bench: Bench, jobs: list[str]) -> set[State]:
    """Where they are."""
    return {bench.client.record(job).state for job in jobs}


@pytest.mark.parametrize(
    ("hints", "why"),
    [
        ({"latency": "interactive"}, "it is waited for"),
        ({"deadline_s": 3600.0}, "its deadline leaves no window"),
    ],
)
def test_who_cannot_wait_is_called_at_once(bench: Bench, hints: dict[str, Any], why: str) -> None:
    """Interactive jobs, and those whose deadline is near, go the ordinary way."""
    _, jobs = formed(bench, **hints)
    assert the_states(bench, jobs) == {State.SUCCEEDED}, why


def test_without_a_collector_nobody_is_set_aside(bench: Bench) -> None:
    """No process collects the lane's batches: jobs are called, and do not wait for one that may never come."""
    jobs = [bench.place() for _ in range(2)]
    bench.work_alone()
    assert the_states(bench, jobs) == {State.SUCCEEDED}
    assert bench.provider.batches == {}


def test_a_line_that_does_not_move_does_not_hold_up_a_batch(bench: Bench) -> None:
    """Batch jobs are set aside by the batcher itself: a lane whose limits are used up keeps them no longer."""
    batcher = bench.batcher()
    batcher.round()
    jobs = [bench.place() for _ in range(3)]
    worked(bench, batcher)
    assert bench.calls == {}
    assert {bench.client.record(job).batch is not None for job in jobs} == {True}


def test_one_collects_at_a_time(bench: Bench) -> None:
    """A second process waits for its turn, and one that lost it writes nothing more."""
    batcher, jobs = formed(bench)
    sleeper = batcher.desk.batches
    other = bench.batcher()  # the turn of the first lapsed while it slept
    assert other.renew()
    with pytest.raises(LostTurn):
        collect(batcher.desk)
    assert not sleeper.all()
    assert other.round()
    assert not batcher.round()
    for batch in bench.ledger.batches.all():
        with pytest.raises(LostTurn):
            sleeper.step(batch, token=batcher.token, cause="a zombie's word")
    worked(bench, other)
    assert the_states(bench, jobs) == {State.SUCCEEDED}
    assert bench.provider.lines == dict.fromkeys(jobs, 1)


def test_a_batch_that_is_refused_goes_alone_and_none_follows_for_a_while(bench: Bench) -> None:
    """No batch API, no key, no credit: its jobs are called, and so are those that come in the next minutes."""
    bench.provider.refuse = AuthFailed("status 401")
    batcher = bench.batcher(pace=replace(AT_ONCE, pause_s=300.0))
    batcher.round()
    jobs = [bench.place() for _ in range(2)]
    bench.work_alone()
    worked(bench, batcher)
    later = bench.place()
    batcher.round()
    bench.work_alone()
    assert the_states(bench, [*jobs, later]) == {State.SUCCEEDED}
    assert bench.calls == dict.fromkeys([*jobs, later], 1)
    (batch,) = bench.ledger.batches.all()
    assert (batch.outcome, batch.cause, batch.succeeded) == ("refused", "AuthFailed", 0)


def test_a_batch_that_the_provider_finds_wrong_goes_alone(bench: Bench) -> None:
    """Found wrong as a whole, after it was taken: nobody's line was answered, and nobody is lost."""
    bench.provider.failed = True
    batcher, jobs = formed(bench)
    worked(bench, batcher)
    assert bench.calls == dict.fromkeys(jobs, 1)
    assert bench.ledger.batches.all()[0].outcome == "refused"


def test_a_batch_past_its_window_is_cancelled_and_the_rest_goes_alone(bench: Bench) -> None:
    """What the provider did not answer in its window is called at the full price."""
    bench.lane = batch_lane(window_s=1.0)
    bench.provider.looks = 10_000
    batcher, jobs = formed(bench)
    bench.provider.fates = dict.fromkeys(jobs[1:], "missing")
    end = time.monotonic() + 30
    while not (found := bench.ledger.batches.all()) or not found[0].over:
        assert time.monotonic() < end
        batcher.round()
    bench.work_alone()
    assert next(iter(bench.provider.batches.values())).cancelled
    assert the_states(bench, jobs) == {State.SUCCEEDED}
    assert bench.calls == dict.fromkeys(jobs[1:], 1)


def test_a_provider_that_never_lets_go_is_not_waited_for(bench: Bench) -> None:
    """It neither answers nor cancels: after the window and some patience the jobs go alone."""
    bench.lane = batch_lane(window_s=1.0)
    bench.provider.looks = 10_000
    bench.provider.deaf = True
    batcher = bench.batcher(pace=replace(AT_ONCE, cancel_s=0.0))
    batcher.round()
    job = bench.place()
    end = time.monotonic() + 30
    while not (found := bench.ledger.batches.all()) or not found[0].over:
        assert time.monotonic() < end
        batcher.round()
    bench.work_alone()
    assert bench.client.record(job).state is State.SUCCEEDED
    assert found[0].outcome == "abandoned"


def test_nothing_that_was_not_cleared_is_in_a_batch(bench: Bench) -> None:
    """The guard looks at each job before its line is made: what it stops is a dead letter, and never a line."""
    batcher, (forged, foreign, cleared) = formed(bench)
    other = bench.place(latency="interactive")
    bench.ledger.annotate(forged, {"clearance": "AAAA.{}"})
    bench.ledger.annotate(foreign, {"outside": bench.client.record(other).outside or ""})
    batcher.round()
    assert [bench.client.record(job).reason for job in (forged, foreign)] == ["no_clearance"] * 2
    assert set(bench.provider.lines) == {cleared}
    assert bench.calls == {}


def test_a_job_of_another_kind_goes_alone(bench: Bench) -> None:
    """A batch has one endpoint: a text to embed among questions is called by itself."""
    batcher, jobs = formed(bench)
    odd = bench.place(Job(input=("a text",), hints=Hints(latency="batch", deadline_s=7200.0)))
    worked(bench, batcher)
    assert set(bench.provider.lines) == set(jobs)
    assert bench.calls == {odd: 1}


def test_a_cancelled_job_s_line_is_paid_for_and_dropped(bench: Bench, redis: StoreClient) -> None:
    """Cancelled while the batch runs: the answer is not kept, its cost is on record, nothing stays reserved."""
    bench.provider.looks = 3
    batcher, jobs = formed(bench)
    batcher.round()
    bench.client.cancel(jobs[0])
    assert bench.client.record(jobs[0]).permit is not None
    worked(bench, batcher)
    record = bench.client.record(jobs[0])
    assert (record.state, record.result, record.permit) == (State.CANCELLED, None, None)
    assert record.cost_usd == pytest.approx((9 * 1 + 3 * 2) / 1e6 / 2)
    assert not redis.keys(f"tg:vault:{jobs[0]}:result:*")


def test_a_dropped_line_costs_what_its_deployment_costs(bench: Bench) -> None:
    """A deployment may have a price of its own: it counts for lines that nobody reads, too."""
    dear = Deployment(name="dear", price=Price(input_usd=10.0, output_usd=20.0))
    bench.lane = batch_lane(of_lane={"deployments": (dear,)})
    bench.provider.looks = 3
    batcher, jobs = formed(bench)
    batcher.round()
    bench.client.cancel(jobs[0])
    worked(bench, batcher)
    assert bench.client.record(jobs[0]).cost_usd == pytest.approx((9 * 10 + 3 * 20) / 1e6 / 2)


def test_a_batch_that_nobody_wants_any_more_is_cancelled(bench: Bench) -> None:
    """All its jobs were cancelled: the provider is told to stop."""
    bench.budgets = (Budget(name="house", per=Per.DAY, usd=1.0),)
    bench.provider.looks = 10_000
    batcher, jobs = formed(bench)
    bench.provider.fates = {jobs[0]: "missing"}
    batcher.round()
    for job in jobs:
        bench.client.cancel(job)
    worked(bench, batcher)
    assert next(iter(bench.provider.batches.values())).cancelled
    assert (bench.account.held_nano, bench.account.spent_nano) == (0, 2 * ANSWER_NANO)  # two were answered by then


def looked_at(bench: Bench, job_id: str) -> None:
    """The janitor's time for this job has come."""
    at = str(bench.ledger.now() - 1)
    bench.ledger.redis.hset(f"tg:job:{job_id}", "look_at", at)
    bench.ledger.redis.zadd("tg:agenda", {job_id: float(at)})
    janitor = Janitor(ledger=bench.ledger, doorbell=bench.doorbell, nudge_s=10.0, max_crashes=2, period_s=1.0)
    janitor.sweep()


def test_the_janitor_brings_back_what_no_batch_holds(bench: Bench, redis: StoreClient) -> None:
    """Held by a batch: left alone. Set aside and forgotten, or its batch gone: back in the line, and it goes alone."""
    bench.provider.looks = 10_000
    batcher, jobs = formed(bench, count=1)
    looked_at(bench, jobs[0])
    assert the_states(bench, jobs) == {State.PLACED}
    assert bench.client.record(jobs[0]).alone == 1
    bench.work_alone()
    assert the_states(bench, jobs) == {State.SUCCEEDED}
    held = bench.place()
    batcher.round()
    batcher.round()
    looked_at(bench, held)
    assert bench.client.record(held).state is State.BATCHED
    for key in redis.keys("tg:batch:*"):
        redis.delete(key)
    looked_at(bench, held)
    assert bench.client.record(held).state is State.PLACED


def test_a_job_past_its_deadline_expires_in_its_batch(bench: Bench, redis: StoreClient) -> None:
    """A batch does not outlast its jobs' deadlines."""
    bench.provider.looks = 3
    batcher, jobs = formed(bench)
    batcher.round()
    redis.hset(f"tg:job:{jobs[0]}", "deadline_at", str(bench.ledger.now() - 1))
    looked_at(bench, jobs[0])
    assert bench.client.record(jobs[0]).state is State.EXPIRED
    worked(bench, batcher)
    assert the_states(bench, jobs[1:]) == {State.SUCCEEDED}


def test_no_text_is_on_record(bench: Bench, redis: StoreClient) -> None:
    """What is kept of a batch is ids, times and counts; a payload stays sealed in the vault."""
    batcher = bench.batcher()
    batcher.round()
    bench.place(Job(text=SECRET, hints=Hints(latency="batch", deadline_s=7200.0)))
    worked(bench, batcher)
    kinds = {b"hash": redis.hgetall, b"zset": lambda key: redis.zrange(key, 0, -1), b"string": redis.get}
    for key in redis.keys("tg:batch*"):
        assert "Quillfeather" not in str(kinds[redis.type(key)](key))


def test_a_redriven_job_may_be_in_a_batch_again(bench: Bench) -> None:
    """A person's order begins anew: what a batch did to it is forgotten."""
    batcher, jobs = formed(bench, count=1)
    bench.provider.refuse = None
    bench.ledger.annotate(jobs[0], {"clearance": "AAAA.{}"})
    worked(bench, batcher)
    record = bench.client.record(jobs[0])
    assert record.state is State.DEAD
    bench.ledger.apply(jobs[0], states.redrive(rev=record.rev, redrives=1, deadline_in_s=7200.0, by="op"))
    again = bench.client.record(jobs[0])
    assert (again.batch, again.alone) == (None, 0)


def test_batches_are_seen_while_they_run(bench: Bench) -> None:
    """Which there are, how old, how many jobs, what the provider calls them; and how many jobs wait in them."""
    bench.provider.looks = 10_000
    batcher, _ = formed(bench)
    batcher.round()
    batcher.round()
    (batch,) = bench.ledger.batches.all()
    assert (batch.state, batch.jobs, batch.provider_id, batch.lane) == (BatchState.SENT, 3, "p0", "api")
    assert 0 <= batch.age_s(bench.ledger.now()) < 60
    load = Census(bench.ledger.redis).loads(["api"])["api"]
    assert (load.batched, load.queued, load.running) == (3, 0, 0)


LINE_NANO = (12 * 1 + 64 * 2) * 1000 // 2
"""What a line of these jobs may cost at most, in billionths of a dollar: half of what a call may."""

ANSWER_NANO = (9 * 1 + 3 * 2) * 1000 // 2
"""What an answered one costs."""


def test_a_budget_holds_half_of_what_calls_would_need(bench: Bench) -> None:
    """As a batch is formed its lines' estimates are held at the batch's price, and settled by what they cost."""
    bench.budgets = (Budget(name="house", per=Per.DAY, usd=1.0),)
    bench.provider.looks = 3
    batcher, jobs = formed(bench)
    batcher.round()
    assert (bench.account.held_nano, bench.account.spent_nano) == (3 * LINE_NANO, 0)
    bench.client.cancel(jobs[0])
    assert bench.account.held_nano == 3 * LINE_NANO  # its line may be answered: nobody knows yet
    worked(bench, batcher)
    assert (bench.account.held_nano, bench.account.spent_nano) == (0, 3 * ANSWER_NANO)
    assert the_states(bench, jobs) == {State.SUCCEEDED, State.CANCELLED}


def test_a_batch_that_was_not_made_costs_nothing(bench: Bench) -> None:
    """What was held for its lines is given back; the calls that follow are held and settled at their own price."""
    bench.budgets = (Budget(name="house", per=Per.DAY, usd=1.0),)
    bench.provider.refuse = AuthFailed("status 401")
    batcher, jobs = formed(bench)
    worked(bench, batcher)
    assert (bench.account.held_nano, bench.account.spent_nano) == (0, len(jobs) * 2 * ANSWER_NANO)


def test_who_has_no_room_in_a_hard_budget_is_in_no_batch(bench: Bench) -> None:
    """Room for two lines of three: the third goes back to its line, where the budget's word awaits it."""
    bench.budgets = (Budget(name="house", per=Per.DAY, usd=2.5 * LINE_NANO / 1e9, hard=True),)
    batcher, jobs = formed(bench)
    batcher.round()
    batcher.round()
    assert sum(bench.provider.lines.values()) == 2
    states_now = Counter(bench.client.record(job).state for job in jobs)
    assert states_now[State.PLACED] + states_now[State.WAITING] + states_now[State.DEAD] == 1
    assert bench.calls == {}


def test_an_answer_that_cannot_be_used_was_paid_for(bench: Bench) -> None:
    """It breaks its promise: the estimate stands as spent, and the job is called alone."""
    bench.budgets = (Budget(name="house", per=Per.DAY, usd=1.0),)
    batcher, jobs = formed(bench, count=1)
    bench.provider.unreadable = SchemaInvalid("the answer breaks the promised schema")
    worked(bench, batcher)
    assert bench.calls == {jobs[0]: 1}
    assert (bench.account.held_nano, bench.account.spent_nano) == (0, LINE_NANO + 2 * ANSWER_NANO)


def let_through(bench: Bench, job: str) -> None:
    """As a router does."""
    record, vault, slot = bench.client.record(job), bench.client.vault, new_slot(job, "result")
    envelope = vault.seals.seal(Zone.OUTSIDE, slot, vault.get(record.answer or ""))
    move = states.approve(rev=record.rev, slot=slot, note={})
    bench.ledger.apply(job, move, texts=[Stored(slot=slot, envelope=envelope, keep_s=99)])


def test_an_answer_that_the_router_must_see_goes_there_first(bench: Bench) -> None:
    """A policy may want to look at what comes back: a batch's answers go the same way, and keep their batch."""
    bench.decided = {"answers_at_most": Level.PUBLIC}
    batcher, jobs = formed(bench)
    batcher.round()
    batcher.round()
    assert the_states(bench, jobs) == {State.ACCEPTED}
    (batch,) = bench.ledger.batches.all()
    assert (batch.outcome, batch.succeeded) == ("settled", 3)
    for job in jobs:
        let_through(bench, job)
    record = bench.client.record(jobs[0])
    assert (record.state, record.batch, record.alone) == (State.SUCCEEDED, batch.id, 0)
    assert bench.client.result(jobs[0], timeout_s=1).batch == batch.id
    assert bench.calls == {}


def test_a_job_of_another_region_is_in_no_batch_of_this_one(bench: Bench) -> None:
    """The deployment that a batch goes to computes elsewhere than the job may be: its line is not made."""
    batcher, jobs = formed(bench)
    bench.decided = {"regions": ("eu",)}
    abroad = bench.place()
    batcher.round()
    batcher.round()
    assert set(bench.provider.lines) == set(jobs)
    assert bench.client.record(abroad).batch is None
