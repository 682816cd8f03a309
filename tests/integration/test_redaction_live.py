"""A job under a rule that redacts, on a real store: what leaves, what comes back, and what nobody outside can open.

The lane outside is a real adapter that calls the provider's stand-in; its worker holds the outside key and no other.
"""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from doubles import RecordingDoorbell, ScriptedBackend, answer, decision, lane
from test_routing import router

from router.inspection import Inspector
from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.views.view import View
from router.tasks import Routing
from tidegate import deadletters
from tidegate.client import AsyncClient, Client
from tidegate.errors import ContentRefused, PayloadMissing, ProviderFailed, SealBroken
from tidegate.job import Job, JsonSchema, Params, ResponseFormat
from tidegate.keys import keyring, signer
from tidegate.lane import Lane, Retry, Zone
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.result import Answer
from tidegate.settings import Settings
from tidegate.vault import Seals, Vault
from workers.backend import Backend, Run, open_backend
from workers.lease import Leases
from workers.outcomes import Outcomes
from workers.standin.server import running
from workers.tasks import Running

pytestmark = pytest.mark.integration

NAME, MAIL, CARD = "Wilhelmina Oberknackwurst", "wil.ober@example.org", "4111 1111 1111 1111"
VALUES = (NAME, "Wilhelmina", "Oberknackwurst", MAIL, CARD, CARD.replace(" ", ""))
TEXT = f"Write to {NAME} <{MAIL}> that card {CARD} was declined. Wilhelmina is in a hurry."
COPY = "Write to [PERSON_1] <[EMAIL_ADDRESS_1]> that card [CREDIT_CARD_1] was declined. [PERSON_1A] is in a hurry."

POLICY = """
version: 1
name: tests
lanes:
  local: {zone: inside, backend: llama_cpp, model: small, context_tokens: 4096, capabilities: [json]}
  api: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8192, capabilities: [json]}
rules:
  - name: out
    when: {sensitivity: [personal, restricted]}
    send: [api, local]
    redact: true
    why: redacted
default: {send: local, why: nothing else fits}
"""
SHADED = POLICY.replace("send: [api, local]", "send: api\n    shadow: local")
SHADED_OUT = POLICY.replace("send: [api, local]", "send: local\n    shadow: api")


class Patterns:
    """Finds a name, addresses and cards; of those that it is told to overlook, none where each place is asked for."""

    name = "patterns"

    def __init__(self, *, overlooks: str = "") -> None:
        self._overlooks = overlooks

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
        """Each place."""
        for kind, form in (("PERSON", NAME), ("EMAIL_ADDRESS", r"[\w.]+@[\w.]+\w"), ("CREDIT_CARD", r"(?:\d ?){15}\d")):
            if not (every and kind == self._overlooks):
                yield from (Span(kind, 1.0, *match.span()) for match in re.finditer(form, view.text))


@dataclass
class Bench:
    """A client, a router, and workers of either zone."""

    client: Client
    settings: Settings
    doorbell: RecordingDoorbell
    inspectors: list[Inspector] = field(default_factory=list)

    def router(self, *, policy: str = POLICY, overlooks: str = "") -> Routing:
        """A router with detectors of patterns."""
        self.inspectors.append(Inspector(detectors=[Patterns(overlooks=overlooks)], timeout_s=10.0))
        return router(self.client, self.settings, inspector=self.inspectors[-1], policy=policy)

    def routed(self, job: Job | None = None, **how: str) -> Record:
        """A job that the router has placed."""
        job_id = self.client.submit(job or Job(text=TEXT))
        self.router(**how).route(job_id)
        return self.client.record(job_id)

    def run(self, job_id: str, backend: Backend, *, zone: Zone = Zone.OUTSIDE) -> Record:
        """One run on the lane of a zone, by a worker with that zone's keys only."""
        ledger = self.client.ledger
        lanes = {"api": lane("api", zone=Zone.OUTSIDE), "local": lane("local")}
        Running(
            name="w",
            ledger=ledger,
            vault=self.vault(zone),
            outcomes=Outcomes(ledger, self.doorbell, nudge_s=self.settings.nudge_s),
            leases=Leases(ledger, lease_s=30.0),
            verifier=lambda: signer(self.settings).verifier,
            lanes={name: replaced(one) for name, one in lanes.items() if one.zone is zone},
            backend=lambda _: backend,
            result_keep_s=600,
        ).run(job_id)
        return self.client.record(job_id)

    def vault(self, zone: Zone) -> Vault:
        """The vault as a process of that zone sees it."""
        return Vault(self.client.ledger.redis, Seals({zone: keyring(self.settings, zone)}))

    def slots(self, kind: str) -> list[str]:
        """The vault's slots of one kind."""
        keys: list[bytes] = self.client.ledger.redis.keys(f"tg:vault:*:{kind}:*")
        return [key.decode().removeprefix("tg:vault:") for key in keys]


def replaced(one: Lane) -> Lane:
    """A lane that gives up at the first failure."""
    return one.model_copy(update={"retry": Retry(attempts=1, base_s=0.01, cap_s=0.02)})


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Iterator[Bench]:
    """A bench on an empty store."""
    made = Bench(client, settings, doorbell)
    yield made
    for inspector in made.inspectors:
        inspector.close()


def echo(run: Run, _stop: threading.Event) -> Answer:
    """A model that repeats what it was told."""
    said: Answer = answer("\n".join(message.text for message in run.messages))
    return said


def raises(error: Exception) -> Callable[[Run, threading.Event], Answer]:
    """A provider that fails."""

    def said(_run: Run, _stop: threading.Event) -> Answer:
        raise error

    return said


def test_the_provider_sees_placeholders_and_the_producer_the_values(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the wire goes nothing else; the answer that repeats a placeholder comes back with the value in it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"to": {"enum": [NAME]}, "at": {"enum": [MAIL]}},
        "required": ["to", "at"],
    }
    promised = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema_=schema))
    record = bench.routed(Job(text=TEXT, params=Params(response_format=promised), conversation_id=NAME))
    assert (record.lane, record.zone) == ("api", "outside")
    with running(record=True) as standin:
        far = lane("api", zone=Zone.OUTSIDE, base_url=f"{standin.url}/v1")
        backend = open_backend(far, bench.settings)
        try:
            bench.run(record.id, backend)
        finally:
            backend.close()
    (received,) = standin.standin.received
    sent = json.loads(received.body)
    assert sent["messages"] == [{"role": "user", "content": COPY}]
    assert [value for value in VALUES if value.encode() in received.body or value in str(received.headers)] == []
    result = bench.client.result(record.id)
    assert json.loads(result.text) == {"to": NAME, "at": MAIL}
    assert (result.restored, result.unknown_placeholders, result.zone, result.lane) == (2, (), Zone.OUTSIDE, "api")


def test_nothing_outside_can_open_a_value(bench: Bench) -> None:
    """What lies in the vault for the outside holds no value; what holds them does not open with the outside key."""
    record = bench.routed()
    bench.run(record.id, ScriptedBackend(echo))
    record = bench.client.record(record.id)
    outside = bench.vault(Zone.OUTSIDE)
    for slot in (
        *bench.slots("payload"),
        *bench.slots("outside"),
        *bench.slots("placeholders"),
        *bench.slots("result"),
    ):
        try:
            plain = outside.get(slot).decode()
        except SealBroken:
            continue
        assert "result" in slot
        assert [value for value in VALUES if value in plain] == []
    with pytest.raises(SealBroken):
        outside.get(record.placeholders or "")
    assert [value for value in VALUES if value in record.to_json()] == []
    redis = bench.client.ledger.redis
    kept = b"".join(part for key in redis.scan_iter(count=1000) for part in (key, redis.dump(key) or b""))
    assert [value for value in VALUES if value.encode() in kept] == []
    assert record.redacted == {"CREDIT_CARD": 1, "EMAIL_ADDRESS": 1, "PERSON": 2}
    assert bench.client.result(record.id).text == TEXT


def test_the_copy_in_the_vault_is_what_was_cleared(bench: Bench) -> None:
    """It is sealed for the outside, without the producer's names for things, and bound to its clearance."""
    record = bench.routed(Job(text=TEXT, tenant="ward", idempotency_key="k"))
    copy = Job.from_json(bench.vault(Zone.OUTSIDE).get(record.outside or ""))
    assert (copy.text, copy.tenant, copy.idempotency_key) == (COPY, "default", None)
    assert record.decided is not None
    assert (record.decided.redacted, record.decided.cleared) == (True, ("api",))
    bench.run(record.id, ScriptedBackend(echo))
    assert bench.client.record(record.id).state is State.SUCCEEDED


def test_a_bug_in_the_deciding_seals_nothing(bench: Bench) -> None:
    """Placement has a lock of its own: no sensitive job is sealed for the outside without its copy."""
    routing = bench.router()
    signals = routing.inspector.inspect(Job(text=TEXT))
    for changes in ({"redacted": True}, {"redacted": False}):
        job_id = bench.client.submit(Job(text=TEXT))
        wrong = decision("api", cleared=("api",)).model_copy(update={"signals": signals, **changes})
        with pytest.raises(ValueError, match="without a redacted copy"):
            routing.placement.place(bench.client.record(job_id), Job(text=TEXT), wrong, rewritten=False)
        assert bench.slots("outside") == []


def test_what_still_shows_keeps_the_job_inside(bench: Bench) -> None:
    """With the cause on record, and with nothing sealed for the outside."""
    record = bench.routed(overlooks="EMAIL_ADDRESS")
    assert (record.lane, record.zone, record.outside, record.clearance) == ("local", "inside", None, None)
    assert (record.placeholders, record.redacted) == (None, None)
    assert record.decided is not None
    assert record.decided.cause == "redaction: EMAIL_ADDRESS left"
    assert bench.slots("outside") == bench.slots("placeholders") == []
    bench.run(record.id, ScriptedBackend(echo), zone=Zone.INSIDE)
    result = bench.client.result(record.id)
    assert (result.text, result.restored) == (TEXT, None)


def test_the_next_lane_inside_gets_the_job_as_it_is(bench: Bench) -> None:
    """And its answer has nothing to restore: what looks like a placeholder in it is what the model wrote."""
    record = bench.routed()
    record = bench.run(record.id, ScriptedBackend(raises(ProviderFailed("status 500"))))
    assert (record.state, record.lane, record.zone) == (State.PLACED, "local", "inside")
    backend = ScriptedBackend(lambda run, _: answer(f"{run.messages[0].text} [PERSON_1]"))
    bench.run(record.id, backend, zone=Zone.INSIDE)
    result = bench.client.result(record.id)
    assert (result.text, result.restored) == (f"{TEXT} [PERSON_1]", None)
    assert bench.slots("placeholders") == []


def test_the_values_are_kept_as_long_as_the_answer(bench: Bench) -> None:
    """No longer, and not without one; an answer whose values are gone is an error that says so."""
    record = bench.routed()
    redis = bench.client.ledger.redis
    bench.run(record.id, ScriptedBackend(echo))
    record = bench.client.record(record.id)
    lives = [redis.ttl(f"tg:vault:{slot}") for slot in (record.placeholders, record.result)]
    assert lives[0] == pytest.approx(lives[1], abs=2)
    redis.delete(f"tg:vault:{record.placeholders}")
    with pytest.raises(PayloadMissing, match=r"values of job .* are no longer kept"):
        bench.client.result(record.id)
    cancelled = bench.routed(Job(text=TEXT, tenant="b"))
    bench.client.cancel(cancelled.id)
    assert bench.slots("placeholders") == []


def test_a_redrive_redacts_anew(bench: Bench) -> None:
    """The dead letter keeps no values; its second way makes its own copy."""
    record = bench.routed(policy=POLICY.replace("[api, local]", "api"))
    dead = bench.run(record.id, ScriptedBackend(raises(ContentRefused("no"))))
    assert (dead.state, bench.slots("placeholders"), bench.slots("outside")) == (State.DEAD, [], [])
    deadletters.redrive(bench.client.ledger, bench.doorbell, dead, by="test")
    again = bench.client.record(record.id)
    assert (again.placeholders, again.redacted, again.outside) == (None, None, None)
    bench.router().route(record.id)
    bench.run(record.id, ScriptedBackend(echo))
    assert bench.client.result(record.id).text == TEXT


def test_the_same_key_twice_is_one_job_and_one_copy(bench: Bench) -> None:
    """And of two routers at once, one's copy counts and the other's is cleared away."""
    job = Job(text=TEXT, idempotency_key="k")
    record = bench.routed(job)
    assert bench.client.submit(job) == record.id
    bench.router().route(record.id)
    assert len(bench.slots("outside")) == len(bench.slots("placeholders")) == 1
    one = bench.client.submit(Job(text=TEXT))
    late = bench.router()
    early, stale = bench.router(), bench.client.record(one)
    early.route(one)
    late = replace(late, client=_Remembering(bench.client, stale))
    late.route(one)
    assert [slot for slot in bench.slots("placeholders") if slot.startswith(one)] == [
        bench.client.record(one).placeholders
    ]


class _Remembering(Client):
    """A client that still sees a job as it was."""

    def __init__(self, client: Client, record: Record) -> None:
        self.ledger, self.vault, self.doorbell = client.ledger, client.vault, client.doorbell
        self._record = record

    def record(self, job_id: str) -> Record:
        """As it was."""
        return self._record


@pytest.mark.parametrize("policy", [SHADED, SHADED_OUT])
def test_a_shadow_sees_what_its_zone_may_see(bench: Bench, policy: str) -> None:
    """Outside the copy with placeholders, inside the job as it is; their answers are compared with the values back."""
    routing = bench.router(policy=policy)
    job_id = bench.client.submit(Job(text=TEXT))
    routing.route(job_id)
    copy_id = bench.doorbell.rings[-1][1]
    texts = {}
    for one in (job_id, copy_id):
        record = bench.client.record(one)
        backend = ScriptedBackend(echo)
        bench.run(one, backend, zone=Zone(record.zone or ""))
        texts[record.lane] = backend.runs[0].messages[0].text
    assert texts == {"api": COPY, "local": TEXT}
    bench.client.ledger.redis.zadd("tg:shadows", {copy_id: 0})
    routing.shadows.settle()
    assert bench.client.record(job_id).agreement == 1.0


def test_the_async_client_restores_too(bench: Bench) -> None:
    """The same answer."""
    record = bench.routed()
    bench.run(record.id, ScriptedBackend(echo))

    async def result() -> str:
        client = AsyncClient(bench.settings)
        try:
            return (await client.result(record.id)).text
        finally:
            await client.aclose()

    assert asyncio.run(result()) == TEXT
