"""Policies that change while routers run, on a real store: applied, refused, rolled back, broken."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import KEYS, SECRET

from router.policy.loader import load_policy
from router.policy.registry.bundle import Bundle, bundled
from router.policy.registry.desk import Desk, Refused, open_desk
from router.policy.registry.entry import FALLBACK, Entry, Kind
from router.policy.registry.followers import Followers
from router.policy.registry.live import Live
from router.policy.registry.store import Registry
from router.policy.registry.vetting import vet
from router.policy.select import chooser
from tidegate import connections
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import InvalidDocument, InvalidSettings, Misuse, PolicyUnavailable, SealBroken, StoreUnavailable
from tidegate.keys import keyring
from tidegate.lane import Zone
from tidegate.ledger.census import Census, Presence
from tidegate.ledger.states import State
from tidegate.settings import Settings
from tidegate.vault import Seals

BOUND_S = 30.0
ROOT = Path(__file__).parents[2]

POLICY = """
version: 1
name: ward
lanes:
  near: {zone: inside, backend: llama_cpp, model: m, context_tokens: 4096}
  also: {zone: inside, backend: llama_cpp, model: m, context_tokens: 4096}
rules:
  - {name: all, send: near, why: stays}
default: {send: near, why: stays}
tests:
  - {name: goes there, given: {tokens: 10}, expect: {lane: near}}
"""

OTHER = POLICY.replace("send: near", "send: also").replace("lane: near", "lane: also")
FAILS = OTHER.replace("lane: also", "lane: near")
LEAKS = POLICY.replace(
    "rules:", "  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 4096}\nrules:"
).replace("- {name: all, send: near", "- {name: all, send: far")
BROKEN = POLICY.replace("send: near, why: stays}\ndefault", "sned: near, why: stays}\ndefault")


def no_inspector(_: Path) -> Any:
    """The cases here give signals: no text is inspected."""
    raise AssertionError("asked for detectors")


def vetted(path: Path) -> tuple[str, ...]:
    """The vetting of the command."""
    return vet(path, open_inspector=no_inspector)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Routers follow in time on a machine that is busy, too: what is promised is measured elsewhere."""
    monkeypatch.setattr("router.policy.registry.desk.FOLLOWED_S", BOUND_S)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The configured policy."""
    path = tmp_path / "ward.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def registry(redis: StoreClient, settings: Settings) -> Registry:
    """The registry on an empty store."""
    return Registry(redis, Seals({Zone.INSIDE: keyring(settings, Zone.INSIDE)}))


@pytest.fixture
def desk(redis: StoreClient, settings: Settings) -> Desk:
    """An operator's desk."""
    return replace(open_desk(settings, vet=vetted), by="ada@desk")


def following(registry: Registry, file: Path, *, name: str = "router@a") -> Live:
    """A router's view of the policies, started."""
    live = Live(
        registry, file, name=name, vet=vetted, choose=chooser("production"), followers=Followers(registry.redis)
    )
    live.start()
    return live


def written(tmp_path: Path, text: str) -> Path:
    """A policy that somebody wants to apply."""
    path = tmp_path / "wanted" / "ward.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def lane_of(live: Live) -> str:
    """Where the policy in force sends every job."""
    return live.of("default").rules[0].send[0]


def kinds(registry: Registry) -> list[Kind]:
    """The history in short."""
    return [entry.kind for entry in registry.history()]


def test_with_nothing_applied_the_configured_file_is_in_force(registry: Registry, file: Path) -> None:
    """A registry that nobody used changes nothing."""
    live = following(registry, file)
    live.refresh()
    assert lane_of(live) == "near"
    assert registry.history() == []


def test_what_is_applied_is_in_force_and_on_record(desk: Desk, registry: Registry, file: Path, tmp_path: Path) -> None:
    """Who, when, what, which version, why."""
    live = following(registry, file)
    wanted = written(tmp_path, OTHER)
    before = time.time()
    done = desk.apply(wanted, note="the new machine")
    live.refresh()
    assert lane_of(live) == "also"
    (entry,) = registry.history()
    assert entry == done.entry
    assert (entry.seq, entry.kind, entry.by, entry.note) == (1, Kind.APPLIED, "ada@desk", "the new machine")
    assert entry.version == load_policy(wanted).version == live.of("default").version
    assert before - 1 < entry.at < time.time() + 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BROKEN, "did you mean 'send'?"),
        (LEAKS, "prove: nothing-sensitive-outside"),
        (FAILS, "expected near, got also"),
        ("a: [", "1:5"),
    ],
    ids=["check", "prove", "its own cases", "no YAML"],
)
def test_what_falls_short_is_refused(desk: Desk, file: Path, tmp_path: Path, text: str, said: str) -> None:
    """Nothing changes, and the refusal is on record with its reasons."""
    registry = desk.registry
    live = following(registry, file)
    desk.apply(written(tmp_path, OTHER))
    with pytest.raises(Refused) as caught:
        desk.apply(written(tmp_path, text), note="in a hurry")
    assert said in " ".join(caught.value.problems)
    live.refresh()
    assert lane_of(live) == "also"
    refusal = registry.history()[-1]
    assert (refusal.kind, refusal.note, refusal.problems) == (Kind.REFUSED, "in a hurry", caught.value.problems)
    assert registry.current() == {FALLBACK: 1}


def test_rolling_back_goes_through_all_that_was_in_force(
    desk: Desk, registry: Registry, file: Path, tmp_path: Path
) -> None:
    """One step each time, down to the configured file; the history only grows."""
    live = following(registry, file)
    third = OTHER.replace("why: stays", "why: remains")
    for text in (POLICY.replace("stays", "stays here"), OTHER, third):
        desk.apply(written(tmp_path, text))
    seen = []
    for _ in range(3):
        desk.roll_back(None)
        live.refresh()
        seen.append((lane_of(live), live.of("default").rules[0].why))
    assert seen == [("also", "stays"), ("near", "stays here"), ("near", "stays")]
    assert kinds(registry) == [Kind.APPLIED] * 3 + [Kind.ROLLED_BACK] * 2 + [Kind.WITHDRAWN]
    assert [entry.seq for entry in registry.history()] == [1, 2, 3, 4, 5, 6]


def test_a_version_can_be_named(desk: Desk, registry: Registry, file: Path, tmp_path: Path) -> None:
    """By number, by version; what was never applied is misuse, and so is an empty history."""
    with pytest.raises(Misuse, match="nothing was ever applied"):
        desk.roll_back(None)
    first = desk.apply(written(tmp_path, OTHER)).entry
    desk.apply(written(tmp_path, POLICY))
    assert desk.roll_back(first.version).entry.restores == 1
    assert desk.roll_back("#2").entry.restores == 2
    assert desk.roll_back("configured").entry.kind is Kind.WITHDRAWN
    with pytest.raises(Misuse, match="never applied"):
        desk.roll_back("ward@ffffffffffff")


def test_a_rollback_is_vetted_too(desk: Desk, registry: Registry, tmp_path: Path) -> None:
    """What passed last year may not pass today."""
    desk.apply(written(tmp_path, OTHER))
    desk.apply(written(tmp_path, POLICY))
    with pytest.raises(Refused):
        replace(desk, vet=lambda _: ("a counterexample",)).roll_back(None)
    assert kinds(registry)[-1] is Kind.REFUSED
    assert registry.current() == {FALLBACK: 2}


def test_two_operators_at_once_are_both_on_record(desk: Desk, registry: Registry, tmp_path: Path) -> None:
    """Each entry has a number of its own, and the last one is in force."""
    paths = [written(tmp_path, OTHER), tmp_path / "second.yaml"]
    paths[1].write_text(POLICY)
    threads = [threading.Thread(target=desk.apply, args=(path,)) for path in paths * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND_S)
    history = registry.history()
    assert [entry.seq for entry in history] == [1, 2, 3, 4, 5, 6]
    assert registry.current() == {FALLBACK: 6}
    assert registry.applied(6, slot=FALLBACK).entry == history[-1]


def test_a_router_follows_by_notice(
    desk: Desk, registry: Registry, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is answered once the router follows, and not when its own next look would come."""
    monkeypatch.setattr("router.policy.registry.live.LOOK_S", 4 * BOUND_S)
    live = following(registry, file, name="router@b")
    Census(registry.redis).report(Presence(name="router@b", role="router"))
    with followed(live):
        done = desk.apply(written(tmp_path, OTHER))
    assert (done.routers, done.followed) == (("router@b",), ("router@b",))
    assert lane_of(live) == "also"


def test_a_router_that_missed_the_notice_looks(
    desk: Desk, registry: Registry, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notices may be lost: its own look follows as well."""
    monkeypatch.setattr(registry, "_channel", "tg:nobody:speaks:here")
    live = following(registry, file, name="router@b")
    Census(registry.redis).report(Presence(name="router@b", role="router"))
    with followed(live):
        assert desk.apply(written(tmp_path, OTHER)).followed == ("router@b",)


def test_policies_stand_side_by_side(desk: Desk, registry: Registry, file: Path, tmp_path: Path) -> None:
    """One for a tenant, one for all others; each is rolled back by itself."""
    live = following(registry, file)
    bank = OTHER.replace("name: ward", "name: bank\nfor: {tenants: [acme], environments: [production]}")
    done = desk.apply(written(tmp_path, bank))
    assert done.entry.slot == "bank"
    desk.apply(written(tmp_path, POLICY.replace("stays", "stays here")))
    live.refresh()
    assert {tenant: live.of(tenant).name for tenant in ("acme", "other")} == {"acme": "bank", "other": "ward"}
    desk.roll_back(None)
    live.refresh()
    assert (live.of("other").rules[0].why, live.of("acme").name) == ("stays", "bank")
    assert desk.roll_back("bank").entry.kind is Kind.WITHDRAWN
    live.refresh()
    assert live.of("acme").name == "ward"


def test_policies_that_claim_the_same_job_are_refused(desk: Desk, tmp_path: Path) -> None:
    """So are two that mean different lanes by one name: a worker serves it by its name."""
    bank = OTHER.replace("name: ward", "name: bank\nfor: {tenants: [acme]}")
    desk.apply(written(tmp_path, bank))
    with pytest.raises(Refused, match="falls short") as caught:
        desk.apply(written(tmp_path, bank.replace("name: bank", "name: second")))
    assert "are both for acme" in caught.value.problems[0]
    with pytest.raises(Refused) as caught:
        desk.apply(written(tmp_path, POLICY.replace("model: m", "model: other")))
    assert "mean different lanes by 'near'" in " ".join(caught.value.problems)


def test_a_tenant_without_a_policy_waits(desk: Desk, registry: Registry, file: Path) -> None:
    """Where the configured file is for somebody else and nothing else is in force."""
    file.write_text(POLICY.replace("name: ward", "name: bank\nfor: {tenants: [acme]}"))
    live = following(registry, file)
    assert live.of("acme").name == "bank"
    with pytest.raises(PolicyUnavailable):
        live.of("other")


def test_lanes_without_workers_are_told(desk: Desk, registry: Registry, tmp_path: Path) -> None:
    """The policy is applied; whoever did it knows that jobs will wait."""
    desk.census.report(Presence(name="w", role="worker", zone="inside", lanes={"near": 1}))
    assert [one.lane for one in desk.apply(written(tmp_path, OTHER)).unserved] == ["also"]


def test_a_policy_that_was_not_sealed_inside_is_not_followed(
    desk: Desk, registry: Registry, settings: Settings, file: Path, tmp_path: Path
) -> None:
    """Who holds the outside key alone cannot put a policy in force, nor an old one again, nor take one away."""
    live, redis = following(registry, file), registry.redis
    desk.apply(written(tmp_path, OTHER))
    desk.apply(written(tmp_path, OTHER.replace("stays", "remains")))
    live.refresh()
    in_force = live.of("default").version
    forged = Entry(seq=3, kind=Kind.APPLIED, by="mallory", at=time.time() + 60, version="ward@0")
    outside = Seals({Zone.OUTSIDE: keyring(settings, Zone.OUTSIDE)})
    plain = forged.to_json().encode() + b"\n" + Bundle(main="w.yaml", files={"w.yaml": POLICY}).packed()
    attacks: list[Callable[[], object]] = [
        lambda: redis.hset("tg:policy:sealed", "3", outside.seal(Zone.OUTSIDE, "policy:3", plain)),
        lambda: redis.hset("tg:policy:sealed", "3", redis.hget("tg:policy:sealed", "2")),
        lambda: redis.hset("tg:policy:current", FALLBACK, 1),
        lambda: redis.delete("tg:policy:current"),
    ]
    for attack in attacks:
        redis.hset("tg:policy:current", FALLBACK, 3)
        attack()
        with suppress(SealBroken):
            live.refresh()
        assert live.of("default").version == in_force
    assert Kind.BROKEN in kinds(registry)


def test_a_router_that_starts_goes_back_to_the_last_good_one(
    desk: Desk, registry: Registry, redis: StoreClient, file: Path, tmp_path: Path
) -> None:
    """A policy that it cannot take is told, and the one before decides, as in routers that were there."""
    desk.apply(written(tmp_path, OTHER))
    desk.apply(written(tmp_path, POLICY))
    redis.hset("tg:policy:sealed", "2", b"nonsense")
    live = following(registry, file)
    assert lane_of(live) == "also"
    assert registry.history()[-1].note == "entry 2 was not taken"


def test_a_router_without_any_good_policy_decides_nothing(
    desk: Desk, registry: Registry, redis: StoreClient, file: Path, tmp_path: Path
) -> None:
    """The configured file may allow what the applied policy forbade: jobs wait until somebody mends it."""
    desk.apply(written(tmp_path, OTHER))
    redis.hset("tg:policy:sealed", "1", b"nonsense")
    live = following(registry, file)
    with pytest.raises(PolicyUnavailable):
        live.of("default")
    desk.apply(written(tmp_path, OTHER))
    live.refresh()
    assert lane_of(live) == "also"


def test_a_store_that_is_away_at_the_start_is_waited_for(settings: Settings, file: Path, registry: Registry) -> None:
    """Nobody knows what is applied, so nothing is decided; later the running policy goes on without the store."""
    away = Registry(
        connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2),
        Seals({Zone.INSIDE: keyring(settings, Zone.INSIDE)}),
    )
    live = following(away, file)
    with pytest.raises(StoreUnavailable):
        live.of("default")
    known = following(registry, file)
    known.refresh()
    known._registry = away
    with pytest.raises(StoreUnavailable):
        known.refresh()
    assert lane_of(known) == "near"


def test_a_key_of_another_installation_cannot_apply(redis: StoreClient, settings: Settings) -> None:
    """What it seals no router could open: told before anything is written."""
    redis.sadd("tg:keys:inside", "another")
    with pytest.raises(InvalidSettings, match="inside key"):
        open_desk(settings, vet=vetted)


def test_a_changed_file_is_taken(registry: Registry, file: Path) -> None:
    """With nothing applied the configured file is followed, once it has come to rest."""
    live = following(registry, file)
    file.write_text(OTHER)
    live.refresh()
    live.refresh()
    assert lane_of(live) == "also"


@pytest.mark.parametrize("text", [BROKEN, FAILS, "a: [", None], ids=["check", "its own cases", "no YAML", "gone"])
def test_a_broken_reload_leaves_the_running_policy_in_force(registry: Registry, file: Path, text: str | None) -> None:
    """It is told once, on record; the file mended, it is taken."""
    live = following(registry, file)
    file.write_text(text) if text else file.unlink()
    for _ in range(4):
        live.refresh()
    assert lane_of(live) == "near"
    (event,) = registry.history()
    assert (event.kind, event.by, event.note) == (Kind.BROKEN, "router@a", f"{file} was not taken")
    file.write_text(OTHER)
    for _ in range(3):
        live.refresh()
    assert lane_of(live) == "also"


def test_many_routers_tell_of_one_broken_file_once(registry: Registry, file: Path) -> None:
    """A hundred lines that say the same help nobody."""
    routers = [following(registry, file, name=f"router@{index}") for index in range(3)]
    file.write_text(BROKEN)
    for live in routers * 2:
        live.refresh()
    assert kinds(registry) == [Kind.BROKEN]


def test_a_broken_file_at_the_start_ends_the_router_unless_something_is_applied(
    desk: Desk, registry: Registry, file: Path, tmp_path: Path
) -> None:
    """As before there were applied policies; where one is, it is what counts."""
    file.write_text(BROKEN)
    with pytest.raises(InvalidDocument):
        following(registry, file)
    desk.apply(written(tmp_path, OTHER))
    assert lane_of(following(registry, file)) == "also"


@contextmanager
def followed(live: Live) -> Iterator[None]:
    """A router's thread that follows, stopped at the end."""
    stop = threading.Event()
    thread = threading.Thread(target=live.follow, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        live._registry.redis.publish(live._registry._channel, "")  # it wakes, and sees that it may go
        thread.join(BOUND_S)


@pytest.fixture
def client(settings: Settings, redis: StoreClient) -> Client:
    """A producer whose wake-ups are sent."""
    return Client(settings)


@pytest.fixture
def process(settings: Settings, redis: StoreClient, file: Path, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A real router on the real store, with the configured file."""
    where = connections.addresses(settings)
    variables = {
        "TIDEGATE_DATA": str(tmp_path / "data"),
        "TIDEGATE_BROKER_URL": where.broker,
        "TIDEGATE_STORE_URL": where.store,
        "TIDEGATE_POLICY": str(file),
        **{f"TIDEGATE_{name.upper()}": value for name, value in KEYS.items()},
    }
    with (tmp_path / "router.log").open("wb") as log:
        router = subprocess.Popen(
            [sys.executable, "-m", "tidegate", "router"],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield router
    finally:
        router.terminate()
        router.wait(BOUND_S * 2)


@pytest.mark.integration
def test_a_running_router_follows_without_a_restart(
    process: "subprocess.Popen[bytes]", client: Client, desk: Desk, registry: Registry, tmp_path: Path
) -> None:
    """Apply, refuse, roll back and break, while one process routes job after job."""
    file = tmp_path / "ward.yaml"
    assert routed(client) == ("near", load_policy(file).version)
    done = desk.apply(written(tmp_path, OTHER), note="live")
    assert len(done.followed) == len(done.routers) == 1
    assert routed(client) == ("also", done.entry.version)
    with pytest.raises(Refused):
        desk.apply(written(tmp_path, FAILS))
    assert routed(client) == ("also", done.entry.version)
    assert desk.roll_back(None).followed == done.routers
    assert routed(client)[0] == "near"
    with registry.notices() as notices:
        file.write_text(BROKEN)
        until = time.monotonic() + BOUND_S
        while Kind.BROKEN not in kinds(registry) and time.monotonic() < until:
            notices.wait(1.0)
    assert registry.history()[-1].by == done.routers[0]
    assert routed(client)[0] == "near"
    assert process.poll() is None
    assert "policy.broken" in (tmp_path / "router.log").read_text()


def routed(client: Client) -> tuple[str | None, str | None]:
    """Where a job was placed, and by which policy. Waits for the router's notices."""
    job_id = client.submit({"text": SECRET})
    for state in client.stream_states(job_id, timeout_s=60):
        if state is not State.ACCEPTED:
            break
    record = client.record(job_id)
    client.cancel(job_id)
    return record.lane, record.decided.policy if record.decided else record.cause


def test_the_sealed_policy_is_not_readable_outside(
    desk: Desk, redis: StoreClient, settings: Settings, tmp_path: Path
) -> None:
    """The history is for everybody in the installation; the rules are for those inside."""
    desk.apply(written(tmp_path, OTHER))
    outside = Registry(redis, Seals({Zone.OUTSIDE: keyring(settings, Zone.OUTSIDE)}))
    assert [entry.kind for entry in outside.history()] == [Kind.APPLIED]
    with pytest.raises(SealBroken):
        outside.applied(1, slot=FALLBACK)
    assert json.loads(outside.history()[0].to_json())["by"] == "ada@desk"


def test_a_bundle_of_a_file_is_what_is_applied(desk: Desk, registry: Registry, tmp_path: Path) -> None:
    """Byte for byte: comments and order stay, for whoever reads it later."""
    wanted = written(tmp_path, OTHER + "# a remark\n")
    desk.apply(wanted)
    assert registry.applied(1, slot=FALLBACK).bundle == bundled(wanted)
