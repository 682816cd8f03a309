"""The keys' desk against a real store: readers first, and nothing goes that somebody needs."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tidegate import clearance, keychecks, keys
from tidegate.audit import journal
from tidegate.connections import StoreClient
from tidegate.decision import Clearance
from tidegate.errors import Misuse
from tidegate.keychecks import Held
from tidegate.keydesk import Desk
from tidegate.keysteps import Use, every_key
from tidegate.lane import Zone
from tidegate.ledger.census import Census, Presence
from tidegate.settings import Settings, load
from tidegate.vault import Seals, Vault


@pytest.fixture
def home(tmp_path: Path, store_server: Any) -> Settings:
    """An installation that keeps its keys in files."""
    return load(data=tmp_path, broker_url=store_server.broker_url, store_url=store_server.store_url)


def process(redis: StoreClient, role: str, *, zone: str | None = None, holds: Held | None = None) -> str:
    """A process that reports itself, and perhaps what it holds."""
    name = f"{role}-{zone}"
    Census(redis).report(Presence(name=name, role=role, zone=zone))
    if holds is not None:
        redis.set(f"tg:keys:held:{name}", holds.to_json())
    return name


def rings(settings: Settings, *zones: Zone) -> dict[Zone, keys.Keyring]:
    """What a process reads from these files."""
    return {zone: keys.keyring(settings, zone) for zone in zones}


def acts(redis: StoreClient) -> list[str]:
    """What the journal says of keys."""
    told = [json.loads(entry.event) for entry in journal.waiting(redis, after=0, limit=100)]
    return [event["note"]["step"] for event in told if event["move"] == "keys"]


def test_readers_come_first(redis: StoreClient, home: Settings) -> None:
    """A process that does not read the new key, or does not say, is named; others do not matter."""
    before = Held.now(rings(home, *Zone))
    router = process(redis, "router", holds=before)
    silent = process(redis, "worker", zone="inside")
    process(redis, "worker", zone="outside", holds=Held())
    desk = Desk(home, redis, Use.INSIDE)
    key_id = desk.prepare()
    assert desk.lacking(key_id, wait_s=0) == sorted([router, silent])
    after = Held.now(rings(home, *Zone))
    process(redis, "router", holds=after)
    process(redis, "worker", zone="inside", holds=after)
    assert desk.lacking(key_id, wait_s=0) == []
    desk.activate(key_id)
    assert keys.keyring(home, Zone.INSIDE).sealing[0] == key_id
    assert acts(redis) == ["prepared", "activated"]


def test_a_key_in_use_is_not_retired(redis: StoreClient, home: Settings) -> None:
    """Not while an envelope names it, and not while a process still seals with it; then it is nobody's any more."""
    old = keys.keyring(home, Zone.INSIDE)
    desk = Desk(home, redis, Use.INSIDE)
    keychecks.announce(redis, [old])
    vault = Vault(redis, Seals({Zone.INSIDE: old}))
    vault.put("a:payload:1", b"text", zone=Zone.INSIDE, keep_s=7200)
    desk.activate(desk.prepare())
    with pytest.raises(Misuse, match=r"1 texts are sealed with it, the last for 2\.0 hours"):
        desk.retire(old.sealing[0], force=False)
    vault.drop("a:payload:1")
    late = process(redis, "worker", zone="inside", holds=Held.now({Zone.INSIDE: old}))
    with pytest.raises(Misuse, match=late):
        desk.retire(old.sealing[0], force=False)
    Census(redis).leave(late)
    desk.retire(old.sealing[0], force=False)
    assert old.sealing[0] not in keys.keyring(home, Zone.INSIDE).keys
    assert acts(redis) == ["prepared", "activated", "retired"]
    assert redis.smembers("tg:keys:inside") == set()


def test_an_applied_policy_outlives_its_key(redis: StoreClient, home: Settings) -> None:
    """It never expires, so it is sealed anew before its key goes."""
    old = keys.keyring(home, Zone.INSIDE)
    desk = Desk(home, redis, Use.INSIDE)
    redis.hset("tg:policy:sealed", "3", Seals({Zone.INSIDE: old}).seal(Zone.INSIDE, "policy:3", b"rules"))
    desk.activate(desk.prepare())
    desk.retire(old.sealing[0], force=False)
    left = Seals(rings(home, Zone.INSIDE))
    assert left.open("policy:3", redis.hget("tg:policy:sealed", "3")) == b"rules"


def test_a_clearance_key_goes_when_no_open_job_needs_it(redis: StoreClient, home: Settings) -> None:
    """Signatures of both are believed until then."""
    old = keys.signer(home)
    desk = Desk(home, redis, Use.CLEARANCE)
    given = Clearance(job_id="a", slot="a:outside:1", digest="0" * 64, lanes=("far",), policy="p@0", expires_at=1.0)
    redis.hset("tg:job:a", mapping={"state": "placed", "clearance": clearance.sign(given, old)})
    new = desk.prepare()
    assert keys.signer(home).verifier == old.verifier
    desk.activate(new)
    assert keychecks.print_of(keys.signer(home).verifier.raw) == new
    assert clearance.verified(clearance.sign(given, old), keys.verifier(home)) == given
    old_print = keychecks.print_of(old.verifier.raw)
    with pytest.raises(Misuse, match="1 open jobs"):
        desk.retire(old_print, force=False)
    redis.hset("tg:job:a", "state", "succeeded")
    desk.retire(old_print, force=False)
    assert keys.verifier(home).raws == keys.signer(home).verifier.raws


@pytest.mark.parametrize("use", list(Use))
def test_keys_from_variables_are_written_where_the_operator_says(
    redis: StoreClient, settings: Settings, tmp_path: Path, use: Use
) -> None:
    """Nobody can change another process's environment: that is said, or a file of mode 600 is made on demand."""
    secret = keys.signer_source(load(data=tmp_path / "other"), "audit").text()
    given = settings.model_copy(
        update={"clearance_pub": settings.clearance_key, "audit_key": None, "audit_pub_file": None}
    )
    if use is Use.AUDIT:
        given = load(data=tmp_path, store_url="redis://x", broker_url="redis://x", audit_key=secret, audit_pub=secret)
    with pytest.raises(Misuse, match="--out"):
        Desk(given, redis, use).prepare()
    target = tmp_path / "next"
    Desk(given, redis, use, to=target).prepare()
    assert target.stat().st_mode & 0o777 == 0o600
    assert len(target.read_text().split()) >= 2


def test_a_producer_with_a_key_that_was_retired_is_told(redis: StoreClient, home: Settings) -> None:
    """Before it seals what nobody could open."""
    old = keys.keyring(home, Zone.INSIDE)
    desk = Desk(home, redis, Use.INSIDE)
    new = desk.prepare()
    keychecks.announce(redis, [keys.keyring(home, Zone.INSIDE)])
    keychecks.check(redis, [old])
    desk.activate(new)
    desk.retire(old.sealing[0], force=False)
    with pytest.raises(Misuse, match="is not this installation's"):
        keychecks.check(redis, [old])


def test_a_process_says_what_it_holds_and_again_when_that_changes(redis: StoreClient, home: Settings) -> None:
    """The announcement comes first: who reads that a key is known may use it at once."""
    said, stop, seen = threading.Event(), threading.Event(), list[bool]()

    def changed() -> None:
        seen.append(bool(redis.exists("tg:keys:held:one")))
        said.set()

    says = keychecks.report(redis, "one", lambda: Held.now(rings(home, Zone.INSIDE)), changed=changed, stop=stop)
    assert said.wait(30)
    said.clear()
    Desk(home, redis, Use.INSIDE).prepare()
    assert said.wait(30)
    assert seen == [False, True]
    stop.set()
    says.join(30)


def test_looking_makes_no_key(home: Settings, redis: StoreClient) -> None:
    """On a machine that was given none, nothing is listed, nothing rotates, and no file appears."""
    assert list(every_key(home)) == []
    for use in Use:
        with pytest.raises(Misuse, match="keys here"):
            Desk(home, redis, use)
    assert not home.keys_folder.exists()
