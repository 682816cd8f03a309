"""A router with all that is around a job, on a real store: conversations, overflow, copies, a tenant's policy."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from doubles import SECRET, RecordingDoorbell
from test_routing import HARMLESS, NameDetector, circumstances, router

from router.inspection import Inspector
from router.policy.loader import policy_from
from router.tasks import Routing
from tidegate.client import Client
from tidegate.documents import parse
from tidegate.errors import PolicyUnavailable, Reason
from tidegate.ledger import states
from tidegate.ledger.census import Census, Presence
from tidegate.ledger.states import State
from tidegate.settings import Settings

LANES = """
version: 1
name: tests
lanes:
  local: {zone: inside, backend: llama_cpp, model: small, context_tokens: 1024}
  new: {zone: inside, backend: llama_cpp, model: new, context_tokens: 1024}
  api: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8192}
default: {send: local, why: nothing else fits}
rules:
"""
PLAIN = LANES + "  - {name: harmless, when: {sensitivity: public}, send: api, why: it may go}"
BUSY = (
    LANES
    + """
  - name: busy
    send: local
    overflow: {to: new, when: {wait_s: {over: 20}}, until: {wait_s: {under: 8}}}
    why: it waits
"""
)
SHADED = LANES + "  - {name: shaded, send: local, shadow: new, why: to compare}"
CLOSED = LANES + "  - {name: closed, when: {time: {from: '09:00', to: '10:00'}}, send: new, why: it is nine}"


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    """With one detector."""
    made = Inspector(detectors=[NameDetector()], timeout_s=5.0)
    yield made
    made.close()


@pytest.fixture
def routing(client: Client, settings: Settings, inspector: Inspector) -> Routing:
    """A router of the plain policy."""
    return router(client, settings, inspector=inspector, policy=PLAIN)


def lane_of(routing: Routing, client: Client, **job: object) -> str | None:
    """Where a job goes."""
    job_id = client.submit({"text": HARMLESS, **job})
    routing.route(job_id)
    return client.record(job_id).lane


def test_the_rest_of_a_sensitive_conversation_stays_inside(routing: Routing, client: Client) -> None:
    """Later turns that are harmless by themselves stay; other conversations go on as they did."""
    assert lane_of(routing, client, conversation_id="c") == "api"
    assert lane_of(routing, client, conversation_id="c", text=SECRET) == "local"
    assert lane_of(routing, client, conversation_id="c") == "local"
    assert lane_of(routing, client, conversation_id="d") == "api"


def test_while_it_lasts_each_job_decides_by_the_lower_wait(
    client: Client, settings: Settings, inspector: Inspector
) -> None:
    """It begins above one wait; then who would wait less than a lower one stays, in whatever router; then it ends."""
    settings = settings.model_copy(update={"overflow_dwell_s": 600.0})
    routers = [router(client, settings, inspector=inspector, policy=BUSY) for _ in range(2)]
    census, redis = Census(client.ledger.redis), client.ledger.redis
    census.report(Presence(name="w", role="worker", zone="inside", lanes={"local": 1, "new": 9}))
    redis.hset("tg:pace", "local", "10")
    waiting = [client.submit({"text": HARMLESS}) for _ in range(5)]
    lanes = []
    for turn, job_id in enumerate(waiting):  # each job on `local` adds ten seconds of wait
        routers[turn % 2].route(job_id)
        lanes.append(client.record(job_id).lane)
    assert lanes == ["local", "local", "local", "new", "new"]
    for job_id in waiting[:3]:
        client.cancel(job_id)
    assert lane_of(routers[0], client) == "local"  # nobody waits there
    assert lane_of(routers[1], client) == "new"  # ten seconds: over 8
    redis.hset("tg:overflowing:tests", "busy", "1.0")  # as if nobody had gone out for 600 s
    assert lane_of(routers[0], client) == "local"  # ten seconds: not over 20
    assert redis.hlen("tg:overflowing:tests") == 0


def test_nobody_overflows_to_where_he_would_begin_later(
    client: Client, settings: Settings, inspector: Inspector
) -> None:
    """The other lane's one slot is taken for a minute: who waits thirty seconds here stays."""
    routing = router(client, settings, inspector=inspector, policy=BUSY)
    census, redis = Census(client.ledger.redis), client.ledger.redis
    census.report(Presence(name="w", role="worker", zone="inside", lanes={"local": 1, "new": 1}))
    redis.hset("tg:pace", mapping={"local": "10", "new": "35"})
    assert [lane_of(routing, client) for _ in range(6)] == ["local"] * 3 + ["new", "local", "new"]


def test_a_copy_follows_a_placement(
    client: Client, settings: Settings, inspector: Inspector, doorbell: RecordingDoorbell
) -> None:
    """The job goes where it went without; its copy is placed after it."""
    assert lane_of(router(client, settings, inspector=inspector, policy=SHADED), client) == "local"
    assert [whom for whom, _ in doorbell.rings] == ["router", "local", "new"]
    copy = client.record(doorbell.rings[-1][1])
    assert (copy.shadow_of, copy.decided and copy.decided.rule) == (doorbell.rings[0][1], "shaded")


def test_a_copy_is_never_routed_by_itself(
    client: Client, settings: Settings, inspector: Inspector, doorbell: RecordingDoorbell
) -> None:
    """One that a router left behind, or that somebody redrove, ends; it is not taken for a job."""
    routing = router(client, settings, inspector=inspector, policy=SHADED)
    lane_of(routing, client)
    copy = doorbell.rings[-1][1]
    record = client.record(copy)
    client.ledger.apply(copy, states.die(reason=Reason.MANUAL, cause="x", sources=frozenset({State.PLACED})))
    client.ledger.apply(copy, states.redrive(rev=record.rev + 1, redrives=1, deadline_in_s=60, by="ada"))
    routing.route(copy)
    assert client.record(copy).state is State.CANCELLED


def test_the_time_is_told_to_the_rules(client: Client, settings: Settings, inspector: Inspector) -> None:
    """The minute of the week stands on record with the decision."""
    at_nine = circumstances(client, settings, clock=lambda: 9.5 * 3600)
    routing = replace(router(client, settings, inspector=inspector, policy=CLOSED), circumstances=at_nine)
    assert lane_of(routing, client) == "new"
    routing = replace(routing, circumstances=circumstances(client, settings, clock=lambda: 12 * 3600))
    assert lane_of(routing, client) == "local"
    assert [one.signals.minute for one in routing.decisions.since()] == [3 * 1440 + 570, 3 * 1440 + 720]


def test_decisions_are_recorded_where_they_count(routing: Routing, client: Client) -> None:
    """A job that was placed, and one that was refused; not one that another router placed meanwhile."""
    lane_of(routing, client)
    lane_of(routing, client, text=f"{SECRET} " * 200)
    raced = client.submit({"text": HARMLESS})
    carry_out = routing.placement.carry_out
    routing.placement.carry_out = lambda plans: (client.cancel(raced), carry_out(plans))[1]  # type: ignore[method-assign]
    routing.route(raced)
    kept = list(routing.decisions.since())
    assert [one.lanes for one in kept] == [("api",), ()]
    assert kept[0].policy.startswith("tests@")
    assert "Quillfeather" not in "".join(one.to_json() for one in kept)


def test_each_tenant_has_its_policy(routing: Routing, client: Client) -> None:
    """The router asks which policy is in force for each job, and waits where nobody can say."""
    policies = {name: policy_from(parse(text), name=name) for name, text in (("acme", SHADED), ("default", PLAIN))}

    def chosen(tenant: str) -> object:
        if tenant not in policies:
            raise PolicyUnavailable("nobody knows")
        return policies[tenant]

    routing = replace(routing, policy=chosen)  # type: ignore[arg-type]
    assert [lane_of(routing, client, tenant=tenant) for tenant in ("acme", "default", "other")] == [
        "local",
        "api",
        None,
    ]
