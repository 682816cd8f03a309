"""The ledger against a real store: each move happens whole or not at all, and the counts are right after each."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from tidegate import connections, deadletters
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import (
    Conflict,
    Reason,
    StorageFull,
    StoreUnavailable,
    SubmitRefused,
    UnknownJob,
)
from tidegate.ledger import states
from tidegate.ledger.admission import Limits
from tidegate.ledger.census import Census
from tidegate.ledger.pressure import Pressure
from tidegate.ledger.scripts import Call
from tidegate.ledger.states import ENDS, OPEN, Move, State
from tidegate.ledger.store import Accepted, Applied, Keep, Ledger, NewJob, Stored

JOB, SLOT = "a" * 32, "slot-1"
ROOMED = (State.ACCEPTED, State.PLACED, State.RUNNING, State.WAITING, State.BATCHED)


def accept(ledger: Ledger, job_id: str = JOB, **changes: Any) -> Accepted:
    """Put a job on record with a payload of three bytes."""
    given: dict[str, Any] = {
        "slot": f"{job_id}:{SLOT}",
        "envelope": b"\x00\xff!",
        "keep_s": 500,
        "deadline_s": 100.0,
        "look_in_s": 10.0,
        "fields": {"tenant": "acme", "fingerprint": "f1"},
    }
    return ledger.accept(job_id, **{**given, **changes})


def placed(lane: str = "local", **changes: str) -> Move:
    """The router's move."""
    return states.place(lane=lane, zone="inside", changes=changes, nudge_s=10.0, note={"rule": "r"})


def claimed(ledger: Ledger, job_id: str = JOB, *, lane: str = "local", **accepted: Any) -> Applied:
    """Take a fresh job to its first run."""
    accept(ledger, job_id, **accepted)
    ledger.apply(job_id, placed(lane))
    return ledger.apply(job_id, states.claim(worker="w1", lease_s=15.0))


def died(fence: int) -> Move:
    """A run's move to the dead letters."""
    return states.die(
        reason=Reason.TIMEOUT, cause="RunTimedOut on local", sources=frozenset({State.RUNNING}), fence=fence
    )


def succeeded(fence: int, **changes: str) -> Move:
    """A run's move to success."""
    return states.succeed(fence=fence, changes=changes, note={})


def answered(fence: int, slot: str = "an-answer") -> Move:
    """A run's move back to the router, with an answer."""
    return states.answer(fence=fence, slot=slot, nudge_s=10.0, changes={}, note={})


def rooms(redis: StoreClient) -> dict[str, set[str]]:
    """Who is in which room, by `state:lane`."""
    return {
        key.decode().removeprefix("tg:in:"): {member.decode() for member in redis.zrange(key, 0, -1)}
        for key in redis.keys("tg:in:*")
    }


def test_a_job_is_accepted_once(ledger: Ledger, redis: StoreClient) -> None:
    """The same id again leaves record and payload as they were and tells the first fingerprint."""
    assert accept(ledger) == Accepted(created=True, state=State.ACCEPTED, fingerprint="", ring=True)
    again = accept(ledger, envelope=b"other", slot="another", fields={"fingerprint": "f2"})
    assert again == Accepted(created=False, state=State.ACCEPTED, fingerprint="f1")
    assert redis.get(f"tg:vault:{JOB}:{SLOT}") == b"\x00\xff!"
    assert not redis.exists("tg:vault:another")
    record = ledger.get(JOB)
    assert (record.state, record.rev, record.fence, record.tenant) == (State.ACCEPTED, 1, 0, "acme")
    assert record.deadline_at == pytest.approx(record.accepted_at + 100, abs=0.001)
    assert record.payload == f"{JOB}:{SLOT}"


def test_an_accepted_payload_expires(ledger: Ledger, redis: StoreClient) -> None:
    """The payload's time to live is the one that was asked for; the record of an open job has none."""
    accept(ledger, keep_s=500)
    assert 495 < redis.ttl(f"tg:vault:{JOB}:{SLOT}") <= 500
    assert redis.ttl(f"tg:job:{JOB}") == -1


def test_many_submit_the_same_and_one_is_first(ledger: Ledger) -> None:
    """Of many threads that accept one id at once, exactly one creates it."""
    seen: list[Accepted] = []
    gate = threading.Barrier(8)

    def submit() -> None:
        gate.wait(30)
        seen.append(accept(ledger))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(one.created for one in seen) == [False] * 7 + [True]


def test_many_claim_and_one_runs(ledger: Ledger) -> None:
    """Of many workers that claim one job at once, exactly one gets a fence; the others are refused."""
    accept(ledger)
    ledger.apply(JOB, placed())
    fences: list[int] = []
    gate = threading.Barrier(8)

    def claim(name: str) -> None:
        gate.wait(30)
        with contextlib.suppress(Conflict):
            fences.append(ledger.apply(JOB, states.claim(worker=name, lease_s=15.0)).fence)

    threads = [threading.Thread(target=claim, args=(f"w{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert fences == [1]
    assert ledger.get(JOB).attempts == 1


@pytest.mark.parametrize(
    ("move", "why"),
    [
        (states.claim(worker="w2", lease_s=1.0), "state"),
        (states.renew(fence=7, lease_s=1.0), "fence"),
        (succeeded(7), "fence"),
        (died(7), "fence"),
        (states.expire(rev=99), "revision"),
        (placed(), "state"),
    ],
    ids=lambda value: value.name if isinstance(value, Move) else value,
)
def test_a_move_is_refused_whole(ledger: Ledger, redis: StoreClient, move: Move, why: str) -> None:
    """A move whose state, fence or revision does not hold changes nothing at all."""
    claimed(ledger)
    before = (ledger.get(JOB), ledger.history(JOB), rooms(redis), redis.zrange("tg:agenda", 0, -1, withscores=True))
    with pytest.raises(Conflict, match="running"):
        ledger.apply(JOB, move)
    after = (ledger.get(JOB), ledger.history(JOB), rooms(redis), redis.zrange("tg:agenda", 0, -1, withscores=True))
    assert after == before


def test_nothing_is_known_of_an_unknown_job(ledger: Ledger) -> None:
    """Reading, moving or purging a job that is not on record is an error of its own."""
    for call in (ledger.get, ledger.forget, lambda job_id: ledger.apply(job_id, states.cancel())):
        with pytest.raises(UnknownJob):
            call("nobody")


def test_a_lost_answer_is_asked_for_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client repeats a script whose answer it lost; the repetition is told what the first one did."""
    accept(ledger)
    answers: list[Any] = []
    call = ledger._scripts.run_all

    def stammering(name: str, calls: Sequence[Call]) -> Any:
        answers.extend(answer[:4] for _ in range(2) for answer in call(name, calls))
        return call(name, calls)

    monkeypatch.setattr(ledger._scripts, "run_all", stammering)
    ledger.apply(JOB, placed())
    applied = ledger.apply(JOB, states.claim(worker="w1", lease_s=15.0))
    assert answers[0] == answers[1]
    assert answers[2] == answers[3]
    assert (applied.fence, ledger.get(JOB).attempts, ledger.get(JOB).rev) == (1, 1, 3)
    assert [event.move for event in ledger.history(JOB)] == ["accepted", "placed", "claimed"]


PATHS: dict[str, tuple[tuple[str, ...], dict[str, int]]] = {
    "accepted": ((), {"accepted:intake": 1}),
    "placed": (("place",), {"placed:local": 1}),
    "running": (("place", "claim"), {"running:local": 1}),
    "renewed": (("place", "claim", "renew"), {"running:local": 1}),
    "retry": (("place", "claim", "wait"), {"waiting:local": 1}),
    "retry due": (("place", "claim", "wait", "release"), {"placed:local": 1}),
    "next lane": (("place", "claim", "hop"), {"placed:other": 1}),
    "next lane runs": (("place", "claim", "hop", "claim"), {"running:other": 1}),
    "handed back": (("place", "claim", "hand_back"), {"placed:local": 1}),
    "lapsed": (("place", "claim", "lapse"), {"placed:local": 1}),
    "nudged at intake": (("nudge",), {"accepted:intake": 1}),
    "nudged on a lane": (("place", "nudge"), {"placed:local": 1}),
    "succeeded": (("place", "claim", "succeed"), {}),
    "answered": (("place", "claim", "answer"), {"accepted:intake": 1}),
    "answered, and nudged": (("place", "claim", "answer", "nudge"), {"accepted:intake": 1}),
    "approved": (("place", "claim", "answer", "approve"), {}),
    "forbidden": (("place", "claim", "answer", "refuse"), {}),
    "forbidden and redriven": (("place", "claim", "answer", "refuse", "redrive", "place"), {"placed:local": 1}),
    "cancelled with an answer": (("place", "claim", "answer", "cancel"), {}),
    "expired with an answer": (("place", "claim", "answer", "expire"), {}),
    "dead": (("place", "claim", "die"), {}),
    "refused by the router": (("refuse",), {}),
    "cancelled at intake": (("cancel",), {}),
    "cancelled while it runs": (("place", "claim", "cancel"), {}),
    "cancelled while it waits": (("place", "claim", "wait", "cancel"), {}),
    "expired on a lane": (("place", "expire"), {}),
    "redriven": (("place", "claim", "hop", "claim", "die", "redrive"), {"accepted:intake": 1}),
    "redriven and placed": (("refuse", "redrive", "place"), {"placed:local": 1}),
}


def step(ledger: Ledger, name: str) -> None:
    """One named move, with what it needs to know taken from the record."""
    record = ledger.get(JOB)
    moves: dict[str, Callable[[], Move]] = {
        "place": placed,
        "claim": lambda: states.claim(worker="w1", lease_s=15.0),
        "renew": lambda: states.renew(fence=record.fence, lease_s=15.0),
        "wait": lambda: states.wait(fence=record.fence, delay_s=5.0, tries=1, note={}),
        "release": lambda: states.release(rev=record.rev, nudge_s=10.0),
        "hop": lambda: states.hop(fence=record.fence, lane="other", zone="inside", nudge_s=10.0, note={}),
        "hand_back": lambda: states.hand_back(fence=record.fence, changes={}, nudge_s=10.0),
        "lapse": lambda: states.hand_back(rev=record.rev, changes={"worker": ""}, nudge_s=10.0),
        "nudge": lambda: states.nudge(state=record.state, rev=record.rev, nudges=1, nudge_s=20.0),
        "succeed": lambda: succeeded(record.fence),
        "answer": lambda: answered(record.fence),
        "approve": lambda: states.approve(rev=record.rev, slot="r", note={}),
        "die": lambda: died(record.fence),
        "refuse": lambda: states.die(reason=Reason.MALFORMED, cause="c", sources=frozenset({State.ACCEPTED})),
        "cancel": states.cancel,
        "expire": lambda: states.expire(rev=record.rev),
        "redrive": lambda: states.redrive(rev=record.rev, redrives=1, deadline_in_s=60.0, by="op"),
    }
    ledger.apply(JOB, moves[name]())


@pytest.mark.parametrize(("steps", "expected"), PATHS.values(), ids=PATHS.keys())
def test_rooms_and_counts_follow_every_path(
    ledger: Ledger, census: Census, redis: StoreClient, steps: tuple[str, ...], expected: dict[str, int]
) -> None:
    """After every path the job is in exactly the room of its state and lane, and the census counts just that."""
    accept(ledger)
    for name in steps:
        step(ledger, name)
    assert {room: len(members) for room, members in rooms(redis).items()} == expected
    loads = census.loads(["intake", "local", "other"])
    for lane, load in loads.items():
        assert load.queued == expected.get(f"accepted:{lane}", 0) + expected.get(f"placed:{lane}", 0)
        assert load.running == expected.get(f"running:{lane}", 0)
        assert load.waiting == expected.get(f"waiting:{lane}", 0)
    state = ledger.get(JOB).state
    assert census.totals() == {end.value: int(end is state) for end in ENDS}
    assert redis.zcard("tg:agenda") == (0 if state.ended else 1)
    assert redis.zcard("tg:dead") == int(state is State.DEAD)


def test_a_nudge_does_not_make_a_job_younger(ledger: Ledger, census: Census, redis: StoreClient) -> None:
    """The oldest job of the intake, and of a lane, is as old as its entry there, however often it was nudged."""
    accept(ledger)
    redis.zincrby("tg:in:accepted:intake", -50, JOB)
    step(ledger, "nudge")
    assert 50 <= census.loads(["intake"])["intake"].oldest_s < 60
    step(ledger, "place")
    redis.zincrby("tg:in:placed:local", -70, JOB)
    step(ledger, "nudge")
    assert 70 <= census.loads(["local"])["local"].oldest_s < 80


def test_the_agenda_says_when_to_look(ledger: Ledger, redis: StoreClient) -> None:
    """Each open state has its time on the agenda, in step with the record, and only what is due is handed out."""
    accept(ledger, look_in_s=10.0)
    for name, in_s in (("place", 10.0), ("claim", 15.0), ("renew", 15.0), ("wait", 5.0), ("release", 10.0)):
        step(ledger, name)
        record = ledger.get(JOB)
        assert record.look_at == pytest.approx(record.updated_at + in_s, abs=0.001)
        assert redis.zscore("tg:agenda", JOB) == pytest.approx(record.look_at, abs=0.001)
    assert ledger.due(limit=10) == []
    redis.zadd("tg:agenda", {JOB: ledger.now() - 1, "older": ledger.now() - 2})
    assert ledger.due(limit=10) == ["older", JOB]
    assert ledger.due(limit=1) == ["older"]


@pytest.mark.parametrize("path", [(), ("place",), ("place", "claim"), ("place", "claim", "wait")], ids="-".join)
def test_no_look_is_later_than_the_deadline(ledger: Ledger, path: tuple[str, ...]) -> None:
    """Whatever a move asks for, the janitor looks at the deadline at the latest."""
    accept(ledger, deadline_s=2.0)
    for name in path:
        step(ledger, name)
    record = ledger.get(JOB)
    assert record.look_at == pytest.approx(record.deadline_at, abs=0.001)


@pytest.mark.parametrize("ending", ["refuse", "cancel", "expire", "place"])
def test_an_answer_that_is_not_let_through_is_dropped(ledger: Ledger, redis: StoreClient, ending: str) -> None:
    """Whatever becomes of the job: neither the envelope nor its slot's name stays, and no result is made of it."""
    accept(ledger)
    for name in ("place", "claim"):
        step(ledger, name)
    texts = [Stored(slot="an-answer", envelope=b"sealed", keep_s=600)]
    ledger.apply(JOB, answered(ledger.get(JOB).fence), texts=texts)
    assert (ledger.get(JOB).state, ledger.get(JOB).answer) == (State.ACCEPTED, "an-answer")
    assert redis.exists("tg:vault:an-answer")
    step(ledger, ending)
    assert (ledger.get(JOB).answer, ledger.get(JOB).result) == (None, None)
    assert not redis.exists("tg:vault:an-answer")


def test_an_answer_becomes_the_result_when_it_is_let_through(ledger: Ledger, redis: StoreClient) -> None:
    """Sealed anew, kept for the results' time, the answer as it came is gone; the lane's pace counts the run alone."""
    accept(ledger)
    step(ledger, "place")
    fence = ledger.apply(JOB, states.claim(worker="w", lease_s=15.0)).fence
    ledger.apply(JOB, answered(fence), texts=[Stored(slot="an-answer", envelope=b"sealed", keep_s=9)])
    paced = redis.hget("tg:pace", "local")
    assert paced is not None
    assert redis.hget("tg:succeeded_at", "local") is not None
    anew = Stored(slot="r", envelope=b"sealed anew", keep_s=9)
    ledger.apply(JOB, states.approve(rev=ledger.get(JOB).rev, slot="r", note={}), texts=[anew])
    record = ledger.get(JOB)
    assert (record.state, record.result, record.answer, record.lane) == (State.SUCCEEDED, "r", None, "local")
    assert redis.ttl("tg:vault:r") > 1000
    assert not redis.exists("tg:vault:an-answer")
    assert redis.hget("tg:pace", "local") == paced


def test_nothing_succeeds_from_the_intake_without_an_answer(ledger: Ledger) -> None:
    """A job that no run has answered cannot be let through; nor one whose answer went when it was redriven."""
    accept(ledger)
    with pytest.raises(Conflict):
        step(ledger, "approve")
    for name in ("place", "claim", "answer", "refuse", "redrive"):
        step(ledger, name)
    with pytest.raises(Conflict):
        step(ledger, "approve")


def test_a_run_whose_answer_lies_with_the_router_can_do_nothing_more(ledger: Ledger) -> None:
    """It has said its word: it cannot renew, succeed, fail or answer again."""
    accept(ledger)
    for name in ("place", "claim"):
        step(ledger, name)
    fence = ledger.get(JOB).fence
    step(ledger, "answer")
    late = (
        states.renew(fence=fence, lease_s=15.0),
        succeeded(fence, result="another"),
        answered(fence, slot="another"),
        states.wait(fence=fence, delay_s=1.0, tries=1, note={}),
        died(fence),
    )
    for move in late:
        with pytest.raises(Conflict):
            ledger.apply(JOB, move)
    assert ledger.get(JOB).answer == "an-answer"


def test_success_keeps_the_result_and_no_payload(ledger: Ledger, redis: StoreClient) -> None:
    """At success both payloads go at once; result, record and history stay for the results' time."""
    accept(ledger)
    redis.set("tg:vault:out", b"x", ex=5000)
    redis.set("tg:vault:res", b"x", ex=5)
    ledger.apply(JOB, placed(outside="out"))
    fence = ledger.apply(JOB, states.claim(worker="w", lease_s=1)).fence
    ledger.apply(JOB, succeeded(fence, result="res"))
    assert not redis.exists(f"tg:vault:{JOB}:{SLOT}", "tg:vault:out")
    for key in ("tg:vault:res", f"tg:job:{JOB}", f"tg:job:{JOB}:history"):
        assert 86_395 < redis.ttl(key) <= 86_400
    record = ledger.get(JOB)
    assert record.look_at is None
    assert record.ended_at == record.updated_at


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_an_end_without_result_keeps_no_text(ledger: Ledger, redis: StoreClient, end: str) -> None:
    """A cancelled or expired job's payload goes at once."""
    accept(ledger)
    step(ledger, end)
    assert redis.keys("tg:vault:*") == []
    assert 0 < redis.ttl(f"tg:job:{JOB}") <= 86_400


def test_a_dead_letter_keeps_what_a_redrive_needs(ledger: Ledger, redis: StoreClient) -> None:
    """A dead letter's inside payload and record stay for the dead letters' time; the outside copy goes at once."""
    accept(ledger)
    redis.set("tg:vault:out", b"x", ex=5000)
    ledger.apply(JOB, placed(outside="out"))
    step(ledger, "claim")
    step(ledger, "die")
    assert not redis.exists("tg:vault:out")
    for key in (f"tg:vault:{JOB}:{SLOT}", f"tg:job:{JOB}", f"tg:job:{JOB}:history"):
        assert 14 * 86_400 - 5 < redis.ttl(key) <= 14 * 86_400
    record = ledger.get(JOB)
    assert (record.reason, record.cause) == ("timeout", "RunTimedOut on local")
    assert [dead.id for dead in ledger.dead()] == [JOB]


def test_a_redrive_begins_anew(ledger: Ledger, redis: StoreClient) -> None:
    """A redrive clears lane, decision, clearance and counts, gives a new deadline, and keeps the payload for it."""
    claimed(ledger)
    step(ledger, "hop")
    step(ledger, "claim")
    step(ledger, "die")
    redis.expire(f"tg:vault:{JOB}:{SLOT}", 3)
    dead = ledger.get(JOB)
    ledger.apply(JOB, states.redrive(rev=dead.rev, redrives=1, deadline_in_s=600.0, by="op"))
    record = ledger.get(JOB)
    assert record.state is State.ACCEPTED
    assert (record.lane, record.zone, record.decision, record.clearance, record.outside) == (None,) * 5
    assert (record.reason, record.cause, record.worker, record.ended_at) == (None,) * 4
    assert (record.tries, record.attempts, record.crashes, record.nudges, record.redrives) == (0, 0, 0, 0, 1)
    assert record.deadline_at == pytest.approx(record.updated_at + 600, abs=0.001)
    assert record.fence == dead.fence
    assert redis.ttl(f"tg:job:{JOB}") == redis.ttl(f"tg:job:{JOB}:history") == -1
    assert redis.ttl(f"tg:vault:{JOB}:{SLOT}") >= 600
    assert list(ledger.dead()) == []
    assert ledger.due(limit=1) == [JOB]


def test_a_fence_of_before_a_redrive_is_worthless(ledger: Ledger) -> None:
    """A zombie from before a redrive cannot finish the new life's run."""
    old = claimed(ledger)
    step(ledger, "die")
    step(ledger, "redrive")
    step(ledger, "place")
    new = ledger.apply(JOB, states.claim(worker="w2", lease_s=15.0))
    assert new.fence > old.fence
    with pytest.raises(Conflict):
        ledger.apply(JOB, succeeded(old.fence))


def test_history_tells_each_move_but_the_renewals(ledger: Ledger) -> None:
    """The history names every move with its note; renewals would only drown the rest."""
    claimed(ledger)
    step(ledger, "renew")
    ledger.apply(JOB, states.wait(fence=1, delay_s=0.12345, tries=1, note={"error": "RateLimited", "said": '"%s" é'}))
    history = ledger.history(JOB)
    assert [event.move for event in history] == ["accepted", "placed", "claimed", "retry_later"]
    assert history[1].note == {"lane": "local", "rule": "r"}
    assert history[3].note == {"delay_s": 0.123, "error": "RateLimited", "said": '"%s" é'}
    assert [event.rev for event in history] == [1, 2, 3, 5]
    assert [event.fence for event in history] == [0, 0, 1, 1]


def test_history_is_bounded(ledger: Ledger) -> None:
    """However often a job is nudged, its history keeps the last 200 moves."""
    accept(ledger)
    for nudges in range(210):
        ledger.apply(JOB, states.nudge(state=State.ACCEPTED, rev=ledger.get(JOB).rev, nudges=nudges, nudge_s=1.0))
    assert len(ledger.history(JOB)) == 200


def test_pace_is_a_smoothed_service_time(ledger: Ledger, census: Census, redis: StoreClient) -> None:
    """A lane's service time moves by a fifth of each new run towards it."""
    redis.hset("tg:pace", "local", 10.0)
    claimed(ledger)
    redis.hset(f"tg:job:{JOB}", "started_at", ledger.now() - 20)
    step(ledger, "succeed")
    assert census.loads(["local"])["local"].service_s == pytest.approx(12.0, abs=0.1)


def test_purging_removes_dead_letters_only(ledger: Ledger, redis: StoreClient) -> None:
    """A dead letter is removed with its text; an open job never is."""
    claimed(ledger)
    with pytest.raises(Conflict, match="only dead letters"):
        ledger.forget(JOB)
    step(ledger, "die")
    ledger.forget(JOB)
    left = {key.decode() for key in redis.keys("*")}
    assert not {key for key in left if JOB in key}
    assert list(ledger.dead()) == []


def test_a_letter_redriven_meanwhile_is_not_purged(ledger: Ledger, redis: StoreClient) -> None:
    """A redrive that comes between an operator's look and the removal wins: the open job stays."""
    claimed(ledger)
    step(ledger, "die")
    step(ledger, "redrive")
    with pytest.raises(Conflict):
        ledger.forget(JOB)
    assert ledger.get(JOB).state is State.ACCEPTED
    assert redis.exists(f"tg:vault:{JOB}:{SLOT}")


def test_trimming_drops_what_has_expired(redis: StoreClient) -> None:
    """Index entries of dead letters past their time go; younger ones stay."""
    ledger = Ledger(redis, keep=Keep(dead_s=100))
    redis.zadd("tg:dead", {"old": ledger.now() - 101, "young": ledger.now() - 90})
    assert ledger.trim() == 1
    assert redis.zrange("tg:dead", 0, -1) == [b"young"]


def test_redriving_twice_gives_the_same_time_twice(client: Client) -> None:
    """A second redrive gives as much time as the producer gave, not the time since acceptance on top."""
    ledger = client.ledger
    claimed(ledger, deadline_s=300.0)
    for _ in range(2):
        ledger.redis.hincrbyfloat(f"tg:job:{JOB}", "accepted_at", -5000)
        ledger.apply(JOB, states.die(reason=Reason.MANUAL, cause="", sources=frozenset({ledger.get(JOB).state})))
        deadletters.redrive(ledger, client.doorbell, ledger.get(JOB), by="op")
        record = ledger.get(JOB)
        assert record.deadline_at - record.updated_at == pytest.approx(300, abs=0.01)


def test_a_store_that_is_away_is_said_so() -> None:
    """Every call on a store that does not answer raises StoreUnavailable, in bounded time."""
    away = Ledger(connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2))
    for call in (away.now, lambda: away.get(JOB), lambda: accept(away), lambda: away.apply(JOB, states.cancel())):
        with pytest.raises(StoreUnavailable):
            call()


def test_a_full_store_refuses_jobs_and_lets_them_end(ledger: Ledger, redis: StoreClient) -> None:
    """A store without room accepts nothing and says so; what is on record moves on to its end, which makes room."""
    claimed(ledger)
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(SubmitRefused):
            accept(ledger, "b" * 32)
        with pytest.raises(StorageFull):
            accept(ledger, "b" * 32, admitted=True)
        step(ledger, "renew")
        step(ledger, "die")
    finally:
        redis.config_set("maxmemory", 0)
    assert ledger.get(JOB).state is State.DEAD
    with pytest.raises(UnknownJob):
        ledger.get("b" * 32)


class Life(RuleBasedStateMachine):
    """Random moves of a few jobs, by right and by mistake, against a model of what must hold."""

    jobs = Bundle("jobs")
    runs = Bundle("runs")

    def __init__(self, redis: StoreClient) -> None:
        super().__init__()
        redis.flushdb()
        self.redis = redis
        self.ledger = Ledger(redis)
        self.model: dict[str, State] = {}
        self.fences: dict[str, int] = {}
        self.results: dict[str, str] = {}
        self.answers: dict[str, str] = {}
        """What waits for a router's look, by job; of no meaning once the job has left for anywhere."""
        self.ends: dict[str, int] = {}
        """How often a job came to an end, less its redrives."""

    def moved(self, job_id: str, move: Move, *, expected: bool) -> None:
        """Make a move that the model expects to be taken or refused."""
        try:
            applied = self.ledger.apply(job_id, move)
        except Conflict:
            assert not expected
            return
        assert expected
        before, self.model[job_id] = self.model[job_id], move.to
        if move.to is not State.ACCEPTED or before is State.DEAD:
            self.answers.pop(job_id, None)
        self.fences[job_id] = applied.fence
        self.ends[job_id] = self.ends.get(job_id, 0) + int(move.to.ended) - int(before.ended)

    @rule(target=jobs, number=st.integers(0, 1))
    def submit(self, number: int) -> str:
        """A job comes, perhaps again."""
        job_id = f"job-{number}"
        created = accept(self.ledger, job_id).created
        assert created == (job_id not in self.model)
        if created:
            self.model[job_id], self.fences[job_id] = State.ACCEPTED, 0
        return job_id

    @rule(job=jobs, lane=st.sampled_from(["local", "other"]))
    def place(self, job: str, lane: str) -> None:
        """A router places, perhaps too late."""
        self.moved(job, placed(lane), expected=self.model[job] is State.ACCEPTED)

    @rule(target=runs, job=jobs)
    def claim(self, job: str) -> tuple[str, int]:
        """A worker claims, perhaps too late; a run that never began holds a fence that nobody gave out."""
        placed_before = self.model[job] is State.PLACED
        before = self.fences[job]
        self.moved(job, states.claim(worker="w", lease_s=15.0), expected=placed_before)
        assert self.fences[job] == before + int(placed_before)
        return job, self.fences[job] if placed_before else -1

    @rule(target=runs, job=jobs)
    def begin(self, job: str) -> Any:
        """Whatever is needed for a run to begin, so that old runs and new ones meet often."""
        if self.model[job] is State.DEAD:
            self.redrive(job)
        if self.model[job] is State.ACCEPTED:
            self.place(job, "local")
        if self.model[job] is State.WAITING:
            self.release(job)
        if self.model[job] is State.RUNNING:
            self.lapse(job)
        return self.claim(job)

    def holds(self, run: tuple[str, int]) -> bool:
        """Whether a run still has the right to move its job."""
        return self.model[run[0]] is State.RUNNING and self.fences[run[0]] == run[1]

    @rule(run=runs)
    def renew(self, run: tuple[str, int]) -> None:
        """A worker renews, with a fence that may be stale."""
        self.moved(run[0], states.renew(fence=run[1], lease_s=15.0), expected=self.holds(run))

    @rule(run=consumes(runs), other=st.sampled_from(["local", "other"]), kind=st.sampled_from(["wait", "hop", "back"]))
    def give_up(self, run: tuple[str, int], other: str, kind: str) -> None:
        """A run fails or is handed back, with a fence that may be stale."""
        moves: dict[str, Callable[[], Move]] = {
            "wait": lambda: states.wait(fence=run[1], delay_s=1.0, tries=1, note={}),
            "hop": lambda: states.hop(fence=run[1], lane=other, zone="inside", nudge_s=1.0, note={}),
            "back": lambda: states.hand_back(fence=run[1], changes={}, nudge_s=1.0),
        }
        self.moved(run[0], moves[kind](), expected=self.holds(run))

    @rule(run=runs, number=st.integers(0, 99))
    def succeed(self, run: tuple[str, int], number: int) -> None:
        """A run succeeds, with a fence that may be stale; the run may try again, as a zombie would."""
        holds = self.holds(run)
        self.moved(run[0], succeeded(run[1], result=f"result-{number}"), expected=holds)
        if holds:
            self.results[run[0]] = f"result-{number}"

    @rule(run=runs)
    def answer(self, run: tuple[str, int]) -> None:
        """A run brings an answer back, with a fence that may be stale."""
        holds = self.holds(run)
        self.moved(run[0], answered(run[1], slot=f"answer-{run[1]}"), expected=holds)
        if holds:
            self.answers[run[0]] = f"answer-{run[1]}"

    @rule(job=jobs)
    def approve(self, job: str) -> None:
        """A router lets an answer through: where there is one, and it is the job's result then."""
        held = self.answers.get(job) if self.model[job] is State.ACCEPTED else None
        assert self.ledger.get(job).answer == held
        self.moved(
            job,
            states.approve(rev=self.ledger.get(job).rev, slot=f"approved-{held}", note={}),
            expected=held is not None,
        )
        if held is not None:
            assert self.ledger.get(job).answer is None
            self.results[job] = f"approved-{held}"

    @rule(run=runs)
    def die(self, run: tuple[str, int]) -> None:
        """A run ends its job, with a fence that may be stale."""
        self.moved(run[0], died(run[1]), expected=self.holds(run))

    @rule(job=jobs)
    def release(self, job: str) -> None:
        """The janitor starts a retry."""
        rev = self.ledger.get(job).rev
        self.moved(job, states.release(rev=rev, nudge_s=1.0), expected=self.model[job] is State.WAITING)

    @rule(job=jobs)
    def lapse(self, job: str) -> None:
        """The janitor takes a job from a silent worker."""
        move = states.hand_back(rev=self.ledger.get(job).rev, changes={"worker": ""}, nudge_s=1.0)
        self.moved(job, move, expected=self.model[job] is State.RUNNING)

    @rule(job=jobs, behind=st.integers(0, 1))
    def expire(self, job: str, behind: int) -> None:
        """The janitor ends a job, perhaps on an old look."""
        move = states.expire(rev=self.ledger.get(job).rev - behind)
        self.moved(job, move, expected=self.model[job] in OPEN and behind == 0)

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        """The producer gives up."""
        self.moved(job, states.cancel(), expected=self.model[job] in OPEN)

    @rule(job=jobs)
    def redrive(self, job: str) -> None:
        """An operator redrives."""
        move = states.redrive(rev=self.ledger.get(job).rev, redrives=1, deadline_in_s=60.0, by="op")
        self.moved(job, move, expected=self.model[job] is State.DEAD)

    @invariant()
    def rooms_partition_the_open_jobs(self) -> None:
        """Every open job is in exactly one room, that of its state and lane; no ended job is in any."""
        found = [(room, job) for room, members in rooms(self.redis).items() for job in members]
        expected = []
        for job, state in self.model.items():
            record = self.ledger.get(job)
            assert record.state is state
            assert record.fence == self.fences[job]
            if not state.ended:
                expected.append((f"{state}:{(state is not State.ACCEPTED and record.lane) or 'intake'}", job))
        assert sorted(found) == sorted(expected)

    @invariant()
    def agenda_and_ends_agree(self) -> None:
        """The agenda holds the open jobs; the ends are counted once each; dead letters are indexed."""
        agenda = {job.decode() for job in self.redis.zrange("tg:agenda", 0, -1)}
        assert agenda == {job for job, state in self.model.items() if not state.ended}
        assert {job.id for job in self.ledger.dead()} == {
            job for job, state in self.model.items() if state is State.DEAD
        }
        use = Pressure(self.redis).use()
        reserved = [int(self.redis.hget(f"tg:job:{job}", "reserved")) for job in agenda]
        assert (use.open_, use.reserved_bytes) == (len(agenda), sum(reserved))
        assert use.tenants == ({"acme": len(agenda)} if agenda else {})
        totals = Census(self.redis).totals()
        assert totals == {end.value: list(self.model.values()).count(end) for end in ENDS}
        assert set(self.ends.values()) <= {0, 1}

    @invariant()
    def no_result_is_overwritten(self) -> None:
        """A result stays the one that first counted."""
        for job, result in self.results.items():
            assert self.ledger.get(job).result == result


def test_any_life_keeps_the_promises(redis: StoreClient) -> None:
    """Whatever happens in whatever order: one end, one room, no overwritten result, no stale fence."""
    factory: Any = lambda: Life(redis)  # noqa: E731 - hypothesis takes a factory; its types say a class
    run_state_machine_as_test(
        factory,
        settings=hypothesis_settings(max_examples=40, stateful_step_count=30, deadline=None),
    )


def test_a_batch_takes_nothing_behind_a_refused_job(redis: StoreClient) -> None:
    """Of many jobs in one round trip those before the refused one are in, and none after it."""
    ledger = Ledger(redis, limits=Limits(per_tenant=1))
    made = [
        NewJob(
            job_id=f"j{number}",
            slot=f"j{number}:p",
            envelope=b"x",
            keep_s=60,
            deadline_s=60.0,
            look_in_s=9.0,
            fields={"tenant": tenant},
        )
        for number, tenant in enumerate(["a", "a", "b"])
    ]
    found = ledger.accept_all(made)
    assert [type(one) for one in found] == [Accepted, SubmitRefused, SubmitRefused]
    assert [record.id for record in ledger.get_many(job.job_id for job in made)] == ["j0"]
