"""One run of a job on a real store, with a backend that does as the test says: lease, guard, outcomes, zombies."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from doubles import SECRET, RecordingDoorbell, ScriptedBackend, answer, decision, lane

from router.placement import Placement
from tidegate import clearance as clearances
from tidegate import connections, deadletters
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import (
    ContentRefused,
    ContextOverflow,
    JobFailed,
    NetworkFailed,
    QuotaExhausted,
    RateLimited,
    Reason,
    RunTimedOut,
    SealBroken,
    StoreUnavailable,
)
from tidegate.job import FunctionCall, Job, ToolCall
from tidegate.keys import keyring, signer
from tidegate.lane import Lane, Zone
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.states import Move, State
from tidegate.ledger.store import Applied, Ledger
from tidegate.messaging import celery_app
from tidegate.names import RUN_TASK
from tidegate.price import Price
from tidegate.result import Answer, OtherToken, TokenLogprob
from tidegate.settings import Settings, load
from tidegate.vault import Seals, Vault, digest
from workers.backend import Run
from workers.lease import Leases
from workers.outcomes import Outcomes
from workers.tasks import Running, register

BOUND_S = 30.0
"""Longer than anything here takes; a wait that reaches it has failed."""

LOCAL, LARGE, API = lane("local"), lane("large"), lane("api", zone=Zone.OUTSIDE, price=Price(input_usd=1, output_usd=2))
LANES = {one.name: one for one in (LOCAL, LARGE, API)}

Said = Callable[[Run, threading.Event], Answer]


@dataclass
class Bench:
    """A client, a router's placement, and workers of either zone on one store."""

    client: Client
    settings: Settings
    doorbell: RecordingDoorbell
    backends: list[ScriptedBackend] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        """The one ledger."""
        return self.client.ledger

    def place(self, *lanes: str, cleared: tuple[str, ...] = (), job: Job | None = None) -> str:
        """Submit a job and put it on the first of these lanes, as the router does."""
        job = job or Job(text=SECRET)
        job_id = self.client.submit(job)
        placement = Placement(
            self.ledger, self.client.vault, self.doorbell, signer(self.settings), nudge_s=self.settings.nudge_s
        )
        placement.place(self.client.record(job_id), job, decision(*lanes, cleared=cleared), rewritten=False)
        self.doorbell.rings.clear()
        return job_id

    def worker(
        self,
        said: Said,
        *,
        zone: Zone = Zone.INSIDE,
        lease_s: float = 30.0,
        ledger: Ledger | None = None,
        name: str = "w1",
        **lanes: Lane,
    ) -> Running:
        """A worker that holds the keys of its zone only."""
        ledger = ledger or self.ledger
        backend = ScriptedBackend(said)
        self.backends.append(backend)
        return Running(
            name=name,
            ledger=ledger,
            vault=Vault(ledger.redis, Seals({zone: keyring(self.settings, zone)})),
            outcomes=Outcomes(ledger, self.doorbell, nudge_s=self.settings.nudge_s),
            leases=Leases(ledger, lease_s=lease_s),
            verifier=lambda: signer(self.settings).verifier,
            lanes={key: one for key, one in {**LANES, **lanes}.items() if one.zone is zone},
            backend=lambda _lane: backend,
            result_keep_s=600,
        )

    @property
    def calls(self) -> int:
        """How often any backend was called."""
        return sum(len(backend.runs) for backend in self.backends)

    def calls_for(self, job_id: str) -> int:
        """How often for this job: the others of its lane are run after it."""
        return sum(run.job_id == job_id for backend in self.backends for run in backend.runs)


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Bench:
    """A bench on an empty store."""
    return Bench(client, settings, doorbell)


def says(text: str = "positive", **changes: Any) -> Said:
    """A backend that answers."""
    return lambda _run, _stop: answer(text, **changes)


def fails(error: Exception) -> Said:
    """A backend that fails."""

    def failing(_run: Run, _stop: threading.Event) -> Answer:
        raise error

    return failing


def in_vault(redis: StoreClient, kind: str) -> list[str]:
    """The vault's slots of one kind."""
    return [key.decode() for key in redis.keys(f"tg:vault:*:{kind}:*")]


def test_an_inside_run_succeeds(bench: Bench, redis: StoreClient) -> None:
    """A job's answer is sealed, on record and free of charge; its payload is gone."""
    job_id = bench.place("local")
    bench.worker(says()).run(job_id)
    result = bench.client.result(job_id, timeout_s=0)
    assert (result.text, result.lane, result.zone, result.attempts) == ("positive", "local", Zone.INSIDE, 1)
    assert result.cost_usd == 0.0
    assert result.timings.queued_s >= 0
    assert result.timings.total_s >= result.timings.run_s >= 0
    record = bench.client.record(job_id)
    assert (record.state, record.model, record.cost_usd) == (State.SUCCEEDED, "local-model", 0.0)
    assert in_vault(redis, "payload") == []


def test_calls_and_log_probabilities_come_with_the_result(bench: Bench) -> None:
    """What a model asks for and how likely its words were reach the producer sealed, and no record."""
    call = ToolCall(id="abcdefghi", function=FunctionCall(name="look", arguments='{"at": "home"}'))
    told = (TokenLogprob(token="home", logprob=-0.5, top_logprobs=(OtherToken(token="away", logprob=-1.5),)),)
    job_id = bench.place("local")
    bench.worker(says("", finish_reason="tool_calls", tool_calls=(call,), logprobs=told)).run(job_id)
    result = bench.client.result(job_id, timeout_s=0)
    assert (result.finish_reason, result.tool_calls, result.logprobs) == ("tool_calls", (call,), told)
    assert "home" not in bench.client.record(job_id).to_json()


def test_an_outside_run_reads_the_cleared_copy_only(bench: Bench, redis: StoreClient) -> None:
    """A managed worker runs a cleared job with the outside key alone, at its lane's price."""
    job_id = bench.place("api", cleared=("api",))
    bench.worker(says(), zone=Zone.OUTSIDE).run(job_id)
    result = bench.client.result(job_id, timeout_s=0)
    assert result.zone is Zone.OUTSIDE
    assert result.cost_usd == pytest.approx((9 * 1 + 3 * 2) / 1e6)
    assert bench.backends[0].runs[0].messages[0].text == SECRET
    assert in_vault(redis, "outside") == in_vault(redis, "payload") == []


def test_a_run_knows_its_time(bench: Bench) -> None:
    """A run may take the lane's limit or what is left of the deadline, whichever is less."""
    short = bench.place("local", job=Job.from_json('{"text":"x","hints":{"deadline_s":30}}'))
    long = bench.place("local")
    worker = bench.worker(says())
    worker.run(short)
    worker.run(long)
    assert 0 < bench.backends[0].runs[0].timeout_s <= 30
    assert bench.backends[0].runs[1].timeout_s == LOCAL.timeout_s


FAILURES: dict[str, tuple[Exception, tuple[str, ...], dict[str, Any], list[str]]] = {
    "retry": (RateLimited(), ("local", "large"), {"state": State.WAITING, "lane": "local", "tries": 1}, []),
    "retry after what nobody foresaw": (ValueError(SECRET), ("local",), {"state": State.WAITING, "tries": 1}, []),
    "next lane at once": (
        ContextOverflow("too long"),
        ("local", "large"),
        {"state": State.PLACED, "lane": "large", "zone": "inside", "tries": 0},
        ["large"],
    ),
    "next lane outside": (
        QuotaExhausted("no credit"),
        ("local", "api"),
        {"state": State.PLACED, "lane": "api", "zone": "outside"},
        ["api"],
    ),
    "no lane left": (
        ContextOverflow("too long"),
        ("local",),
        {"state": State.DEAD, "reason": "context_overflow", "cause": "ContextOverflow on local: too long"},
        [],
    ),
    "dead at once": (
        ContentRefused("declined"),
        ("local", "large"),
        {"state": State.DEAD, "reason": "content_refused", "cause": "ContentRefused on local: declined"},
        [],
    ),
}


@pytest.mark.parametrize(("error", "lanes", "expected", "rings"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_followed_as_the_table_says(
    bench: Bench,
    *,
    error: Exception,
    lanes: tuple[str, ...],
    expected: dict[str, Any],
    rings: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    """State, lane, reason and wake-up fit the table, and no text is in record, history or log."""
    job_id = bench.place(*lanes, cleared=("api",) if "api" in lanes else ())
    bench.worker(fails(error)).run(job_id)
    record = bench.client.record(job_id)
    assert {name: getattr(record, name) for name in expected} == expected
    assert bench.doorbell.rings == [(lane, job_id) for lane in rings]
    said = record.to_json() + repr(bench.ledger.history(job_id)) + "".join(capfd.readouterr())
    assert "Quillfeather" not in said
    assert type(error).__name__ in said


def test_a_lane_gives_up_after_its_tries(bench: Bench) -> None:
    """The last try on a lane is followed by the next lane, where counting begins anew, and then by the end."""
    job_id = bench.place("local", "large")
    worker = bench.worker(fails(NetworkFailed("no route")))
    seen = []
    for _ in range(4):
        worker.run(job_id)
        record = bench.client.record(job_id)
        seen.append((record.state.value, record.lane, record.tries, record.attempts))
        if record.state is State.WAITING:
            bench.ledger.apply(job_id, states.release(rev=record.rev, nudge_s=1))
    assert seen == [
        ("waiting", "local", 1, 1),
        ("placed", "large", 0, 2),
        ("waiting", "large", 1, 3),
        ("dead", "large", 1, 4),
    ]
    assert bench.client.record(job_id).reason == "max_attempts"


def test_a_retry_past_the_deadline_is_not_waited_for(bench: Bench) -> None:
    """A provider that asks for more time than is left: the job ends as timed out instead of waiting in vain."""
    job_id = bench.place("local", job=Job.from_json('{"text":"x","hints":{"deadline_s":20}}'))
    bench.worker(fails(RateLimited(retry_after_s=100.0))).run(job_id)
    assert bench.client.record(job_id).reason == "timeout"


def test_a_redriven_letter_can_succeed(bench: Bench) -> None:
    """A dead letter that is redriven and placed anew runs with its old payload and succeeds."""
    job_id = bench.place("api", cleared=("api",))
    bench.worker(fails(QuotaExhausted("no credit")), zone=Zone.OUTSIDE).run(job_id)
    deadletters.redrive(bench.ledger, bench.doorbell, bench.client.record(job_id), by="op")
    assert bench.doorbell.rings == [("router", job_id)]
    record = bench.client.record(job_id)
    placement = Placement(bench.ledger, bench.client.vault, bench.doorbell, signer(bench.settings), nudge_s=1)
    job = Job.from_json(bench.client.vault.get(record.payload or ""))
    placement.place(record, job, decision("local"), rewritten=False)
    bench.worker(says()).run(job_id)
    assert bench.client.result(job_id, timeout_s=0).attempts == 1
    assert bench.client.record(job_id).redrives == 1


def test_a_wake_up_that_comes_twice_runs_once(bench: Bench) -> None:
    """The second message about a job finds it taken, or ended, and does nothing."""
    job_id = bench.place("local")
    other = bench.worker(says("second"), name="w2")

    def says_while_rung_again(_run: Run, _stop: threading.Event) -> Answer:
        other.run(job_id)
        return answer("first")

    first = bench.worker(says_while_rung_again)
    first.run(job_id)
    first.run(job_id)
    assert bench.client.result(job_id, timeout_s=0).text == "first"
    assert bench.calls == 1


@pytest.mark.parametrize("where", ["nowhere", "another zone's lane", "intake"])
def test_what_is_not_ours_is_left_alone(bench: Bench, where: str) -> None:
    """A job that is unknown, not placed, or on a lane that this worker does not serve stays as it is."""
    submit: dict[str, Callable[[], str]] = {
        "nowhere": lambda: "nobody",
        "another zone's lane": lambda: bench.place("api", cleared=("api",)),
        "intake": lambda: bench.client.submit({"text": "x"}),
    }
    job_id = submit[where]()
    before = bench.client.record(job_id) if where != "nowhere" else None
    bench.worker(says()).run(job_id)
    assert bench.calls == 0
    assert before is None or bench.client.record(job_id) == before


def test_a_job_that_changed_lanes_is_not_run_on_the_old_one(bench: Bench) -> None:
    """A wake-up for a lane that the job has left finds nothing to run there."""
    job_id = bench.place("local", "large")
    bench.worker(fails(ContextOverflow("too long")), name="w2").run(job_id)
    bench.worker(says()).run(job_id, lane="local")
    assert bench.backends[-1].runs == []
    record = bench.client.record(job_id)
    assert (record.state, record.lane) == (State.PLACED, "large")


def test_a_worker_that_leaves_hands_back(bench: Bench) -> None:
    """A run that is told to stop because its process leaves goes back to its lane, and counts as no crash."""
    job_id = bench.place("local")
    running = threading.Event()
    told: list[bool] = []

    def until_stopped(_run: Run, stop: threading.Event) -> Answer:
        running.set()
        told.append(stop.wait(BOUND_S))
        raise RunTimedOut("stopped")

    worker = bench.worker(until_stopped)
    thread = threading.Thread(target=worker.run, args=(job_id,))
    thread.start()
    assert running.wait(BOUND_S)
    worker.leases.give_up()
    thread.join(BOUND_S)
    assert told == [True]
    record = bench.client.record(job_id)
    assert (record.state, record.lane, record.tries, record.crashes) == (State.PLACED, "local", 0, 0)
    assert bench.doorbell.rings == [("local", job_id)]
    assert bench.ledger.history(job_id)[-1].move == "handed_back"


def test_an_answer_counts_even_while_leaving(bench: Bench) -> None:
    """A run that ends with an answer after its process was told to go is a success all the same."""
    job_id = bench.place("local")
    holder: list[Running] = []

    def leaving(_run: Run, stop: threading.Event) -> Answer:
        holder[0].leases.give_up()
        assert stop.is_set()
        return answer("just in time")

    holder.append(bench.worker(leaving))
    holder[0].run(job_id)
    assert bench.client.result(job_id, timeout_s=0).text == "just in time"


def test_a_claim_while_leaving_is_told_to_stop(bench: Bench) -> None:
    """A run whose process was told to go between its claim and its lease sees its stop set from the first moment."""
    leases = bench.worker(says("never")).leases
    leases.give_up()
    with leases.hold("a", fence=1) as lease:
        assert lease.stop.is_set()


def test_a_lease_is_renewed_while_a_run_works(bench: Bench) -> None:
    """A run that takes longer than its lease keeps it: the janitor's time to look moves on."""
    job_id = bench.place("local")

    def until_renewed_twice(_run: Run, stop: threading.Event) -> Answer:
        rev = bench.client.record(job_id).rev
        for _ in range(200):
            if bench.client.record(job_id).rev >= rev + 2:
                return answer()
            assert not stop.wait(0.05)
        raise AssertionError("the lease was never renewed")

    bench.worker(until_renewed_twice, lease_s=0.3).run(job_id)
    assert bench.client.record(job_id).state is State.SUCCEEDED


@pytest.mark.parametrize("answers", [False, True], ids=["fails", "answers"])
def test_a_lost_lease_writes_nothing(bench: Bench, redis: StoreClient, *, answers: bool) -> None:
    """A job that is cancelled under a run tells the run to stop; whatever it then does leaves no trace."""
    job_id = bench.place("local", "large")
    told: list[bool] = []

    def cancelled_meanwhile(_run: Run, stop: threading.Event) -> Answer:
        bench.client.cancel(job_id)
        told.append(stop.wait(BOUND_S))
        if answers:
            return answer("too late")
        raise RunTimedOut("stopped")

    bench.worker(cancelled_meanwhile, lease_s=0.3).run(job_id)
    assert told == [True]
    assert bench.ledger.history(job_id)[-1].move == "cancelled"
    assert bench.doorbell.rings == []
    assert in_vault(redis, "result") == []
    with pytest.raises(JobFailed, match="cancelled"):
        bench.client.result(job_id, timeout_s=0)


def test_a_failure_without_a_lease_is_refused(bench: Bench) -> None:
    """A run whose lease went unnoticed fails: the ledger refuses what would follow, and the successor's state stays."""
    job_id = bench.place("local", "large")

    def lapsed_meanwhile(_run: Run, _stop: threading.Event) -> Answer:
        lapse(bench, job_id)
        worker.leases.leave()  # or this worker would be the one that takes it again
        raise ContentRefused("declined")

    worker = bench.worker(lapsed_meanwhile)
    worker.run(job_id)
    record = bench.client.record(job_id)
    assert (record.state, record.crashes) == (State.PLACED, 1)


def test_a_worker_that_leaves_takes_nothing_and_passes_the_wake_up_on(bench: Bench) -> None:
    """A message that reached it on its way out is for who stays: no run begins that would be handed back."""
    job_id = bench.place("local")
    worker = bench.worker(says("never"))
    worker.leases.leave()
    worker.run(job_id)
    assert bench.client.record(job_id).state is State.PLACED
    assert bench.doorbell.rings == [("local", job_id)]


def test_a_zombie_s_result_is_refused_and_dropped(bench: Bench, redis: StoreClient) -> None:
    """A run that slept through its lease comes back with an answer: its successor's counts, and its own is removed."""
    job_id = bench.place("local")
    successor = bench.worker(says("the successor's"), name="w2")

    def sleeps_through(_run: Run, _stop: threading.Event) -> Answer:
        lapse(bench, job_id)
        successor.run(job_id)
        return answer("the zombie's")

    bench.worker(sleeps_through).run(job_id)
    assert bench.client.result(job_id, timeout_s=0).text == "the successor's"
    assert len(in_vault(redis, "result")) == 1
    assert [event.move for event in bench.ledger.history(job_id)].count("succeeded") == 1


class Stammering(Ledger):
    """A ledger whose client loses each answer once and asks again, as redis-py does."""

    def __init__(self, client: StoreClient) -> None:
        super().__init__(client)
        for name in ("run", "run_all"):
            setattr(self._scripts, name, twice(getattr(self._scripts, name)))


def twice(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, made twice."""

    def stammering(*args: Any, **given: Any) -> Any:
        call(*args, **given)
        return call(*args, **given)

    return stammering


@pytest.mark.parametrize("said", [says(), fails(ContextOverflow("too long"))], ids=["answers", "fails"])
def test_a_lost_answer_of_the_store_loses_no_result(bench: Bench, redis: StoreClient, said: Said) -> None:
    """Every answer of the store is lost once: the job ends as if none had been."""
    job_id = bench.place("local")
    bench.worker(said, ledger=Stammering(redis)).run(job_id)
    record = bench.client.record(job_id)
    assert (record.state.ended, record.attempts, record.crashes) == (True, 1, 0)
    if record.state is State.SUCCEEDED:
        assert bench.client.result(job_id, timeout_s=0).text == "positive"


def test_what_fails_after_the_answer_is_a_failure_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug between answer and record ends in the failure table, not in a silent run that looks like a crash."""
    job_id = bench.place("local")

    def broken(*_args: object, **_kwargs: object) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr("workers.finishing.run_cost", broken)
    bench.worker(says()).run(job_id)
    record = bench.client.record(job_id)
    assert (record.state, record.tries) == (State.WAITING, 1)


def test_a_blip_of_the_store_is_a_try_and_no_crash(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that could not be stored is a failed try with a delay, and does not make the job look like poison."""
    job_id = bench.place("local")
    worker = bench.worker(says())

    apply = worker.ledger.apply

    def away(job_id: str, move: Move, **given: Any) -> Applied:
        if move.name == "succeeded":
            raise StoreUnavailable("away")
        return apply(job_id, move, **given)

    with monkeypatch.context() as patched:
        patched.setattr(worker.ledger, "apply", away)
        worker.run(job_id)
    record = bench.client.record(job_id)
    assert (record.state, record.tries, record.crashes) == (State.WAITING, 1, 0)
    bench.ledger.apply(job_id, states.release(rev=record.rev, nudge_s=1))
    worker.run(job_id)
    assert bench.client.result(job_id, timeout_s=0).attempts == 2


def test_a_store_that_goes_away_under_a_run_leaves_it_to_the_janitor(bench: Bench) -> None:
    """Where neither result nor failure can be written, the worker goes on living and the lease lapses."""
    job_id = bench.place("local")
    holder: list[Running] = []

    def loses_the_store(_run: Run, _stop: threading.Event) -> Answer:
        away = connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2)
        holder[0].ledger._scripts._client = holder[0].ledger.redis = holder[0].vault._redis = away
        return answer()

    own = Ledger(connections.connect(connections.addresses(bench.settings).store, timeout_s=5))
    holder.append(bench.worker(loses_the_store, ledger=own))
    holder[0].run(job_id)
    record = bench.client.record(job_id)
    assert (record.state, record.worker) == (State.RUNNING, "w1")


def test_a_store_that_is_away_delays_a_run(bench: Bench, settings: Settings) -> None:
    """A worker whose store does not answer does not fail: the janitor will ring again."""
    job_id = bench.place("local")
    away = Ledger(connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2))
    bench.worker(says(), ledger=away).run(job_id)
    assert bench.client.record(job_id).state is State.PLACED
    assert bench.calls == 0


def lapse(bench: Bench, job_id: str) -> None:
    """What the janitor does when a lease lapsed."""
    record = bench.client.record(job_id)
    crashes = {"crashes": str(record.crashes + 1), "worker": ""}
    bench.ledger.apply(job_id, states.hand_back(rev=record.rev, changes=crashes, nudge_s=1))


def test_a_managed_worker_cannot_open_the_inside_payload(bench: Bench) -> None:
    """Even when it is pointed at it: the outside keyring does not open what is sealed for the inside."""
    job_id = bench.place("api", cleared=("api",))
    worker = bench.worker(says(), zone=Zone.OUTSIDE)
    record = bench.client.record(job_id)
    assert record.payload is not None
    assert record.outside is not None
    with pytest.raises(SealBroken):
        worker.vault.get(record.payload)
    assert SECRET in worker.vault.get(record.outside).decode()


def sign(bench: Bench, record: Record, **changes: Any) -> str:
    """A clearance of the router's own hand, with something changed in it."""
    present = clearances.verified(record.clearance, signer(bench.settings).verifier)
    return clearances.sign(present.model_copy(update=changes), signer(bench.settings))


def edited(bench: Bench, record: Record) -> dict[str, str]:
    """A clearance whose text was edited, under the old signature."""
    return {"clearance": (record.clearance or "").replace('"policy":"default', '"policy":"another')}


def self_signed(bench: Bench, record: Record) -> dict[str, str]:
    """A clearance that somebody else signed."""
    other = signer(load(data=bench.settings.data / "other"))
    present = clearances.verified(record.clearance, signer(bench.settings).verifier)
    return {"clearance": clearances.sign(present, other)}


def pointed_inside(bench: Bench, record: Record) -> dict[str, str]:
    """A record whose outside field names the inside payload, with a clearance to match by the router's own hand."""
    slot = record.payload or ""
    envelope = bench.client.vault.envelope(slot)
    return {"outside": slot, "clearance": sign(bench, record, slot=slot, digest=digest(envelope))}


def resealed(bench: Bench, record: Record) -> dict[str, str]:
    """Another text in the cleared slot, sealed with the right key."""
    assert record.outside is not None
    bench.client.vault.put(record.outside, b'{"text":"another"}', zone=Zone.OUTSIDE, keep_s=60)
    return {}


FORGERIES: dict[str, Callable[[Bench, Record], dict[str, str]]] = {
    "never cleared": lambda _bench, _record: {"outside": "", "clearance": ""},
    "no clearance": lambda _bench, _record: {"clearance": ""},
    "nonsense": lambda _bench, _record: {"clearance": "nonsense"},
    "edited": edited,
    "self-signed": self_signed,
    "another job's": lambda bench, record: {"clearance": sign(bench, record, job_id="b" * 32)},
    "another lane's": lambda bench, record: {"clearance": sign(bench, record, lanes=("other",))},
    "expired": lambda bench, record: {"clearance": sign(bench, record, expires_at=1.0)},
    "another slot's": lambda bench, record: {"clearance": sign(bench, record, slot="other")},
    "another text": resealed,
    "the inside payload": pointed_inside,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_without_a_clearance_nothing_is_called(
    bench: Bench, redis: StoreClient, forge: Callable[[Bench, Record], dict[str, str]]
) -> None:
    """Whatever is forged or missing: a dead letter with reason `no_clearance`, and never a call."""
    job_id = bench.place("api", "local", cleared=("api",))
    for name, value in forge(bench, bench.client.record(job_id)).items():
        redis.hset(f"tg:job:{job_id}", name, value) if value else redis.hdel(f"tg:job:{job_id}", name)
    bench.worker(says(), zone=Zone.OUTSIDE).run(job_id)
    record = bench.client.record(job_id)
    assert (record.state, record.reason) == (State.DEAD, Reason.NO_CLEARANCE.value)
    assert bench.calls == 0
    assert "Quillfeather" not in record.to_json()


def test_a_lane_that_moved_outside_gets_nothing(bench: Bench) -> None:
    """A policy made a lane outside after a job was placed on it inside: the job is not cleared, so it is not run."""
    job_id = bench.place("local")
    moved = lane("local", zone=Zone.OUTSIDE)
    bench.worker(says(), zone=Zone.OUTSIDE, local=moved).run(job_id)
    assert bench.client.record(job_id).reason == "no_clearance"
    assert bench.calls == 0


@pytest.mark.parametrize("harm", ["gone", "edited", "no job"])
def test_a_payload_that_cannot_be_read_ends_the_job(bench: Bench, redis: StoreClient, harm: str) -> None:
    """A payload that is gone, edited or no job is a dead letter that says so, and never a call."""
    job_id = bench.place("local", "large")
    slot = bench.client.record(job_id).payload or ""
    harms: dict[str, Callable[[], object]] = {
        "gone": lambda: bench.client.vault.drop(slot),
        "edited": lambda: redis.setrange(f"tg:vault:{slot}", 40, b"\x00\x00\x00\x00"),
        "no job": lambda: bench.client.vault.put(slot, SECRET.encode(), zone=Zone.INSIDE, keep_s=60),
    }
    harms[harm]()
    bench.worker(says()).run(job_id)
    record = bench.client.record(job_id)
    assert (record.state, record.reason) == (State.DEAD, "payload_missing")
    assert bench.calls == 0
    assert "Quillfeather" not in record.to_json()


def test_a_clearance_survives_a_hop(bench: Bench) -> None:
    """A job that starts inside and moves on to a cleared lane outside runs there with its clearance."""
    job_id = bench.place("local", "api", cleared=("api",))
    bench.worker(fails(ContextOverflow("too long"))).run(job_id)
    bench.worker(says(), zone=Zone.OUTSIDE).run(job_id)
    assert bench.client.result(job_id, timeout_s=0).zone is Zone.OUTSIDE
    assert bench.client.record(job_id).attempts == 2


def test_the_task_is_registered_under_its_name(bench: Bench, settings: Settings) -> None:
    """A process's app knows the task by the name that messages carry, and the task runs the job."""
    app = celery_app(settings, connections.addresses(settings))
    register(app, bench.worker(says()))
    job_id = bench.place("local")
    app.tasks[RUN_TASK](job_id)
    assert bench.client.record(job_id).state is State.SUCCEEDED
