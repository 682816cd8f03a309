"""Identical jobs share a line of a batch: one is paid, each has the answer, whoever is cancelled, fails or dies."""

import contextlib
from collections.abc import Iterator

import pytest
from batching import Bench, Killed, Trouble, batch_lane
from doubles import RecordingDoorbell

from tidegate.budget import Budget, Per
from tidegate.client import Client
from tidegate.errors import AuthFailed, Conflict
from tidegate.job import Hints, Job, Params
from tidegate.ledger import states
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.states import State
from tidegate.settings import Settings
from workers.janitor import Janitor
from workers.managed.batches.batcher import Batcher

ANSWER_NANO = (9 * 1 + 3 * 2) * 1000 // 2
"""What an answered line costs."""

SAME = Job(text="the same", hints=Hints(latency="batch", deadline_s=7200.0))


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Iterator[Bench]:
    """A bench on an empty store, with a budget that counts."""
    budget = Budget(name="house", per=Per.DAY, usd=1.0)
    with contextlib.closing(Bench(client, settings, doorbell, budgets=(budget,))) as made:
        yield made


def aside(bench: Bench, count: int = 3, job: Job = SAME) -> tuple[Batcher, list[str]]:
    """A batcher that has its turn, and jobs that ask the same, the first of which leads."""
    batcher = bench.batcher()
    batcher.round()
    jobs = [bench.place(job) for _ in range(count)]
    bench.work_alone()
    return batcher, jobs


def sent(bench: Bench, count: int = 3, job: Job = SAME) -> tuple[Batcher, list[str]]:
    """The same, and their line is at the provider, which is in no hurry."""
    bench.provider.looks = 3
    batcher, jobs = aside(bench, count, job)
    batcher.round()
    assert sum(bench.provider.lines.values()) == 1
    return batcher, jobs


def worked(bench: Bench, batcher: Batcher) -> None:
    """Until nothing is open; what waits for another try tries at once."""
    for _ in range(30):
        batcher.round()
        bench.work_alone()
        for record in map(bench.client.record, _in(bench, "waiting")):
            if record.joined is None:
                bench.ledger.apply(record.id, states.release(rev=record.rev, nudge_s=10.0))
        if not bench.ledger.redis.keys("tg:in:*") and not bench.ledger.batches.under_way("api"):
            return
    raise AssertionError(bench.ledger.redis.keys("tg:in:*"))


def _in(bench: Bench, state: str) -> list[str]:
    return [job_id.decode() for job_id in bench.ledger.redis.zrange(f"tg:in:{state}:api", 0, -1)]


def states_of(bench: Bench, jobs: list[str]) -> list[State]:
    """Where they are."""
    return [bench.client.record(job).state for job in jobs]


def ended(bench: Bench, jobs: list[str]) -> None:
    """Each ended well and once, nothing stays reserved, and no list of who waits is left."""
    for job in jobs:
        ends = [event.move for event in bench.ledger.history(job) if event.state.ended]
        assert ends == ["succeeded"]
    assert (bench.account.held_nano, bench.account.held_tokens) == (0, 0)
    assert bench.ledger.redis.keys("tg:followers:*") == bench.ledger.redis.keys("tg:flight:*") == []


def spent(bench: Bench, jobs: list[str]) -> int:
    """What these jobs cost together, by their records, in billionths of a dollar."""
    return round(sum(bench.client.record(job).cost_usd or 0.0 for job in jobs) * 1e9)


def test_identical_jobs_of_a_batch_are_one_line(bench: Bench) -> None:
    """One line at the provider, which one of them pays; each has the answer as its own."""
    batcher, jobs = aside(bench)
    assert states_of(bench, jobs) == [State.BATCHED, State.WAITING, State.WAITING]
    worked(bench, batcher)
    assert bench.provider.lines == {jobs[0]: 1}
    assert bench.calls == {}
    (batch,) = bench.ledger.batches.all()
    results = [bench.client.result(job, timeout_s=1) for job in jobs]
    assert [(one.text, one.batch, one.joined) for one in results] == [
        ("from a batch", batch.id, None),
        *[("from a batch", batch.id, jobs[0])] * 2,
    ]
    assert [one.usage.completion_tokens for one in results] == [3, 0, 0]
    assert (bench.account.spent_nano, spent(bench, jobs)) == (ANSWER_NANO, ANSWER_NANO)
    assert {bench.client.record(job).batch for job in jobs} == {batch.id}
    ended(bench, jobs)


def test_one_that_comes_later_joins_the_batch_that_is_open(bench: Bench) -> None:
    """The line is at the provider already: its answer is for who asks the same now, too."""
    batcher, jobs = sent(bench, count=1)
    later = bench.place(SAME)
    bench.work_alone()
    assert bench.client.record(later).joined == jobs[0]
    worked(bench, batcher)
    assert bench.client.result(later, timeout_s=1).joined == jobs[0]
    assert bench.provider.lines == {jobs[0]: 1}
    ended(bench, [*jobs, later])


@pytest.mark.parametrize(
    "other",
    [
        SAME.model_copy(update={"tenant": "other"}),
        SAME.model_copy(update={"params": Params(temperature=0.5)}),
        SAME.model_copy(update={"text": "another"}),
    ],
    ids=["tenant", "chance", "text"],
)
def test_who_asks_something_else_has_a_line_of_its_own(bench: Bench, other: Job) -> None:
    """Another tenant's job, one answered by chance, another text."""
    batcher, jobs = aside(bench, count=1)
    own = bench.place(other)
    worked(bench, batcher)
    assert bench.provider.lines == {jobs[0]: 1, own: 1}
    ended(bench, [*jobs, own])


def test_a_lane_that_does_not_join_sends_each(bench: Bench) -> None:
    """`join: never`."""
    bench.lane = batch_lane(of_lane={"join": "never"})
    batcher, jobs = aside(bench)
    worked(bench, batcher)
    assert bench.provider.lines == dict.fromkeys(jobs, 1)


def test_who_cannot_wait_for_a_batch_is_called(bench: Bench) -> None:
    """An identical job whose deadline leaves no window joins no line."""
    batcher, jobs = sent(bench)
    hurried = bench.place(SAME.model_copy(update={"hints": Hints(latency="batch", deadline_s=600.0)}))
    bench.work_alone()
    assert bench.calls == {hurried: 1}
    worked(bench, batcher)
    ended(bench, [*jobs, hurried])


@pytest.mark.parametrize("which", [0, 1], ids=["whose line it is", "another"])
@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_the_end_of_one_leaves_the_others(bench: Bench, which: int, end: str) -> None:
    """Cancelled, or expired, while the provider has the line: the others get its answer, and one line is paid."""
    batcher, jobs = sent(bench)
    gone = jobs.pop(which)
    if end == "cancelled":
        bench.client.cancel(gone)
    else:
        bench.ledger.apply(gone, states.expire(rev=bench.client.record(gone).rev))
    worked(bench, batcher)
    assert bench.client.record(gone).state == end
    assert bench.client.record(gone).result is None
    assert [bench.client.result(job, timeout_s=1).text for job in jobs] == ["from a batch"] * 2
    assert bench.calls == {}
    assert (bench.account.spent_nano, spent(bench, [gone, *jobs])) == (ANSWER_NANO, ANSWER_NANO)
    assert bench.ledger.redis.keys(f"tg:vault:{gone}:*") == []  # what it asked is kept for the comparison, no longer
    ended(bench, jobs)


def test_all_cancelled_stops_the_batch(bench: Bench) -> None:
    """While one is left the provider goes on; with the last one it is told to stop."""
    bench.provider.looks = 10_000
    batcher, jobs = aside(bench)
    batcher.round()
    for job in jobs[:2]:
        bench.client.cancel(job)
        batcher.round()
    assert not any(batch.cancelled for batch in bench.provider.batches.values())
    bench.client.cancel(jobs[2])
    worked(bench, batcher)
    assert all(batch.cancelled for batch in bench.provider.batches.values())
    assert bench.account.held_nano == 0
    assert bench.ledger.redis.keys("tg:vault:*") == []


@pytest.mark.parametrize("early", ["set aside", "in a batch that was not sent"])
def test_a_line_that_was_not_made_is_made_for_the_next(bench: Bench, early: str) -> None:
    """Cancelled before anything was sent: the others have a line of their own, at once."""
    trouble = Trouble()
    batcher, jobs = aside(bench)
    if early != "set aside":
        batcher = bench.batcher(trouble)
        with contextlib.suppress(Killed):
            trouble.at = dict.fromkeys(range(9, 10), Killed)
            batcher.round()
        assert bench.provider.batches == {}
        assert [batch.jobs for batch in bench.ledger.batches.all()] == [1]
    bench.client.cancel(jobs[0])
    worked(bench, bench.batcher())
    assert bench.provider.lines == {jobs[1]: 1}
    assert bench.calls == {}
    ended(bench, jobs[1:])


@pytest.mark.parametrize("fate", ["error", "expired", "missing"])
def test_a_failed_line_is_tried_once_more_for_all(bench: Bench, fate: str) -> None:
    """One call follows, whose answer is for all of them."""
    batcher, jobs = sent(bench)
    bench.provider.fates = {jobs[0]: fate}
    worked(bench, batcher)
    assert bench.calls == {jobs[0]: 1}
    assert bench.provider.lines == {jobs[0]: 1}
    results = [bench.client.result(job, timeout_s=1) for job in jobs]
    assert [(one.text, one.joined) for one in results] == [("from a call", None), *[("from a call", jobs[0])] * 2]
    assert bench.account.spent_nano == 2 * ANSWER_NANO  # a call's price
    ended(bench, jobs)


@pytest.mark.parametrize("fate", ["error", "expired", "missing"])
def test_a_line_that_failed_a_cancelled_job_is_tried_for_the_others(bench: Bench, fate: str) -> None:
    """Nobody is left waiting for it: they share one call, or make it one after the other."""
    batcher, jobs = sent(bench)
    bench.provider.fates = {jobs[0]: fate}
    bench.client.cancel(jobs[0])
    worked(bench, batcher)
    assert sum(bench.calls.values()) in (1, 2)
    assert bench.provider.lines == {jobs[0]: 1}
    ended(bench, jobs[1:])


def test_a_retry_that_nobody_waits_for_any_more_lets_the_others_go(bench: Bench) -> None:
    """The line failed, and its job is cancelled before its other try: the others make that one."""
    batcher, jobs = sent(bench)
    bench.provider.fates = {jobs[0]: "error"}
    while states_of(bench, jobs[:1]) == [State.BATCHED]:
        batcher.round()
    assert states_of(bench, jobs) == [State.WAITING] * 3
    bench.client.cancel(jobs[0])
    assert states_of(bench, jobs[1:]) == [State.PLACED] * 2
    worked(bench, batcher)
    ended(bench, jobs[1:])
    assert bench.provider.lines == {jobs[0]: 1}


def test_a_batch_that_is_refused_is_one_call_for_all(bench: Bench) -> None:
    """Given back: one of them is called, and the answer is for all."""
    bench.provider.refuse = AuthFailed("status 401")
    batcher, jobs = aside(bench)
    worked(bench, batcher)
    assert bench.calls == {jobs[0]: 1}
    ended(bench, jobs)


def test_a_refused_job_s_others_are_in_no_batch(bench: Bench) -> None:
    """Its line is a dead letter's: the others are called, and wait for no second half of a day."""
    batcher, jobs = aside(bench)
    bench.ledger.annotate(jobs[0], {"clearance": "AAAA.{}"})
    worked(bench, batcher)
    assert bench.client.record(jobs[0]).state is State.DEAD
    assert bench.provider.lines == {}
    ended(bench, jobs[1:])


def test_no_answer_is_lent_by_a_name_in_the_store(bench: Bench) -> None:
    """Another tenant's job with a name that somebody wrote onto it waits, and gets nothing but a run of its own."""
    batcher, jobs = sent(bench, count=1)
    foreign = bench.place(SAME.model_copy(update={"text": "what did they ask?", "tenant": "curious"}))
    name = bench.client.record(jobs[0]).flight or ""
    bench.ledger.redis.hset(f"tg:job:{foreign}", mapping={"flight": name})
    bench.work_alone()
    assert bench.client.record(foreign).joined == jobs[0]
    bench.client.cancel(jobs[0])
    worked(bench, batcher)
    assert bench.client.result(foreign, timeout_s=1).joined is None
    assert Refusals(bench.ledger.redis).counts() == {"foreign_flight": 1}


@pytest.mark.parametrize("cancelled", [False, True], ids=["wanted", "cancelled"])
def test_whoever_dies_each_is_answered_once(bench: Bench, *, cancelled: bool) -> None:
    """A process dies at each step in turn: no line is sent twice, and each of those who share it ends once."""
    bench.provider.looks = 3
    for step in range(1, 200, 3):
        bench.ledger.redis.flushdb()
        bench.calls.clear()
        bench.provider.batches.clear()
        _, jobs = aside(bench, count=2)
        trouble = Trouble(at={step: Killed})
        dying = bench.batcher(trouble)
        with contextlib.suppress(Killed):
            dying.round()
            if cancelled:
                bench.client.cancel(jobs[0])
            while trouble.at and bench.ledger.batches.under_way("api"):
                dying.round()
        if cancelled:
            with contextlib.suppress(Conflict):  # it was, or is done
                bench.client.cancel(jobs[0])
        _promised_are_looked_at(bench)
        worked(bench, bench.batcher())
        assert sum(bench.provider.lines.values()) + sum(bench.calls.values()) <= 2, step
        assert set(bench.provider.lines.values()) <= {1}, step
        ended(bench, jobs[1:])
        if trouble.at:
            return
    raise AssertionError("there is no end to the steps")


def _promised_are_looked_at(bench: Bench) -> None:
    """Who was promised an answer by a process that died waits for the janitor."""
    for job_id in _in(bench, "waiting"):
        leader = bench.client.record(job_id).joined
        if leader and not bench.ledger.redis.exists(f"tg:followers:{leader}"):
            bench.ledger.redis.hset(f"tg:job:{job_id}", "look_at", "1")
            bench.ledger.redis.zadd("tg:agenda", {job_id: 1})
    Janitor(ledger=bench.ledger, doorbell=bench.doorbell, nudge_s=10.0, max_crashes=2, period_s=1.0).sweep()
