"""The janitor on a real store: what is due is moved and rung for, once, and nothing holds up the rest."""

import threading

import pytest
from doubles import RecordingDoorbell

from tidegate import connections
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import ResultTimeout
from tidegate.ledger import states
from tidegate.ledger.states import Move, State
from tidegate.ledger.store import Applied, Ledger
from workers.janitor import Janitor

BOUND_S = 30.0


@pytest.fixture
def janitor(client: Client, doorbell: RecordingDoorbell) -> Janitor:
    """A janitor of this store."""
    return keeper(client.ledger, doorbell)


def keeper(ledger: Ledger, doorbell: RecordingDoorbell) -> Janitor:
    """A janitor that looks often."""
    return Janitor(ledger=ledger, doorbell=doorbell, nudge_s=10.0, max_crashes=2, period_s=0.01)


def at(client: Client, state: State, *, text: str = "x") -> str:
    """A job in an open state on the lane `local`."""
    job_id = client.submit({"text": text})
    moves: dict[State, Move] = {
        State.PLACED: states.place(lane="local", zone="inside", changes={}, nudge_s=10, note={}),
        State.RUNNING: states.claim(worker="w", lease_s=10),
        State.WAITING: states.wait(fence=1, delay_s=10, tries=1, note={}),
    }
    for to, move in moves.items():
        if client.record(job_id).state is not state:
            assert move.to is to
            client.ledger.apply(job_id, move)
    for room in ("accepted:intake", "placed:local"):  # the wake-ups so far were answered
        client.ledger.redis.hset(f"tg:order:{room}", "rung", 0)
    return job_id


def make_due(client: Client, job_id: str, *, deadline: bool = False) -> None:
    """Let a job's time have come, and its deadline with it where asked."""
    past = client.ledger.now() - 1
    client.ledger.redis.zadd("tg:agenda", {job_id: past})
    client.ledger.redis.hset(f"tg:job:{job_id}", "look_at", past)
    if deadline:
        client.ledger.redis.hset(f"tg:job:{job_id}", "deadline_at", past)


@pytest.mark.parametrize(
    ("state", "after", "rung"),
    [
        (State.ACCEPTED, State.ACCEPTED, "router"),
        (State.PLACED, State.PLACED, "local"),
        (State.WAITING, State.PLACED, "local"),
        (State.RUNNING, State.PLACED, "local"),
    ],
)
def test_what_is_due_is_moved_and_rung_for(
    janitor: Janitor, client: Client, doorbell: RecordingDoorbell, *, state: State, after: State, rung: str
) -> None:
    """Each open state's job is looked at when its time has come, not before, and once a time."""
    job_id = at(client, state)
    doorbell.rings.clear()
    assert janitor.sweep() == 0
    make_due(client, job_id)
    assert janitor.sweep() == 1
    assert client.record(job_id).state is after
    assert doorbell.rings == [(rung, job_id)]
    assert janitor.sweep() == 0


@pytest.mark.parametrize("state", [State.ACCEPTED, State.PLACED, State.RUNNING, State.WAITING])
def test_a_passed_deadline_ends_a_job(
    janitor: Janitor, client: Client, doorbell: RecordingDoorbell, redis: StoreClient, state: State
) -> None:
    """A job whose deadline passed expires wherever it is, its text goes, and nobody is woken."""
    job_id = at(client, state)
    doorbell.rings.clear()
    make_due(client, job_id, deadline=True)
    janitor.sweep()
    record = client.record(job_id)
    assert (record.state, record.reason) == (State.EXPIRED, "expired")
    assert redis.keys("tg:vault:*") == []
    assert doorbell.rings == []


def test_a_worker_killer_is_poison(janitor: Janitor, client: Client) -> None:
    """The second run that ends with its worker makes a dead letter that says so, and keeps the text for a redrive."""
    job_id = at(client, State.RUNNING)
    make_due(client, job_id)
    janitor.sweep()
    client.ledger.apply(job_id, states.claim(worker="w2", lease_s=10))
    make_due(client, job_id)
    janitor.sweep()
    record = client.record(job_id)
    assert (record.state, record.reason, record.crashes) == (State.DEAD, "poison", 2)
    assert client.vault.get(record.payload or "")


class Late(Ledger):
    """A ledger under which another janitor is always faster by one move."""

    def apply(self, job_id: str, move: Move) -> Applied:
        """Let the other make the same move first."""
        super().apply(job_id, move)
        return super().apply(job_id, move)


def test_two_janitors_move_a_job_once(client: Client, doorbell: RecordingDoorbell, redis: StoreClient) -> None:
    """The slower one's move is refused and it rings nobody."""
    job_id = at(client, State.WAITING)
    doorbell.rings.clear()
    make_due(client, job_id)
    assert keeper(Late(redis), doorbell).sweep() == 1
    assert [event.move for event in client.ledger.history(job_id)].count("retry_due") == 1
    assert doorbell.rings == []


@pytest.mark.parametrize("harm", ["unreadable", "gone"])
def test_one_bad_record_does_not_hold_up_the_others(
    janitor: Janitor, client: Client, redis: StoreClient, doorbell: RecordingDoorbell, harm: str
) -> None:
    """A record that is unreadable or gone is passed over; the job behind it is served."""
    bad, good = at(client, State.PLACED), at(client, State.WAITING, text="y")
    make_due(client, bad)
    make_due(client, good)
    if harm == "gone":
        redis.unlink(f"tg:job:{bad}")
    else:
        redis.hset(f"tg:job:{bad}", "attempts", "many")
    doorbell.rings.clear()
    janitor.sweep()
    assert doorbell.rings == [("local", good)]
    assert client.record(good).state is State.PLACED


def test_a_broker_that_is_away_keeps_nothing_from_moving(
    janitor: Janitor, client: Client, doorbell: RecordingDoorbell
) -> None:
    """Wake-ups that cannot be sent are tried again at the next look; the moves are made."""
    jobs = [at(client, State.WAITING, text=f"{number}") for number in range(3)]
    for job_id in jobs:
        make_due(client, job_id)
    doorbell.broken = True
    janitor.sweep()
    assert {client.record(job_id).state for job_id in jobs} == {State.PLACED}


def test_a_janitor_works_until_it_is_told_to_stop(janitor: Janitor, client: Client) -> None:
    """A running janitor ends a job whose deadline passes under it, and stops when asked."""
    stop = threading.Event()
    thread = threading.Thread(target=janitor.run, args=(stop,))
    thread.start()
    job_id = client.submit({"text": "x", "hints": {"deadline_s": 0.05}})
    try:
        list(client.stream_states(job_id, timeout_s=BOUND_S))
    finally:
        stop.set()
        thread.join(BOUND_S)
    assert client.record(job_id).state is State.EXPIRED
    assert not thread.is_alive()


def test_a_store_that_is_away_is_waited_for(client: Client, doorbell: RecordingDoorbell) -> None:
    """A janitor whose store does not answer goes on trying, and serves it when it is back."""

    class Away(Ledger):
        asked = threading.Event()
        back = threading.Event()

        def due(self, *, limit: int) -> list[str]:
            self.asked.set()
            if not self.back.is_set():
                return Ledger(connections.connect("redis://127.0.0.1:1/0", timeout_s=0.1)).due(limit=limit)
            return super().due(limit=limit)

    ledger, stop = Away(client.ledger.redis), threading.Event()
    thread = threading.Thread(target=keeper(ledger, doorbell).run, args=(stop,))
    thread.start()
    job_id = client.submit({"text": "x", "hints": {"deadline_s": 0.05}})
    try:
        assert ledger.asked.wait(BOUND_S)
        with pytest.raises(ResultTimeout):
            list(client.stream_states(job_id, timeout_s=0.3))
        ledger.back.set()
        list(client.stream_states(job_id, timeout_s=BOUND_S))
    finally:
        stop.set()
        thread.join(BOUND_S)
    assert client.record(job_id).state is State.EXPIRED
