"""Routing on a real store: a payload is opened, inspected, decided on and placed once, whoever else tries."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from celery.exceptions import Reject
from doubles import SECRET, RecordingDoorbell

from router.answers import Answers
from router.budgets import Budgets
from router.circumstances import Circumstances
from router.inspection import Inspector
from router.loads import Loads
from router.placement import Placement, Plan
from router.policy.engine import decide
from router.policy.loader import policy_from
from router.prompts import Prompt, Turn
from router.recorded import Decisions
from router.redaction.redactor import Redactor
from router.shadow import Shadows
from router.signals.conversation import Conversations
from router.signals.overflow import Overflows
from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.views import views
from router.signals.sensitivity.views.view import View
from router.tasks import Routing, register
from tidegate import clearance as clearances
from tidegate import connections, deadletters
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.documents import parse
from tidegate.errors import Reason, SealBroken, StoreUnavailable
from tidegate.job import Job
from tidegate.keys import keyring, signer
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.accounts import Accounts
from tidegate.ledger.census import Census
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger, Step
from tidegate.messaging import celery_app
from tidegate.names import ROUTE_TASK, SUBMIT_TASK
from tidegate.settings import Settings
from tidegate.submission import plain_id
from tidegate.vault import Seals, Vault, digest

BOUND_S = 30.0

POLICY = """
version: 1
name: tests
lanes:
  local: {zone: inside, backend: llama_cpp, model: small, context_tokens: 1024}
  api: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8192}
rules:
  - name: sensitive
    when: {sensitivity: [personal, restricted, unknown]}
    send: local
    why: it stays
  - name: the-rest
    send: [api, local]
    why: it may go
default: {send: local, why: nothing else fits}
"""

HARMLESS = "What is the capital of France?"


class NameDetector:
    """Finds the one name that these tests plant."""

    name = "names"

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
        """Where the name stands."""
        return [Span("PERSON", 0.9, *match.span()) for match in re.finditer("Quillfeather", view.text)]


class BrokenDetector:
    """Fails on everything, quoting what it saw."""

    name = "broken"

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
        """Never finds anything."""
        raise ValueError(view.text)


class Waiting(Inspector):
    """An inspector that meets another one before both go on: two routers in the same place at once."""

    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__(detectors=[NameDetector()], timeout_s=5.0)
        self._barrier = barrier
        self.at_work = threading.Event()

    def inspect(self, job: Job, **given: Any) -> Any:
        """Look, then wait for the other."""
        found = super().inspect(job, **given)
        self.at_work.set()
        self._barrier.wait(BOUND_S)
        return found


@pytest.fixture
def routing(client: Client, settings: Settings, census: Census) -> Any:
    """A router with one detector, a policy of two lanes and one prompt."""
    inspector = Inspector(detectors=[NameDetector()], timeout_s=5.0)
    yield router(client, settings, inspector=inspector)
    inspector.close()


def router(
    client: Client, settings: Settings, *, inspector: Any, ledger: Ledger | None = None, policy: str = POLICY
) -> Routing:
    """A router around this client's store."""
    ready = policy_from(parse(policy), name="tests")
    placement = Placement(
        ledger or client.ledger, client.vault, client.doorbell, signer(settings), nudge_s=settings.nudge_s
    )
    return Routing(
        client=client,
        inspector=inspector,
        prompts={"greet": Prompt(messages=(Turn(role="user", content="Write to ${name}, who lives in Paris."),))},
        loads=Loads(Census(client.ledger.redis), client.ledger.openings, keep_s=0),
        policy=lambda _tenant: ready,
        circumstances=circumstances(client, settings),
        decide=decide,
        redactor=Redactor(inspector=inspector, readings=views),
        placement=placement,
        answers=Answers(
            ledger=ledger or client.ledger,
            vault=client.vault,
            placement=placement,
            inspector=inspector,
            policy=lambda _tenant: ready,
            verifier=lambda: signer(settings).verifier,
        ),
        shadows=Shadows(client.ledger, client.vault, placement, nudge_s=settings.nudge_s),
        decisions=Decisions.opened(client.ledger.redis, settings),
        look_in_s=settings.nudge_s,
    )


def circumstances(client: Client, settings: Settings, *, clock: Callable[[], float] = time.time) -> Circumstances:
    """What is around a job, on this client's store."""
    ring = keyring(settings, Zone.INSIDE)
    return Circumstances(
        budgets=Budgets(Accounts(client.ledger.redis)),
        conversations=Conversations(client.ledger.redis, ring, keep_s=settings.conversation_keep_s),
        overflows=Overflows(client.ledger.redis, dwell_s=settings.overflow_dwell_s),
        draw_key=ring.sealing[1],
        clock=clock,
    )


def in_vault(redis: StoreClient, kind: str) -> list[str]:
    """The vault's slots of one kind."""
    return sorted(key.decode().removeprefix("tg:vault:") for key in redis.keys(f"tg:vault:*:{kind}:*"))


def test_a_harmless_job_is_cleared_for_its_lanes(
    routing: Routing, client: Client, redis: StoreClient, doorbell: RecordingDoorbell, settings: Settings
) -> None:
    """A job that may leave is placed outside with a copy for the outside and a clearance that verifies for just it."""
    job_id = client.submit({"text": HARMLESS})
    routing.route(job_id)
    record = client.record(job_id)
    assert (record.state, record.lane, record.zone) == (State.PLACED, "api", "outside")
    assert doorbell.rings == [("router", job_id), ("api", job_id)]
    clearance = clearances.verified(record.clearance, signer(settings).verifier)
    assert record.outside is not None
    assert (clearance.job_id, clearance.slot, clearance.lanes) == (job_id, record.outside, ("api",))
    assert clearance.digest == digest(client.vault.envelope(record.outside))
    assert clearance.expires_at == record.deadline_at
    outside = Vault(redis, Seals({Zone.OUTSIDE: keyring(settings, Zone.OUTSIDE)}))
    assert Job.from_json(outside.get(record.outside)).text == HARMLESS
    with pytest.raises(SealBroken):
        outside.get(record.payload or "")


@pytest.mark.parametrize(
    ("text", "asked", "lane", "zone", "cleared"),
    [
        (HARMLESS, "local", "local", "inside", ("api",)),
        (HARMLESS, "elsewhere", "api", "outside", ("api",)),
        (SECRET, "api", "local", "inside", ()),
    ],
)
def test_a_redrive_to_a_lane_takes_it_where_the_policy_allows(
    routing: Routing, client: Client, *, text: str, asked: str, lane: str, zone: str, cleared: tuple[str, ...]
) -> None:
    """An operator's order chooses among the lanes that the job may take: no order takes a sensitive one outside."""
    job_id = client.submit({"text": text})
    client.ledger.apply(job_id, states.die(reason=Reason.TIMEOUT, cause="", sources=frozenset({State.ACCEPTED})))
    deadletters.redrive(client.ledger, client.doorbell, client.record(job_id), by="op", lane=asked)
    routing.route(job_id)
    record = client.record(job_id)
    assert (record.state, record.lane, record.zone) == (State.PLACED, lane, zone)
    assert record.decided is not None
    assert record.decided.cleared == cleared
    assert (record.clearance is not None) == bool(cleared)


def test_the_decision_is_on_record(routing: Routing, client: Client) -> None:
    """Policy version, rule, lanes and signals are on record for each job; its text is not."""
    job_id = client.submit({"text": SECRET})
    routing.route(job_id)
    record = client.record(job_id)
    decided = record.decided
    assert decided is not None
    assert (decided.rule, decided.lanes, decided.cleared) == ("sensitive", ("local",), ())
    assert decided.policy.startswith("tests@")
    assert decided.signals.sensitivity.types == ("PERSON",)
    said = record.to_json() + repr(client.ledger.history(job_id))
    assert "Quillfeather" not in said


@pytest.mark.parametrize(
    "job",
    [
        {"text": SECRET},
        {"text": HARMLESS, "hints": {"min_sensitivity": "personal"}},
        {"messages": [{"role": "user", "content": HARMLESS}, {"role": "assistant", "content": SECRET}]},
        {"prompt": {"name": "greet", "variables": {"name": "Mrs Quillfeather"}}},
    ],
    ids=["found", "hinted", "in a turn", "in a variable"],
)
def test_what_is_sensitive_gets_no_outside_copy(
    routing: Routing, client: Client, redis: StoreClient, job: dict[str, Any]
) -> None:
    """A sensitive job is placed inside; nothing is sealed for the outside and nothing signed."""
    job_id = client.submit(job)
    routing.route(job_id)
    record = client.record(job_id)
    assert (record.lane, record.zone, record.outside, record.clearance) == ("local", "inside", None, None)
    assert in_vault(redis, "outside") == []


def test_what_cannot_be_judged_stays_inside(client: Client, settings: Settings, redis: StoreClient) -> None:
    """A detector that fails means inside, with the cause on record and without what the detector said."""
    job_id = client.submit({"text": HARMLESS})
    inspector = Inspector(detectors=[BrokenDetector()], timeout_s=5.0)
    router(client, settings, inspector=inspector).route(job_id)
    inspector.close()
    record = client.record(job_id)
    assert record.lane == "local"
    assert in_vault(redis, "outside") == []
    assert record.decided is not None
    assert record.decided.signals.sensitivity.cause == "broken: ValueError"
    assert "capital" not in record.to_json()


def test_a_prompt_is_filled_in_before_it_is_placed(routing: Routing, client: Client, redis: StoreClient) -> None:
    """The payload that a worker reads carries messages instead of a prompt's name; the first payload is gone."""
    job_id = client.submit({"prompt": {"name": "greet", "variables": {"name": "Ada"}}})
    before = client.record(job_id).payload
    routing.route(job_id)
    record = client.record(job_id)
    assert record.payload != before
    assert in_vault(redis, "payload") == [record.payload]
    for slot in (record.payload, record.outside):
        job = Job.from_json(client.vault.get(slot or ""))
        assert [turn.text for turn in job.turns()] == ["Write to Ada, who lives in Paris."]
        assert job.prompt is None


def test_an_unresolved_payload_is_kept_as_it_is(routing: Routing, client: Client, redis: StoreClient) -> None:
    """A job without a prompt keeps the payload that was accepted: nothing is sealed anew for the inside."""
    job_id = client.submit({"text": SECRET})
    before = in_vault(redis, "payload")
    routing.route(job_id)
    assert in_vault(redis, "payload") == before


def test_a_payload_that_is_no_job_is_malformed(routing: Routing, client: Client) -> None:
    """What came by message and is no job becomes a dead letter that names fields of ours and nobody's text."""
    body = {"text": "x", "params": {"max_tokens": 0, SECRET: 1}, "hints": {"latency": SECRET}}
    client.take_in_malformed("m-1", json.dumps(body).encode())
    routing.route("m-1")
    record = client.record("m-1")
    assert (record.state, record.reason) == (State.DEAD, "malformed")
    assert record.cause is not None
    assert "params.max_tokens: " in record.cause
    assert "hints.latency: " in record.cause
    assert "Quillfeather" not in record.to_json() + repr(client.ledger.history("m-1"))


def test_a_cause_is_no_longer_than_anybody_reads(routing: Routing, client: Client) -> None:
    """Thousands of wrong items do not make a record of megabytes."""
    client.take_in_malformed("m-1", json.dumps({"messages": [{"role": 1}] * 5000}).encode())
    routing.route("m-1")
    record = client.record("m-1")
    assert record.reason == "malformed"
    assert "messages[0].role: " in (record.cause or "")
    assert len(record.to_json()) < 5000


@pytest.mark.parametrize(
    ("prompt", "field"),
    [
        ({"name": "grett"}, "prompt.name"),
        ({"name": "greet"}, "prompt.variables.name"),
        ({"name": "greet", "variables": {"name": "Ada", SECRET: "x"}}, "prompt.variables"),
    ],
    ids=["unknown", "missing variable", "surplus variable"],
)
def test_a_prompt_that_does_not_fit_is_malformed(
    routing: Routing, client: Client, prompt: dict[str, Any], field: str
) -> None:
    """A prompt reference that cannot be resolved is a dead letter that names the field."""
    job_id = client.submit({"prompt": prompt})
    routing.route(job_id)
    record = client.record(job_id)
    assert record.reason == "malformed"
    assert f"{field}: " in (record.cause or "")
    assert "Quillfeather" not in record.to_json()


@pytest.mark.parametrize("harm", ["gone", "edited", "another job's"])
def test_a_payload_that_cannot_be_opened_ends_the_job(
    routing: Routing, client: Client, redis: StoreClient, harm: str
) -> None:
    """A payload that is gone, edited or moved from another job's slot is a dead letter that says so."""
    job_id, other = client.submit({"text": HARMLESS}), client.submit({"text": SECRET})
    slot, others = client.record(job_id).payload or "", client.record(other).payload or ""
    harms: dict[str, Callable[[], object]] = {
        "gone": lambda: client.vault.drop(slot),
        "edited": lambda: redis.setrange(f"tg:vault:{slot}", 40, b"\x00\x00\x00\x00"),
        "another job's": lambda: redis.set(f"tg:vault:{slot}", client.vault.envelope(others)),
    }
    harms[harm]()
    routing.route(job_id)
    assert client.record(job_id).reason == "payload_missing"


def test_a_job_that_fits_no_lane_says_so(routing: Routing, client: Client) -> None:
    """A sensitive job that no lane inside can hold is a dead letter with the reason, and its decision on record."""
    job_id = client.submit({"text": f"{SECRET} " * 200})
    routing.route(job_id)
    record = client.record(job_id)
    assert (record.state, record.reason, record.lane) == (State.DEAD, "context_overflow", None)
    assert record.decided is not None
    assert record.decided.lanes == ()


def test_a_bug_in_the_router_is_a_dead_letter(routing: Routing, client: Client) -> None:
    """Whatever else goes wrong while a job is routed ends it with the error's class and nothing more."""
    job_id = client.submit({"text": SECRET})

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError(SECRET)

    replace(routing, decide=broken).route(job_id)
    record = client.record(job_id)
    assert (record.reason, record.cause) == ("routing_failed", "the router failed with ZeroDivisionError")


@pytest.mark.parametrize("prompted", [False, True], ids=["text", "prompt"])
def test_two_routers_place_a_job_once(
    client: Client, settings: Settings, redis: StoreClient, doorbell: RecordingDoorbell, *, prompted: bool
) -> None:
    """A router is so slow that a second one is sent for its job: one placement counts, the other leaves nothing."""
    job = {"prompt": {"name": "greet", "variables": {"name": "Ada"}}} if prompted else {"text": HARMLESS}
    job_id = client.submit(job)
    inspector = Waiting(threading.Barrier(2))
    two = [router(client, settings, inspector=inspector) for _ in range(2)]
    threads = [threading.Thread(target=one.route, args=(job_id,)) for one in two]
    threads[0].start()
    assert inspector.at_work.wait(BOUND_S)
    nudge(client, job_id)
    threads[1].start()
    for thread in threads:
        thread.join(BOUND_S)
    inspector.close()
    record = client.record(job_id)
    assert [event.move for event in client.ledger.history(job_id)] == ["accepted", "nudged", "placed"]
    assert in_vault(redis, "outside") == [record.outside]
    assert in_vault(redis, "payload") == [record.payload]
    assert doorbell.rings.count(("api", job_id)) == 1
    assert Job.from_json(client.vault.get(record.outside or "")).turns()


class Forgetful(Ledger):
    """A ledger whose first answer to a placement is lost, and by the second asking the job has moved on."""

    def apply_all(self, steps: Sequence[Step]) -> Any:
        """Make the moves, let something follow, and ask once more."""
        super().apply_all(steps)
        for step in steps:
            after = super().get(step.job_id)
            self.redis.hset(f"tg:job:{step.job_id}", mapping={"move": "a later one", "rev": after.rev + 1})
        return super().apply_all(steps)


def test_a_lost_answer_of_the_store_loses_no_payload(client: Client, settings: Settings, redis: StoreClient) -> None:
    """A router that takes its own placement for another's does not remove what the record points to."""
    job_id = client.submit({"prompt": {"name": "greet", "variables": {"name": "Ada"}}})
    inspector = Inspector(detectors=[NameDetector()], timeout_s=5.0)
    router(client, settings, inspector=inspector, ledger=Forgetful(redis)).route(job_id)
    inspector.close()
    record = client.record(job_id)
    assert record.state is State.PLACED
    for slot in (record.payload, record.outside):
        assert Job.from_json(client.vault.get(slot or "")).turns()


@pytest.mark.parametrize("name", ["carry_out", "refuse"])
def test_a_job_cancelled_meanwhile_stays_cancelled(
    routing: Routing, client: Client, redis: StoreClient, name: str
) -> None:
    """A job that ends while a router looks at it is not placed or refused any more, and nothing is left of it."""
    job_id = client.submit({"text": HARMLESS} if name == "carry_out" else {"prompt": {"name": "grett"}})
    act = getattr(routing.placement, name)

    def cancelled_first(*args: Any, **given: Any) -> Any:
        client.cancel(job_id)
        return act(*args, **given)

    setattr(routing.placement, name, cancelled_first)
    routing.route(job_id)
    assert client.record(job_id).state is State.CANCELLED
    assert redis.keys("tg:vault:*") == []


def test_a_decision_of_a_former_life_is_not_placed(
    routing: Routing, client: Client, redis: StoreClient, doorbell: RecordingDoorbell
) -> None:
    """A job that died and was redriven while a router thought about it waits for a decision of its new life."""
    job_id = client.submit({"text": HARMLESS})
    carry_out = routing.placement.carry_out

    def redriven_first(plans: Sequence[Plan]) -> Any:
        died = states.die(reason=Reason.MANUAL, cause="c", sources=frozenset({State.ACCEPTED}))
        client.ledger.apply(job_id, died)
        deadletters.redrive(client.ledger, doorbell, client.record(job_id), by="op")
        return carry_out(plans)

    routing.placement.carry_out = redriven_first  # type: ignore[method-assign]
    routing.route(job_id)
    assert client.record(job_id).state is State.ACCEPTED
    assert in_vault(redis, "outside") == []


@pytest.mark.parametrize("change", [Client.cancel, lambda client, job_id: client.ledger.redis.flushdb()])
def test_what_is_not_accepted_any_more_is_left_alone(
    routing: Routing, client: Client, doorbell: RecordingDoorbell, change: Callable[[Client, str], object]
) -> None:
    """A wake-up about a job that has ended, or that nobody knows, does nothing."""
    job_id = client.submit({"text": HARMLESS})
    change(client, job_id)
    routing.route(job_id)
    assert doorbell.rings == [("router", job_id)]


def test_a_store_that_is_away_delays_routing(routing: Routing, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A router whose store does not answer leaves the job as it is; the janitor will ring again."""
    job_id = client.submit({"text": HARMLESS})
    away = Ledger(connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2))
    with monkeypatch.context() as patched:
        patched.setattr(client, "ledger", away)
        routing.route(job_id)
        patched.undo()
        patched.setattr(routing.placement, "_ledger", away)
        routing.route(job_id)
    assert client.record(job_id).state is State.ACCEPTED
    nudge(client, job_id)
    routing.route(job_id)
    assert client.record(job_id).state is State.PLACED


def nudge(client: Client, job_id: str) -> None:
    """What the janitor does with a job that a router took from the intake and did not place."""
    record = client.record(job_id)
    client.ledger.apply(job_id, states.nudge(state=State.ACCEPTED, rev=record.rev, nudges=1, nudge_s=10.0))


def test_a_broker_that_is_away_delays_nothing_but_the_wake_up(
    routing: Routing, client: Client, doorbell: RecordingDoorbell
) -> None:
    """Where the lane's worker cannot be woken, the placement stands and the janitor rings later."""
    job_id = client.submit({"text": HARMLESS})
    doorbell.broken = True
    routing.route(job_id)
    assert client.record(job_id).state is State.PLACED


@pytest.mark.parametrize("job", [{"text": HARMLESS}, json.dumps({"text": HARMLESS})], ids=["mapping", "json"])
def test_a_job_that_came_by_message_is_on_record(routing: Routing, client: Client, job: Any) -> None:
    """A message that holds a job is taken in under its own id, once."""
    routing.submit("m-1", job)
    routing.submit("m-1", job)
    routing.submit("m-1", {"text": "another"})
    routing.submit("m-1", {"text": ""})
    assert client.record("m-1").state is State.ACCEPTED
    routing.route("m-1")
    record = client.record("m-1")
    assert Job.from_json(client.vault.get(record.payload or "")).text == HARMLESS


@pytest.mark.parametrize("job", [{"text": SECRET, "v": 2}, SECRET, [SECRET], None, {"text": SECRET * 9}], ids=repr)
def test_what_came_by_message_and_is_no_job_is_a_dead_letter(routing: Routing, client: Client, job: Any) -> None:
    """Its sender finds a dead letter under the message's id; the text is nowhere but sealed in the vault."""
    client._settings = client._settings.model_copy(update={"max_job_bytes": 200})
    routing.submit("m-1", job)
    routing.route("m-1")
    record = client.record("m-1")
    assert (record.state, record.reason) == (State.DEAD, "malformed")
    assert "Quillfeather" not in record.to_json() + repr(client.ledger.history("m-1"))


def test_a_message_is_kept_until_its_job_is_on_record(
    routing: Routing, client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the store does not answer, the message goes back to its queue: the text exists nowhere else."""
    monkeypatch.setattr("router.tasks.PATIENCE_S", 0.0)
    app = celery_app(settings, connections.addresses(settings))
    register(app, routing)
    task = app.tasks[SUBMIT_TASK]
    assert task.acks_late

    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("away")

    for name, job in (("take_in", {"text": HARMLESS}), ("take_in_malformed", {"text": ""})):
        with monkeypatch.context() as patched:
            patched.setattr(client, name, away)
            with pytest.raises(Reject) as caught:
                called(task, "m-1", job)
        assert caught.value.requeue is True
    assert called(task, "m-1", {"text": HARMLESS}) == {"job_id": "m-1"}
    app.tasks[ROUTE_TASK]("m-1")
    assert client.record("m-1").state is State.PLACED


def test_a_message_s_id_that_could_not_stand_in_a_key_is_hashed(
    routing: Routing, client: Client, settings: Settings
) -> None:
    """An id with blanks, colons or somebody's name becomes a plain one, the same each time, told to the sender."""
    app = celery_app(settings, connections.addresses(settings))
    register(app, routing)
    for _ in range(2):
        told = called(app.tasks[SUBMIT_TASK], f"{SECRET}:history", {"text": HARMLESS})
        assert told == {"job_id": plain_id(f"{SECRET}:history")}
        assert client.record(told["job_id"]).state is State.ACCEPTED
    assert len(told["job_id"]) == 32


def called(task: Any, task_id: str, job: Any) -> Any:
    """Run a task as a worker does that received its message."""
    task.push_request(id=task_id)
    try:
        return task.run(job)
    finally:
        task.pop_request()
