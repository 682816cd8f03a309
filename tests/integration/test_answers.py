"""Answers that a policy wants to see first, on a real store: who may read them when, and what becomes of the others."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from doubles import RecordingDoorbell, ScriptedBackend, answer, lane
from test_routing import router

from router.inspection import Inspector
from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.views.view import View
from router.tasks import Routing
from tidegate import clearance as clearances
from tidegate import deadletters, rotation
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import Conflict, JobFailed, NoClearance, ResultTimeout, SealBroken
from tidegate.job import FunctionCall, Hints, Job, ToolCall
from tidegate.keys import Signer, keyring, signer
from tidegate.lane import Lane, Zone
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.states import State
from tidegate.livekeys import live_signer, own_verifier
from tidegate.result import Answer, OtherToken, TokenLogprob
from tidegate.settings import Settings, load
from tidegate.signals import Level
from tidegate.vault import Seals, Vault, new_slot
from workers.backend import Run
from workers.janitor import Janitor
from workers.lease import Leases
from workers.outcomes import Outcomes
from workers.tasks import Running

pytestmark = pytest.mark.integration

MAIL = "wil.ober@example.org"
HARMLESS = "Who wrote this play?"

POLICY = """
version: 1
name: tests
lanes:
  local: {zone: inside, backend: llama_cpp, model: small, context_tokens: 4096, capabilities: [json, tools]}
  api: {zone: outside, backend: openai, model: gpt-4o, context_tokens: 8192, capabilities: [json, tools]}
rules:
  - name: out
    when: {sensitivity: [public, internal]}
    send: [api, local]
    why: it may go
  - name: redacted
    when: {sensitivity: [personal, restricted]}
    send: api
    redact: true
    why: it may go without its values
guarantees:
  - {name: clean, answers: {at_most: internal}}
default: {send: local, why: nothing else fits}
"""
ALLOWED = POLICY.replace("default:", "allow_outside: [EMAIL_ADDRESS]\ndefault:")
SHADED = POLICY.replace("send: [api, local]", "send: local\n    shadow: api")


@dataclass
class Detector:
    """Finds addresses; or fails, as it is told."""

    fails_on: str | None = None
    name: str = "mails"

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
        """Each place."""
        if self.fails_on is not None and self.fails_on in view.text:
            raise ValueError(view.text)
        return [Span("EMAIL_ADDRESS", 1.0, *match.span()) for match in re.finditer(r"[\w.]+@[\w.]+\w", view.text)]


@dataclass
class Bench:
    """A client, routers, and a worker outside with that zone's keys."""

    client: Client
    settings: Settings
    doorbell: RecordingDoorbell
    inspectors: list[Inspector] = field(default_factory=list)
    backends: list[ScriptedBackend] = field(default_factory=list)

    def router(self, *, policy: str = POLICY, fails_on: str | None = None) -> Routing:
        """A router with a detector of addresses."""
        self.inspectors.append(Inspector(detectors=[Detector(fails_on)], timeout_s=5.0))
        return router(self.client, self.settings, inspector=self.inspectors[-1], policy=policy)

    def answered(self, text: str = "positive", *, job: Job | None = None, policy: str = POLICY, **more: Any) -> Record:
        """A job whose answer has come back from outside, before anybody looked at it."""
        job_id = self.client.submit(job or Job(text=HARMLESS))
        self.router(policy=policy).route(job_id)
        self.run(job_id, lambda _run: answer(text, **more))
        return self.client.record(job_id)

    def run(self, job_id: str, says: Callable[[Run], Answer], *, api: Lane | None = None) -> None:
        """One run on the lane outside."""
        ledger, backend = self.client.ledger, ScriptedBackend(lambda run, _stop: says(run))
        self.backends.append(backend)
        Running(
            name="w",
            ledger=ledger,
            vault=Vault(ledger.redis, Seals({Zone.OUTSIDE: keyring(self.settings, Zone.OUTSIDE)})),
            outcomes=Outcomes(ledger, self.doorbell, nudge_s=self.settings.nudge_s),
            leases=Leases(ledger, lease_s=30.0),
            verifier=lambda: signer(self.settings).verifier,
            lanes={"api": api or lane("api", zone=Zone.OUTSIDE)},
            backend=lambda _: backend,
            result_keep_s=600,
        ).run(job_id)

    def looked_at(self, record: Record, *, policy: str = POLICY, fails_on: str | None = None) -> Record:
        """The job after a router had its turn."""
        self.router(policy=policy, fails_on=fails_on).route(record.id)
        return self.client.record(record.id)

    def kept(self) -> int:
        """How many answers, looked at or not."""
        return self.in_vault("answer") + self.in_vault("result")

    def in_vault(self, kind: str) -> int:
        """How many texts of a kind are kept."""
        return len(self.client.ledger.redis.keys(f"tg:vault:*:{kind}:*"))


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Iterator[Bench]:
    """A bench on an empty store."""
    made = Bench(client, settings, doorbell)
    yield made
    for inspector in made.inspectors:
        inspector.close()


def test_nobody_reads_an_answer_before_a_router_has_looked(bench: Bench) -> None:
    """It is sealed and named by no result; whoever waits for the result waits on. A router is woken for it."""
    record = bench.answered()
    assert (record.state, record.lane, record.result) == (State.ACCEPTED, "api", None)
    assert record.answer is not None
    with pytest.raises(ResultTimeout):
        bench.client.result(record.id, timeout_s=0.2)
    assert bench.doorbell.rings[-1] == ("router", record.id)
    record = bench.looked_at(record)
    assert (record.state, record.answer) == (State.SUCCEEDED, None)
    result = bench.client.result(record.id)
    assert (result.text, result.lane, result.zone, result.attempts) == ("positive", "api", Zone.OUTSIDE, 1)
    assert record.cost_usd == result.cost_usd
    moves = [event.move for event in bench.client.ledger.history(record.id)]
    assert moves == ["accepted", "placed", "claimed", "answered", "approved"]


def _called(text: str) -> dict[str, Any]:
    call = ToolCall(id="1", function=FunctionCall(name="send", arguments=json.dumps({"to": text})))
    return {"tool_calls": (call,), "finish_reason": "tool_calls"}


def _spelled(*tokens: str) -> dict[str, Any]:
    others = tuple(OtherToken(token=token, logprob=-2.0) for token in tokens)
    return {"logprobs": tuple(TokenLogprob(token="x", logprob=-0.1, top_logprobs=(other,)) for other in others)}


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (f"Ask {MAIL}.", {}),
        ("", _called(MAIL)),
        ("nothing", {"model": MAIL}),
        ("nothing", _spelled("wil.ob", "er@exam", "ple.org")),
    ],
    ids=["text", "a call's arguments", "the model's name", "tokens that it did not choose"],
)
def test_an_answer_that_carries_what_it_may_not_is_nobody_s(bench: Bench, text: str, more: dict[str, Any]) -> None:
    """The job is a dead letter that says of which type; the answer is gone from the vault, and stands nowhere."""
    record = bench.looked_at(bench.answered(text, **more))
    assert (record.state, record.reason) == (State.DEAD, "answer_forbidden")
    assert record.cause == "the answer is personal, by EMAIL_ADDRESS; at most internal"
    assert (record.answer, record.result, bench.kept()) == (None, None, 0)
    with pytest.raises(JobFailed, match="answer_forbidden"):
        bench.client.result(record.id)
    history = "".join(event.to_json() for event in bench.client.ledger.history(record.id))
    assert MAIL not in history + record.to_json()


@pytest.mark.parametrize("fails_on", ["positive", ""])
def test_a_detector_that_fails_forbids(bench: Bench, fails_on: str) -> None:
    """Nobody has judged, so nobody may read it."""
    record = bench.looked_at(bench.answered(), fails_on=fails_on)
    assert (record.state, record.reason, bench.kept()) == (State.DEAD, "answer_forbidden", 0)
    assert record.cause == "the answer could not be judged: mails: ValueError"


def test_a_forbidden_answer_s_job_can_be_asked_again(bench: Bench) -> None:
    """Redriving the letter routes the job anew; another answer may do."""
    record = bench.looked_at(bench.answered(MAIL))
    deadletters.redrive(bench.client.ledger, bench.doorbell, record, by="op")
    bench.router().route(record.id)
    bench.run(record.id, lambda _run: answer("clean"))
    bench.looked_at(record)
    assert bench.client.result(record.id).text == "clean"


def test_what_was_declared_harmless_may_come_back(bench: Bench) -> None:
    """A type that may leave may come back, alone; not with something else beside it."""
    assert bench.looked_at(bench.answered(MAIL, policy=ALLOWED), policy=ALLOWED).state is State.SUCCEEDED
    secret = f"{MAIL}, AKIA" + "IOSFODNN7QUEENSX"
    record = bench.answered(secret, policy=ALLOWED)
    inspector = Inspector(detectors=[Detector(), Detector(fails_on="AKIA", name="others")], timeout_s=5.0)
    bench.inspectors.append(inspector)
    router(bench.client, bench.settings, inspector=inspector, policy=ALLOWED).route(record.id)
    assert bench.client.record(record.id).reason == "answer_forbidden"


def test_placeholders_are_no_findings(bench: Bench) -> None:
    """A redacted job's answer is looked at as it came; its values are put back where the producer reads it."""
    record = bench.answered("I wrote to [EMAIL_ADDRESS_1].", job=Job(text=f"Write to {MAIL}."))
    assert record.redacted == {"EMAIL_ADDRESS": 1}
    assert bench.looked_at(record).state is State.SUCCEEDED
    assert bench.client.result(record.id).text == f"I wrote to {MAIL}."


def test_a_redacted_job_s_value_that_comes_back_in_the_clear_is_forbidden(bench: Bench) -> None:
    """However the provider came by it."""
    record = bench.looked_at(bench.answered(f"It is {MAIL}.", job=Job(text=f"Write to {MAIL}.")))
    assert record.reason == "answer_forbidden"
    assert bench.in_vault("placeholders") == 0


def test_answers_from_inside_are_looked_at_by_nobody(bench: Bench) -> None:
    """They have left nobody's hands: the run ends the job as ever."""
    job_id = bench.client.submit(Job(text=f"Ask {MAIL}.", hints=Hints(min_sensitivity=Level.RESTRICTED)))
    bench.router().route(job_id)
    placed = bench.client.record(job_id)
    assert (placed.lane, placed.decided and placed.decided.answers_at_most) == ("local", None)


def test_two_routers_end_it_once(bench: Bench) -> None:
    """The second one's look is refused by the ledger, whatever it saw."""
    record = bench.answered()
    first, second = bench.router(), bench.router(fails_on="positive")
    first.answers.look(record)
    with pytest.raises(Conflict):
        second.answers.look(record)
    assert bench.client.record(record.id).state is State.SUCCEEDED


def test_who_gives_up_meanwhile_gets_nothing(bench: Bench) -> None:
    """A job that is cancelled while its answer waits takes the answer along."""
    record = bench.answered()
    bench.client.cancel(record.id)
    assert bench.kept() == 0
    assert bench.looked_at(record).state is State.CANCELLED


def test_a_router_that_dies_leaves_it_to_the_next(bench: Bench) -> None:
    """The janitor puts the job in line again and rings a router, not the lane that it came from."""
    record = bench.answered()
    ledger = bench.client.ledger
    ledger.line.collect(most=1, most_bytes=1, look_in_s=0.0, woken=True)  # taken, and never placed
    bench.doorbell.rings.clear()
    ledger.redis.zadd("tg:agenda", {record.id: 1.0})
    ledger.redis.hset(f"tg:job:{record.id}", "look_at", "1.0")
    Janitor(ledger=ledger, doorbell=bench.doorbell, nudge_s=1.0, max_crashes=2, period_s=1.0).sweep()
    assert bench.doorbell.rings == [("router", record.id)]
    assert bench.looked_at(record).state is State.SUCCEEDED


@pytest.mark.parametrize("how", ["gone", "edited", "another job's", "foreign"])
def test_an_answer_that_cannot_be_opened_is_forbidden(bench: Bench, redis: StoreClient, how: str) -> None:
    """Whatever lies in its place: the job ends, and says so."""
    other, record = bench.answered("another"), bench.answered()
    changes: dict[str, Callable[[], Any]] = {
        "gone": lambda: redis.delete(f"tg:vault:{record.answer}"),
        "edited": lambda: redis.set(f"tg:vault:{record.answer}", b"tg1.outside.out1.nonsense", ex=60),
        "another job's": lambda: redis.hset(f"tg:job:{record.id}", "answer", other.answer or ""),
        "foreign": lambda: redis.hset(f"tg:job:{record.id}", "answer", record.payload or ""),
    }
    changes[how]()
    ended = bench.looked_at(record)
    assert (ended.state, ended.reason) == (State.DEAD, "answer_forbidden")
    assert (ended.cause or "").startswith("the answer could not be opened")


def test_who_edits_the_decision_lifts_nothing(bench: Bench, redis: StoreClient) -> None:
    """The clearance says that an answer is looked at: a record that no longer does ends in a dead letter."""
    job_id = bench.client.submit(Job(text=HARMLESS))
    bench.router().route(job_id)
    decided = bench.client.record(job_id).decided
    assert decided is not None
    redis.hset(f"tg:job:{job_id}", "decision", decided.model_copy(update={"answers_at_most": None}).to_json())
    bench.run(job_id, lambda _run: answer(MAIL))
    record = bench.client.record(job_id)
    assert (record.state, record.result) == (State.ACCEPTED, None)
    assert bench.looked_at(record).reason == "answer_forbidden"


FORGERIES: dict[str, tuple[Callable[[Record, Record, Signer, Signer], Mapping[str, Any]], str]] = {
    "the decision allows more": (
        lambda mine, *_: {"decision": _allowing(mine, Level.RESTRICTED)},
        "clearance_answer",
    ),
    "it says nothing of answers": (lambda mine, *_: {"decision": _allowing(mine, None)}, "clearance_answer"),
    "it cannot be read": (lambda *_: {"decision": "{"}, "clearance_answer"),
    "the clearance is gone": (lambda *_: {"clearance": ""}, "clearance_missing"),
    "it cannot be read, too": (lambda *_: {"clearance": "x.y"}, "clearance_forged"),
    "both allow more, by another's hand": (
        lambda mine, _, own, thief: {
            "decision": _allowing(mine, Level.RESTRICTED),
            "clearance": _signed(mine, own, thief, answers_at_most=Level.RESTRICTED),
        },
        "clearance_forged",
    ),
    "it is another job's": (
        lambda mine, other, own, _: {
            "decision": _allowing(mine, Level.RESTRICTED),
            "clearance": _signed(other, own, own, answers_at_most=Level.RESTRICTED),
        },
        "clearance_foreign",
    ),
    "it is of before, when more was allowed": (
        lambda mine, _, own, __: {
            "decision": _allowing(mine, Level.RESTRICTED),
            "clearance": _signed(mine, own, own, answers_at_most=Level.RESTRICTED, expires_at=1.0),
        },
        "clearance_expired",
    ),
    "the payload is another job's": (lambda _, other, *__: {"payload": other.payload}, "foreign_slot"),
}


def _allowing(record: Record, level: Level | None) -> str:
    assert record.decided is not None
    return record.decided.model_copy(update={"answers_at_most": level}).to_json()


def _signed(record: Record, own: Signer, hand: Signer, **changes: Any) -> str:
    present = clearances.verified(record.clearance, own.verifier)
    return clearances.sign(present.model_copy(update=changes), hand)


@pytest.mark.parametrize(("forge", "refusal"), FORGERIES.values(), ids=FORGERIES.keys())
def test_what_an_answer_may_carry_is_what_was_signed(
    bench: Bench, redis: StoreClient, tmp_path: Path, forge: Callable[..., Mapping[str, Any]], refusal: str
) -> None:
    """Whoever rewrites the record gets no answer past the router, not even a harmless one; it is counted."""
    other, record = bench.answered("another"), bench.answered("positive")
    own, thief = signer(bench.settings), signer(load(data=tmp_path / "thief"))
    redis.hset(f"tg:job:{record.id}", mapping=dict(forge(record, other, own, thief)))
    bench.router().route(record.id)
    assert redis.hget(f"tg:job:{record.id}", "reason") == b"answer_forbidden"
    assert redis.hget(f"tg:job:{record.id}", "result") is None
    assert Refusals(redis).counts() == {refusal: 1}


def test_nobody_makes_a_result_of_an_answer_by_writing_into_the_store(bench: Bench, redis: StoreClient) -> None:
    """It is sealed as an answer: named as the result, or moved to its slot, it does not open."""
    record = bench.answered(MAIL)
    redis.hset(f"tg:job:{record.id}", mapping={"state": "succeeded", "result": record.answer or ""})
    with pytest.raises(SealBroken):
        bench.client.result(record.id, timeout_s=0)
    slot = new_slot(record.id, "result")
    redis.copy(f"tg:vault:{record.answer}", f"tg:vault:{slot}")
    redis.hset(f"tg:job:{record.id}", "result", slot)
    with pytest.raises(SealBroken):
        bench.client.result(record.id, timeout_s=0)
    assert Refusals(redis).counts() == {"foreign_slot": 1, "broken_seal": 1}


def test_an_answer_is_judged_by_its_own_tenant_s_policy(bench: Bench, redis: StoreClient) -> None:
    """The sealed payload says whose job it is; a record that names a laxer tenant changes nothing."""
    record = bench.answered(MAIL, job=Job(text=HARMLESS, tenant="strict"))
    redis.hset(f"tg:job:{record.id}", "tenant", "lax")
    strict, lax = bench.router(), bench.router(policy=ALLOWED)
    answers = replace(strict.answers, policy=lambda tenant: (lax if tenant == "lax" else strict).policy(tenant))
    answers.look(bench.client.record(record.id))
    assert bench.client.record(record.id).reason == "answer_forbidden"


def test_an_answer_that_an_earlier_release_brought_is_looked_at(bench: Bench, redis: StoreClient) -> None:
    """Its worker sealed it as a result: it is judged, and sealed anew."""
    record = bench.answered()
    vault, slot = bench.client.vault, new_slot(record.id, "result")
    vault.put(slot, vault.get(record.answer or ""), zone=Zone.OUTSIDE, keep_s=600)
    redis.hset(f"tg:job:{record.id}", "answer", slot)
    after = bench.looked_at(record)
    assert (after.state, after.result == slot) == (State.SUCCEEDED, False)
    assert bench.client.result(record.id).text == "positive"
    assert not redis.exists(f"tg:vault:{slot}")


@pytest.mark.parametrize("pub", ["both", "the one before"])
def test_an_answer_to_a_job_that_was_cleared_under_the_key_before_is_let_through(bench: Bench, pub: str) -> None:
    """Keys rotate while jobs are away: a router believes its own half, and those that it was given."""
    record, old, new = bench.answered(), signer(bench.settings), rotation.new_signer()
    halves = (old.verifier.raw, new.verifier.raw) if pub == "both" else (old.verifier.raw,)
    given = load(
        data=bench.settings.data,
        clearance_key=new.text(),
        clearance_pub=",".join(base64.b64encode(half).decode() for half in halves),
    )
    signs = live_signer(given)
    answers = replace(bench.router().answers, verifier=own_verifier(given, signs))
    answers.look(record)
    assert bench.client.record(record.id).state is State.SUCCEEDED
    present = clearances.verified(record.clearance, old.verifier)
    assert clearances.verified(clearances.sign(present, signs), answers.verifier()) == present


def test_a_copy_s_answer_is_looked_at_too(bench: Bench, redis: StoreClient) -> None:
    """A shadow's answer comes from outside like any other."""
    job_id = bench.client.submit(Job(text=HARMLESS))
    bench.router(policy=SHADED).route(job_id)
    (copy,) = (key.decode() for key in redis.zrange("tg:shadows", 0, -1))
    bench.run(copy, lambda _run: answer(MAIL))
    assert bench.looked_at(bench.client.record(copy), policy=SHADED).reason == "answer_forbidden"


def test_a_lane_that_has_moved_gets_no_job_that_may_not_go_there(bench: Bench) -> None:
    """A worker whose lane computes elsewhere by now makes no call, whatever was decided when it did not."""
    policy = POLICY.replace("model: gpt-4o,", "model: gpt-4o, region: eu,").replace(
        "{name: clean, answers: {at_most: internal}}", "{name: eu, only: {regions: eu}}"
    )
    job_id = bench.client.submit(Job(text=HARMLESS))
    bench.router(policy=policy).route(job_id)
    record = bench.client.record(job_id)
    assert record.decided is not None
    assert record.decided.regions == ("eu",)
    assert bench.client.ledger.redis.hget(f"tg:job:{job_id}", "regions") == b'["eu"]'
    bench.run(job_id, lambda _run: answer(), api=lane("api", zone=Zone.OUTSIDE, region="us"))
    record = bench.client.record(job_id)
    assert (record.state, record.reason) == (State.DEAD, "no_clearance")
    assert not bench.backends[-1].runs
    assert NoClearance.__name__ in (record.cause or "")
