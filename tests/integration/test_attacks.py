"""What somebody can try who may write to the store, and holds no key or the outside's alone: refused, told, counted.

Each attack is run against the real parts on a real store: router, workers of both zones with their own keys, producer.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from doubles import SECRET, RecordingDoorbell, decision
from test_routing import POLICY, NameDetector, router
from test_running import Bench, says

from router.inspection import Inspector
from router.policy.registry.store import Registry
from tidegate import clearance as clearances
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import SealBroken, UnknownJob
from tidegate.job import Job
from tidegate.keys import keyring, signer
from tidegate.lane import Zone
from tidegate.ledger.record import Record
from tidegate.ledger.refusals import Refusals
from tidegate.ledger.states import State
from tidegate.settings import Settings, load
from tidegate.vault import Seals, digest

pytestmark = pytest.mark.integration

Fields = Mapping[str, str]


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Bench:
    """Placement and workers on an empty store."""
    return Bench(client, settings, doorbell)


class Thief:
    """May write anything into the store. Holds the outside's key, as a managed worker does, and no other."""

    def __init__(self, bench: Bench, redis: StoreClient) -> None:
        self.bench, self.redis = bench, redis
        self.seals = Seals({Zone.OUTSIDE: keyring(bench.settings, Zone.OUTSIDE)})
        self.hand = signer(load(data=bench.settings.data / "thief"))

    def edits(self, record: Record, **fields: str) -> None:
        """Change a record; an empty value removes the field."""
        for name, value in fields.items():
            key = f"tg:job:{record.id}"
            self.redis.hset(key, name, value) if value else self.redis.hdel(key, name)

    def puts(self, slot: str, envelope: bytes) -> None:
        """Put an envelope into the vault."""
        self.redis.set(f"tg:vault:{slot}", envelope)

    def envelope(self, slot: str | None) -> bytes:
        """What lies in a slot, sealed."""
        return bytes(self.redis.get(f"tg:vault:{slot}"))

    def signs(self, record: Record, **changes: Any) -> str:
        """A clearance by the thief's own hand."""
        present = clearances.verified(record.clearance, signer(self.bench.settings).verifier)
        return clearances.sign(present.model_copy(update=changes), self.hand)

    def routers(self, record: Record, **changes: Any) -> str:
        """A clearance that the router gave at another time, for something else."""
        present = clearances.verified(record.clearance, signer(self.bench.settings).verifier)
        return clearances.sign(present.model_copy(update=changes), signer(self.bench.settings))


Attack = Callable[[Thief, Record, Record], object]
"""On a job, by somebody who has also seen another one."""

ON_OUTSIDE: dict[str, tuple[Attack, str]] = {
    "the clearance is gone": (lambda t, mine, _: t.edits(mine, clearance=""), "clearance_missing"),
    "it is nonsense": (lambda t, mine, _: t.edits(mine, clearance="x.y"), "clearance_forged"),
    "it was edited": (
        lambda t, mine, _: t.edits(mine, clearance=(mine.clearance or "").replace('"v":1', '"v":1 ')),
        "clearance_forged",
    ),
    "the thief signed it": (lambda t, mine, _: t.edits(mine, clearance=t.signs(mine)), "clearance_forged"),
    "it is another job's": (lambda t, mine, other: t.edits(mine, clearance=other.clearance or ""), "clearance_foreign"),
    "another job's, with its text": (
        lambda t, mine, other: t.edits(mine, clearance=other.clearance or "", outside=other.outside or ""),
        "foreign_slot",
    ),
    "another text is in the slot": (
        lambda t, mine, _: t.puts(
            mine.outside or "", t.seals.seal(Zone.OUTSIDE, mine.outside or "", b'{"text":"mine"}')
        ),
        "clearance_payload",
    ),
    "another job's text is in the slot": (
        lambda t, mine, other: t.puts(mine.outside or "", t.envelope(other.outside)),
        "clearance_payload",
    ),
    "the inside payload is in the slot": (
        lambda t, mine, _: t.puts(mine.outside or "", t.envelope(mine.payload)),
        "clearance_payload",
    ),
    "the inside payload is named": (lambda t, mine, _: t.edits(mine, outside=mine.payload or ""), "foreign_slot"),
    "it is for another lane": (
        lambda t, mine, _: t.edits(mine, clearance=t.routers(mine, lanes=("elsewhere",))),
        "clearance_lane",
    ),
    "it was given under another policy": (
        lambda t, mine, _: t.edits(mine, clearance=t.routers(mine, policy="older@0")),
        "clearance_policy",
    ),
    "it has expired": (
        lambda t, mine, _: t.edits(mine, clearance=t.routers(mine, expires_at=1.0)),
        "clearance_expired",
    ),
    "the decision was taken away": (lambda t, mine, _: t.edits(mine, decision=""), "foreign_lane"),
    "the decision names other lanes": (
        lambda t, mine, _: t.edits(mine, decision=decision("local").to_json()),
        "foreign_lane",
    ),
}


@pytest.mark.parametrize(("attack", "refusal"), ON_OUTSIDE.values(), ids=ON_OUTSIDE.keys())
def test_nothing_leaves_by_a_forgery(bench: Bench, redis: StoreClient, attack: Attack, refusal: str) -> None:
    """The managed worker makes no call; the job is a dead letter `no_clearance`; the refusal is counted by its name."""
    job, other = (bench.client.record(bench.place("api", cleared=("api",))) for _ in range(2))
    attack(Thief(bench, redis), job, other)
    bench.worker(says(), zone=Zone.OUTSIDE).run(job.id)
    after = bench.client.record(job.id)
    assert (after.state, after.reason) == (State.DEAD, "no_clearance")
    assert bench.calls_for(job.id) == 0
    assert Refusals(redis).counts() == {refusal: 1}
    assert "Quillfeather" not in after.to_json()


LURES: dict[str, tuple[Attack, str]] = {
    "the lane is switched": (lambda t, mine, _: t.edits(mine, lane="api", zone="outside"), "foreign_lane"),
    "the decision, too": (
        lambda t, mine, _: t.edits(
            mine, lane="api", zone="outside", decision=decision("api", cleared=("api",)).to_json()
        ),
        "clearance_missing",
    ),
    "and its payload is named": (
        lambda t, mine, _: t.edits(
            mine, lane="api", decision=decision("api", cleared=("api",)).to_json(), outside=mine.payload or ""
        ),
        "foreign_slot",
    ),
    "and its payload is copied": (
        lambda t, mine, _: (
            t.puts(f"{mine.id}:outside:1", t.envelope(mine.payload)),
            t.edits(
                mine, lane="api", decision=decision("api", cleared=("api",)).to_json(), outside=f"{mine.id}:outside:1"
            ),
        ),
        "clearance_missing",
    ),
    "and a clearance is brought": (
        lambda t, mine, other: (
            t.puts(f"{mine.id}:outside:1", t.envelope(mine.payload)),
            t.edits(
                mine,
                lane="api",
                decision=decision("api", cleared=("api",)).to_json(),
                outside=f"{mine.id}:outside:1",
                clearance=t.signs(
                    other,
                    job_id=mine.id,
                    slot=f"{mine.id}:outside:1",
                    digest=digest(t.envelope(mine.payload)),
                ),
            ),
        ),
        "clearance_forged",
    ),
}


@pytest.mark.parametrize(("attack", "refusal"), LURES.values(), ids=LURES.keys())
def test_a_job_that_must_stay_is_not_lured_out(bench: Bench, redis: StoreClient, attack: Attack, refusal: str) -> None:
    """However much of the record is rewritten: no call, and a reason."""
    other = bench.client.record(bench.place("api", cleared=("api",)))
    bench.worker(says(), zone=Zone.OUTSIDE).run(other.id)  # else it would be that lane's next job
    job = bench.client.record(bench.place("local"))
    attack(Thief(bench, redis), job, other)
    bench.worker(says(), zone=Zone.OUTSIDE).run(job.id)
    assert bench.client.record(job.id).reason == "no_clearance"
    assert bench.calls_for(job.id) == 0
    assert Refusals(redis).counts() == {refusal: 1}


ON_PAYLOAD: dict[str, tuple[Attack, str]] = {
    "another job's is named": (lambda t, mine, other: t.edits(mine, payload=other.payload or ""), "foreign_slot"),
    "another job's lies there": (
        lambda t, mine, other: t.puts(mine.payload or "", t.envelope(other.payload)),
        "broken_seal",
    ),
    "it was edited": (
        lambda t, mine, _: t.puts(mine.payload or "", t.envelope(mine.payload)[:-1] + b"!"),
        "broken_seal",
    ),
    "it is no envelope": (lambda t, mine, _: t.puts(mine.payload or "", b"tg1"), "broken_seal"),
    "the outside's key sealed it": (
        lambda t, mine, _: t.puts(
            mine.payload or "", t.seals.seal(Zone.OUTSIDE, mine.payload or "", b'{"text":"mine"}')
        ),
        "foreign_seal",
    ),
}


@pytest.mark.parametrize(("attack", "refusal"), ON_PAYLOAD.values(), ids=ON_PAYLOAD.keys())
def test_no_worker_inside_runs_a_text_that_is_not_the_job_s(
    bench: Bench, redis: StoreClient, attack: Attack, refusal: str
) -> None:
    """One job's text never gives another job's answer: a dead letter `payload_missing`, counted by its name."""
    job, other = (bench.client.record(bench.place("local")) for _ in range(2))
    attack(Thief(bench, redis), job, other)
    bench.worker(says()).run(job.id)
    assert bench.client.record(job.id).reason == "payload_missing"
    assert bench.calls_for(job.id) == 0
    assert Refusals(redis).counts() == {refusal: 1}


@pytest.mark.parametrize(("attack", "refusal"), ON_PAYLOAD.values(), ids=ON_PAYLOAD.keys())
def test_no_router_decides_on_a_text_that_is_not_the_job_s(
    bench: Bench, redis: StoreClient, attack: Attack, refusal: str
) -> None:
    """A harmless text must not get clearance for another one."""
    job, other = (bench.client.record(bench.client.submit(Job(text=SECRET))) for _ in range(2))
    attack(Thief(bench, redis), job, other)
    inspector = Inspector(detectors=[NameDetector()], timeout_s=5.0)
    router(bench.client, bench.settings, inspector=inspector, policy=POLICY).route(job.id)
    inspector.close()
    after = bench.client.record(job.id)
    assert (after.reason, after.clearance) == ("payload_missing", None)
    assert Refusals(redis).counts() == {refusal: 1}


def test_a_lane_that_nobody_decided_runs_nothing(bench: Bench, redis: StoreClient) -> None:
    """A job that was moved to another lane inside is not run there."""
    job = bench.client.record(bench.place("local"))
    Thief(bench, redis).edits(job, lane="large")
    bench.worker(says()).run(job.id)
    assert bench.client.record(job.id).reason == "no_clearance"
    assert (bench.calls, Refusals(redis).counts()) == (0, {"foreign_lane": 1})


@pytest.mark.parametrize("zone", Zone)
def test_a_job_runs_for_the_tenant_that_sent_it(bench: Bench, redis: StoreClient, zone: Zone) -> None:
    """What it leaves in an engine is lent to that tenant's jobs alone, whatever a record says."""
    lane = "api" if zone is Zone.OUTSIDE else "local"
    cleared = (lane,) if zone is Zone.OUTSIDE else ()
    job = bench.client.record(bench.place(lane, cleared=cleared, job=Job(text=SECRET, tenant="shop")))
    Thief(bench, redis).edits(job, tenant="other")
    bench.worker(says(), zone=zone).run(job.id)
    assert [run.tenant for run in bench.backends[-1].runs] == ["shop"]


ON_RESULT: dict[str, tuple[Attack, str]] = {
    "another job's is named": (lambda t, mine, other: t.edits(mine, result=other.result or ""), "foreign_slot"),
    "another job's lies there": (
        lambda t, mine, other: t.puts(mine.result or "", t.envelope(other.result)),
        "broken_seal",
    ),
    "its payload is named": (lambda t, mine, _: t.edits(mine, result=f"{mine.id}:payload:1"), "foreign_slot"),
}


@pytest.mark.parametrize(("attack", "refusal"), ON_RESULT.values(), ids=ON_RESULT.keys())
def test_nobody_reads_another_job_s_answer(bench: Bench, redis: StoreClient, attack: Attack, refusal: str) -> None:
    """The producer is told that the answer is not his, and it is counted."""
    ids = [bench.place("local") for _ in range(2)]
    for job_id in ids:
        bench.worker(says("your balance is 12")).run(job_id)
    job, other = (bench.client.record(job_id) for job_id in ids)
    attack(Thief(bench, redis), job, other)
    with pytest.raises(SealBroken):
        bench.client.result(job.id, timeout_s=0)
    assert Refusals(redis).counts() == {refusal: 1}


def test_a_record_under_another_s_name_is_none(bench: Bench, redis: StoreClient) -> None:
    """Who makes a record claim to be another job could else read that one's slots through it."""
    job, other = (bench.client.record(bench.place("local")) for _ in range(2))
    Thief(bench, redis).edits(job, id=other.id, payload=other.payload or "")
    with pytest.raises(UnknownJob):
        bench.client.record(job.id)
    assert bench.ledger.get_many([job.id, other.id]) == [other]
    bench.worker(says()).run(job.id)
    assert bench.calls == 0


def test_the_outside_s_key_makes_no_policy(bench: Bench, redis: StoreClient, tmp_path: Path) -> None:
    """A managed worker that was taken over cannot put a policy in force: its key seals none that a router takes."""
    thief = Thief(bench, redis)
    redis.hset("tg:policy:sealed", "7", thief.seals.seal(Zone.OUTSIDE, "policy:7", b"{}\n"))
    registry = Registry(redis, bench.client.vault.seals)
    with pytest.raises(SealBroken, match="only the inside"):
        registry.applied(7, slot="*")


def test_a_run_that_was_replayed_runs_once(bench: Bench) -> None:
    """The same wake-up again, while it runs or after: the ledger has the job, and nothing runs twice."""
    job_id = bench.place("local")
    for _ in range(3):
        bench.worker(says()).run(job_id)
    assert bench.calls == 1
    assert bench.client.record(job_id).attempts == 1
