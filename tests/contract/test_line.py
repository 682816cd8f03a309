"""Who is next: the scripts against the model of the order, and what producers and workers may rely on."""

import threading
from collections import Counter
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from order_model import BATCH_TURN, Room

from tidegate.connections import StoreClient
from tidegate.doorbell import queue_priority
from tidegate.errors import Reason
from tidegate.lane import Zone
from tidegate.ledger import line, states
from tidegate.ledger.line import LOOKS, Idle, Taken, patiently
from tidegate.ledger.queued import queued
from tidegate.ledger.states import OPEN, Move, State
from tidegate.ledger.store import Accepted, Applied, Ledger
from workers.weights import EVERY_S, Weights

CLAIM = states.claim(worker="w", lease_s=15.0)


def accept(
    ledger: Ledger, job_id: str, *, tenant: str = "acme", latency: str = "interactive", urgency: int = 5
) -> Accepted:
    """Put a job on record, as the client does."""
    fields = {
        "tenant": tenant,
        "latency": latency,
        "priority": str(queue_priority(latency=latency, priority=urgency)),
    }
    return ledger.accept(
        job_id, slot=f"{job_id}:p", envelope=b"sealed", keep_s=500, deadline_s=300.0, look_in_s=10.0, fields=fields
    )


def place(ledger: Ledger, job_id: str, lane: str = "local") -> Applied:
    """Put a job on a lane, as the router does."""
    return ledger.apply(job_id, states.place(lane=lane, zone="inside", changes={}, nudge_s=10.0, note={}))


def put(ledger: Ledger, job_id: str, **given: Any) -> Applied:
    """Both."""
    accept(ledger, job_id, **given)
    return place(ledger, job_id)


def take(ledger: Ledger, lane: str = "local", **given: Any) -> Taken | None:
    """Take as a worker does."""
    found = ledger.line.take(lane, zone=Zone.INSIDE, claim=CLAIM, **given)
    return None if isinstance(found, Idle) else found


def collect(ledger: Ledger, most: int = 1, **given: Any) -> list[str]:
    """Take as a router does."""
    found = ledger.line.collect(**{"most": most, "most_bytes": 10_000, "look_in_s": 10.0, **given})
    return [] if isinstance(found, Idle) else [record.id for record, _ in found.jobs]


def taken(ledger: Ledger, times: int = 100) -> list[str]:
    """The jobs of the lane in the order in which they are taken."""
    found = (take(ledger) for _ in range(times))
    return [one.record.id for one in found if one is not None]


def test_a_take_brings_all_that_a_run_needs(ledger: Ledger) -> None:
    """One call gives record, envelope, fence and lease; the job runs, and nobody else gets it."""
    put(ledger, "a")
    found = take(ledger)
    assert found is not None
    assert (found.record.state, found.record.worker, found.record.attempts) == (State.RUNNING, "w", 1)
    assert (found.slot, found.envelope, found.claim.fence) == ("a:p", b"sealed", 1)
    assert found.record.look_at == pytest.approx(found.claim.at + 15, abs=0.001)
    assert take(ledger) is None
    assert ledger.apply("a", states.succeed(fence=1, changes={}, note={})).rev == 4


def test_a_worker_outside_is_handed_no_inside_envelope(ledger: Ledger) -> None:
    """A take for a lane outside brings the cleared copy; where there is none it brings nothing."""
    put(ledger, "a")
    found = ledger.line.take("local", zone=Zone.OUTSIDE, claim=CLAIM)
    assert isinstance(found, Taken)
    assert (found.slot, found.envelope) == (None, None)


def test_a_take_whose_answer_was_lost_is_answered_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client repeats a take whose answer it lost: it gets the same run, and no second job."""
    put(ledger, "a")
    put(ledger, "b")
    run = ledger._scripts.run
    monkeypatch.setattr(ledger._scripts, "run", lambda *args, **given: (run(*args, **given), run(*args, **given))[1])
    found = take(ledger)
    assert found is not None
    assert (found.record.id, found.record.attempts, found.claim.fence) == ("a", 1, 1)
    assert ledger.get("b").state is State.PLACED


def test_interactive_goes_first_and_batch_does_not_starve(ledger: Ledger) -> None:
    """Of a full lane every eighth take is a batch job, the rest interactive ones; then comes what there is."""
    for number in range(16):
        put(ledger, f"i{number:02}")
        put(ledger, f"b{number:02}", latency="batch")
    order = taken(ledger)
    assert [index for index, job in enumerate(order[:16]) if job[0] == "b"] == [BATCH_TURN - 1, 2 * BATCH_TURN - 1]
    assert order[-14:] == [f"b{number:02}" for number in range(2, 16)]


def test_tenants_take_turns(ledger: Ledger) -> None:
    """A tenant with twenty jobs in line does not make one with two wait, even where that one comes late."""
    for number in range(20):
        put(ledger, f"a{number:02}", tenant="a")
    assert taken(ledger, 3) == ["a00", "a01", "a02"]
    for number in range(2):
        put(ledger, f"z{number}", tenant="z")
    assert taken(ledger, 5) == ["z0", "a03", "z1", "a04", "a05"]


def test_who_was_away_has_no_credit(ledger: Ledger) -> None:
    """A tenant that comes back after others were served takes its turn from now on; it does not catch up."""
    put(ledger, "z-early", tenant="z")
    for number in range(20):
        put(ledger, f"a{number:02}", tenant="a")
    taken(ledger, 10)
    for number in range(5):
        put(ledger, f"z{number}", tenant="z")
    assert Counter(job[0] for job in taken(ledger, 6)) == {"a": 3, "z": 3}


def test_urgency_counts_like_waiting(ledger: Ledger, redis: StoreClient) -> None:
    """Of one tenant's jobs the more urgent goes first, until the other has waited a minute for each step."""
    put(ledger, "calm", urgency=9)
    put(ledger, "urgent", urgency=0)
    assert taken(ledger) == ["urgent", "calm"]
    put(ledger, "calm again", urgency=2)
    redis.zincrby("tg:order:placed:local:interactive:acme", -61, "calm again")
    put(ledger, "urgent again", urgency=0)
    assert taken(ledger) == ["calm again", "urgent again"]


def test_a_retry_keeps_its_place(ledger: Ledger) -> None:
    """A job that comes back to its lane is as old as it was: it does not go behind those that came after it."""
    for name in ("first", "second", "third"):
        put(ledger, name)
    run = take(ledger)
    assert run is not None
    ledger.apply("first", states.hand_back(fence=run.claim.fence, changes={}, nudge_s=1.0))
    assert taken(ledger) == ["first", "second", "third"]


def test_the_intake_has_the_same_order(ledger: Ledger) -> None:
    """Routers, too, take interactive before batch and tenants by turns; what they took stays accepted."""
    for number in range(3):
        accept(ledger, f"a{number}", tenant="a")
    accept(ledger, "b0", tenant="b")
    accept(ledger, "slow", tenant="b", latency="batch")
    assert collect(ledger, 10) == ["a0", "b0", "a1", "a2", "slow"]
    assert {ledger.get(job).state for job in ("a0", "slow")} == {State.ACCEPTED}
    assert collect(ledger, 10) == []


def test_what_a_dead_router_took_comes_back(ledger: Ledger) -> None:
    """A job that a router took and did not place is due again, later each time, and then in line."""
    accept(ledger, "a")
    for nudges, look_s in ((1, 10.0), (2, 20.0), (3, 40.0)):
        assert collect(ledger) == ["a"]
        record = ledger.get("a")
        assert record.look_at == pytest.approx(ledger.now() + look_s, abs=1.0)
        ledger.apply("a", states.nudge(state=State.ACCEPTED, rev=record.rev, nudges=nudges, nudge_s=5.0))


def test_a_long_text_ends_a_batch(ledger: Ledger) -> None:
    """A router takes no more behind a long text, so that short ones go to another router."""
    for name in ("a", "b", "c"):
        accept(ledger, name)
    assert collect(ledger, 10, most_bytes=7) == ["a", "b"]


def test_jobs_of_an_earlier_release_are_found(ledger: Ledger, redis: StoreClient) -> None:
    """A job that was placed or accepted before there was a line is taken by the wake-up that names it, or nudged in."""
    accept(ledger, "old")
    put(ledger, "older")
    for key in redis.keys("tg:order:*"):
        redis.unlink(key)
    redis.hdel("tg:job:old", "queued_at")
    redis.hdel("tg:job:older", "queued_at")
    assert take(ledger) is None
    found = take(ledger, named="older")
    assert found is not None
    assert collect(ledger) == []
    assert collect(ledger, named="old") == ["old"]
    ledger.apply("old", states.nudge(state=State.ACCEPTED, rev=ledger.get("old").rev, nudges=1, nudge_s=5.0))
    assert collect(ledger) == ["old"]


def test_a_copy_is_not_the_router_s(ledger: Ledger) -> None:
    """A shadow copy is placed by whoever made it: no router finds it in the intake."""
    fields = {"tenant": "acme", "priority": "9", "shadow_of": "x"}
    made = ledger.accept("copy", slot="s", envelope=b"", keep_s=9, deadline_s=9.0, look_in_s=9.0, fields=fields)
    assert (made.created, made.ring) == (True, False)
    assert collect(ledger) == []


def test_a_few_wake_ups_serve_many_jobs(ledger: Ledger) -> None:
    """Under backlog not every job is rung for; whoever follows a wake-up and leaves others rings for the next."""
    assert [put(ledger, f"{number:02}").ring for number in range(10)].count(True) == 1
    first = take(ledger, woken=True)
    assert first is not None
    assert first.ring == "01"
    second = take(ledger)
    assert second is not None
    assert second.ring == ""


def test_lost_wake_ups_do_not_narrow_a_lane(ledger: Ledger, redis: StoreClient) -> None:
    """Wake-ups that died with their readers stay counted; whoever follows one passes it on all the same."""
    for number in range(10):
        put(ledger, f"{number:02}")
    redis.hset("tg:order:placed:local", mapping={"rung": 5, "rung_at": ledger.now()})
    for _ in range(9):
        followed = take(ledger, woken=True)
        assert followed is not None
        assert followed.ring
    assert redis.hget("tg:order:placed:local", "rung") == b"5", "as many are under way as before"


def test_a_quiet_lane_is_rung_for_each_job(ledger: Ledger) -> None:
    """Where workers keep up, every job has a wake-up of its own."""
    for number in range(6):
        assert put(ledger, f"{number}").ring
        assert take(ledger, woken=True) is not None


def test_one_who_stays_is_a_wake_up_under_way(ledger: Ledger) -> None:
    """Of those who find nobody one is told to stay; while it does, a new job needs no wake-up."""

    def ask(*, woken: bool = False, patient: bool = True) -> Any:
        return ledger.line.take("local", zone=Zone.INSIDE, claim=CLAIM, woken=woken, patient=patient)

    assert [ask(), ask()] == [Idle.STAY, Idle.GO]
    assert not put(ledger, "a").ring
    assert ask(woken=True).record.id == "a"
    assert [ask(), ask(woken=True, patient=False)] == [Idle.STAY, Idle.GO]
    assert put(ledger, "b").ring


def test_one_who_stays_hears_the_bell(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait of one who was told to stay ends with the next job that comes, in a lane as in the intake; once."""
    assert ledger.line.take("local", zone=Zone.INSIDE, claim=CLAIM, patient=True) is Idle.STAY
    assert ledger.line.collect(most=1, most_bytes=1000, look_in_s=10.0, patient=True) is Idle.STAY
    put(ledger, "a")
    assert ledger.line.stay("local")
    assert ledger.line.stay(None)
    monkeypatch.setattr(line, "STAY_S", 0.01)
    assert not ledger.line.stay("local")
    assert not ledger.line.stay("another")


def test_a_bell_that_nobody_heard_is_one_look_in_vain(ledger: Ledger, redis: StoreClient) -> None:
    """It does not ring where nobody stays; and of those who stayed and died no more than one entry is left."""
    put(ledger, "quiet")
    assert not redis.exists("tg:order:placed:local/bell")
    taken(ledger)
    for number in range(3):
        redis.hset("tg:order:placed:local", "stays", 1)
        put(ledger, f"{number}")
    assert redis.llen("tg:order:placed:local/bell") == 1


def test_who_is_patient_looks_a_few_times() -> None:
    """It says each time that it was woken, asks the last time to be let go, and not at all where its process leaves."""
    asked: list[tuple[bool, bool]] = []

    def ask(woken: bool, patient: bool) -> str | Idle:  # noqa: FBT001 - as it is asked
        asked.append((woken, patient))
        return Idle.STAY if patient else Idle.GO

    assert patiently(ask, stay=lambda: None, leaving=threading.Event()) is None
    assert asked == [(False, True), *[(True, True)] * (LOOKS - 1), (True, False)]
    leaving = threading.Event()
    leaving.set()
    assert patiently(ask, stay=lambda: None, leaving=leaving) is None
    assert asked[-1] == (False, False)


def test_lost_wake_ups_are_sent_again(ledger: Ledger, redis: StoreClient) -> None:
    """Where jobs wait and no wake-up was sent for a while, the next placement and the janitor ring."""
    for number in range(5):
        put(ledger, f"{number}")
    accept(ledger, "new")
    assert ledger.line.overdue() == []
    for room in ("placed:local", "accepted:intake"):
        redis.hset(f"tg:order:{room}", "rung_at", ledger.now() - 3)
    assert sorted(ledger.line.overdue(), key=str) == [("local", "0"), (None, "new")]
    assert ledger.line.overdue() == []
    redis.hset("tg:order:placed:local", mapping={"rung": 64, "rung_at": ledger.now() - 3})
    assert ledger.line.overdue() == []
    redis.hset("tg:order:placed:local", "rung_at", ledger.now() - 31)
    assert ledger.line.overdue() == [("local", "0")]
    assert len(taken(ledger)) == 5
    redis.hset("tg:order:placed:local", "rung_at", ledger.now() - 3)
    assert take(ledger) is None
    assert redis.hget("tg:order:placed:local", "rung") == b"0"


def test_jobs_run_and_end_in_a_full_store(ledger: Ledger, redis: StoreClient) -> None:
    """A store without room still lets what is on record be taken and end, which makes room."""
    put(ledger, "a")
    redis.config_set("maxmemory", 1)
    try:
        found = take(ledger, woken=True)
        assert found is not None
        ledger.apply("a", states.succeed(fence=found.claim.fence, changes={}, note={}))
    finally:
        redis.config_set("maxmemory", 0)
    assert ledger.get("a").state is State.SUCCEEDED


def test_a_tenant_with_weight_has_more_turns(ledger: Ledger, redis: StoreClient) -> None:
    """Three of them where others have one, one where another has two; and its own order stays as it is."""
    Weights(client=redis, weights={"shop": 3.0, "lab": 0.5})()
    for number in range(60):
        for tenant in ("shop", "plain", "lab"):
            accept(ledger, f"{tenant}-{number:02}", tenant=tenant)
            place(ledger, f"{tenant}-{number:02}")
    taken = [found.record.id for _ in range(45) if (found := take(ledger))]
    turns = Counter(job_id.partition("-")[0] for job_id in taken)
    assert (turns["shop"], turns["plain"], turns["lab"]) == (30, 10, 5)
    assert [job_id for job_id in taken if job_id.startswith("shop")] == [f"shop-{number:02}" for number in range(30)]


def test_weights_can_be_changed_and_taken_away(ledger: Ledger, redis: StoreClient) -> None:
    """What a janitor tells replaces what another one told; and it is told again after a while, not each time."""
    now = [0.0]
    Weights(client=redis, weights={"shop": 3.0})()
    later = Weights(client=redis, weights={"lab": 2.0}, clock=lambda: now[0])
    later()
    assert redis.hgetall("tg:weights") == {b"lab": b"2.0"}
    redis.delete("tg:weights")
    later()
    assert not redis.exists("tg:weights")
    now[0] = EVERY_S
    later()
    assert redis.exists("tg:weights")
    Weights(client=redis, weights={})()
    assert not redis.exists("tg:weights")


@pytest.mark.parametrize("said", ["much", "", "0", "-1", "nan", "inf", "1e9"])
def test_a_weight_that_is_none_is_one(ledger: Ledger, redis: StoreClient, said: str) -> None:
    """Whatever somebody wrote into the store: everybody has a turn, and the waits can be told."""
    redis.hset("tg:weights", "a", said)
    for number in range(4):
        for tenant in ("a", "b"):
            accept(ledger, f"{tenant}{number}", tenant=tenant)
            place(ledger, f"{tenant}{number}")
    assert queued(redis, ["local"])["local"].ahead_of(tenant="b", latency="interactive") == 8
    assert {found.record.tenant for _ in range(4) if (found := take(ledger))} == {"a", "b"}


class Queueing(RuleBasedStateMachine):
    """Jobs of several tenants come, are placed, run, fail, end: the line never disagrees with the model."""

    def __init__(self, redis: StoreClient) -> None:
        super().__init__()
        redis.flushdb()
        self.redis = redis
        self.ledger = Ledger(redis)
        weights = {"b": 3.0, "c": 0.4}
        Weights(client=redis, weights=weights)()
        self.rooms = {name: Room(weights=weights) for name in ("accepted:intake", "placed:local", "placed:other")}
        self.jobs: list[str] = []

    def moved(self, job_id: str, move: Move) -> None:
        """Make a move that holds, and tell the model."""
        self.ledger.apply(job_id, move)
        self.follow(job_id)

    def follow(self, job_id: str) -> None:
        """Put the job into the line where its record says that it waits, and into no other."""
        record = self.ledger.get(job_id)
        here = f"{record.state.value}:{(record.state is not State.ACCEPTED and record.lane) or 'intake'}"
        for name, room in self.rooms.items():
            if name == here:
                since = record.queued_at or 0.0
                room.enter(job_id, tenant=record.tenant, priority=record.priority, since=since)
            else:
                room.leave(job_id)

    def some(self, *wanted: State) -> list[str]:
        """The jobs in one of these states."""
        return [record.id for record in self.ledger.get_many(self.jobs) if record.state in wanted]

    @rule(
        tenant=st.sampled_from(["a", "b", "c"]),
        latency=st.sampled_from(["interactive", "batch"]),
        urgency=st.integers(0, 9),
    )
    def submit(self, tenant: str, latency: str, urgency: int) -> None:
        """A job comes."""
        self.jobs.append(f"job-{len(self.jobs):03}")
        accept(self.ledger, self.jobs[-1], tenant=tenant, latency=latency, urgency=urgency)
        self.follow(self.jobs[-1])

    @rule(lane=st.sampled_from(["local", "other"]), most=st.integers(1, 3))
    def route(self, lane: str, most: int) -> None:
        """A router takes the next ones and places them."""
        found = collect(self.ledger, most)
        assert found == [job for job in (self.rooms["accepted:intake"].take() for _ in range(most)) if job]
        for job in found:
            place(self.ledger, job, lane)
            self.follow(job)

    @rule()
    def route_and_die(self) -> None:
        """A router takes the next one and dies."""
        assert (collect(self.ledger) or [None])[0] == self.rooms["accepted:intake"].take()

    @rule(lane=st.sampled_from(["local", "other"]))
    def run(self, lane: str) -> None:
        """A worker takes the next one."""
        found = take(self.ledger, lane)
        assert (found.record.id if found else None) == self.rooms[f"placed:{lane}"].take()

    @precondition(lambda self: self.some(State.RUNNING))
    @rule(data=st.data(), how=st.sampled_from(["succeed", "answer", "die", "wait", "hop", "back"]))
    def end_run(self, data: st.DataObject, how: str) -> None:
        """A run ends in one of the ways that there are."""
        job = data.draw(st.sampled_from(self.some(State.RUNNING)))
        fence = self.ledger.get(job).fence
        moves = {
            "succeed": states.succeed(fence=fence, changes={}, note={}),
            "answer": states.answer(fence=fence, slot="s", nudge_s=1.0, changes={}, note={}),
            "die": states.die(reason=Reason.TIMEOUT, cause="c", sources=frozenset({State.RUNNING}), fence=fence),
            "wait": states.wait(fence=fence, delay_s=1.0, tries=1, note={}),
            "hop": states.hop(fence=fence, lane="other", zone="inside", nudge_s=1.0, note={}),
            "back": states.hand_back(fence=fence, changes={}, nudge_s=1.0),
        }
        self.moved(job, moves[how])

    @precondition(lambda self: self.some(*OPEN))
    @rule(data=st.data(), how=st.sampled_from(["cancel", "expire", "nudge"]))
    def disturb(self, data: st.DataObject, how: str) -> None:
        """Somebody gives a job up, its deadline passes, or the janitor looks at it."""
        record = self.ledger.get(data.draw(st.sampled_from(self.some(*OPEN))))
        if how == "cancel":
            self.moved(record.id, states.cancel())
        elif how == "expire":
            self.moved(record.id, states.expire(rev=record.rev))
        elif record.state is State.WAITING:
            self.moved(record.id, states.release(rev=record.rev, nudge_s=1.0))
        elif record.state is not State.RUNNING:
            self.moved(record.id, states.nudge(state=record.state, rev=record.rev, nudges=1, nudge_s=1.0))

    @precondition(lambda self: self.some(State.DEAD))
    @rule(data=st.data())
    def redrive(self, data: st.DataObject) -> None:
        """A person sends a dead letter again."""
        job = data.draw(st.sampled_from(self.some(State.DEAD)))
        rev = self.ledger.get(job).rev
        self.moved(job, states.redrive(rev=rev, redrives=1, deadline_in_s=60.0, by="op"))

    @invariant()
    def in_line(self) -> None:
        """Who is in line is just who should be, and is counted right."""
        for name, room in self.rooms.items():
            found = set()
            for key in self.redis.keys(f"tg:order:{name}:*:*"):
                found |= {member.decode() for member in self.redis.zrange(key, 0, -1)}
            assert found == room.waiting
            assert int(self.redis.hget(f"tg:order:{name}", "waiting") or 0) == len(found)


def test_the_line_agrees_with_its_model(redis: StoreClient) -> None:
    """Whatever happens to jobs in whatever order, the scripts take the one that the model says."""
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Queueing(redis), settings=hypothesis_settings(max_examples=30, stateful_step_count=40, deadline=None)
    )
