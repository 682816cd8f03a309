"""The audit log over a real store: each move reaches the files once, whatever dies, and every forgery is found."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from auditing import KEY, THIEF, broken, checked, keeper, said, submit

from tidegate import connections
from tidegate.audit import journal
from tidegate.audit.folder import files_of
from tidegate.audit.head import read_head
from tidegate.audit.verify import Verdict
from tidegate.connections import StoreClient
from tidegate.errors import Conflict, StorageFull, StoreUnavailable
from tidegate.ledger import states
from tidegate.ledger.store import Ledger


def test_every_move_reaches_the_log_once(ledger: Ledger, redis: StoreClient, tmp_path: Path) -> None:
    """Accepted, cancelled, an operator's act: each a line with a serial; a move that was refused is none."""
    submit(ledger, "one", "two")
    ledger.apply("one", states.cancel())
    with pytest.raises(Conflict):
        ledger.apply("one", states.cancel())
    journal.act(redis, "revealed", job="two", by="ann", note={"reason": "asked"})
    one = keeper(redis, tmp_path)
    assert one.step() == 4
    assert one.step() == 0
    opened, *events = said(tmp_path)
    assert opened["kind"] == "opened"
    assert [(line["job"], line["event"]["move"]) for line in events] == [
        ("one", "accepted"),
        ("two", "accepted"),
        ("one", "cancelled"),
        ("two", "revealed"),
    ]
    assert events[-1]["event"]["note"] == {"reason": "asked", "by": "ann"}
    assert checked(redis, tmp_path).findings == ()
    assert redis.xlen("tg:journal") == 0
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files_of(tmp_path))


def test_renewing_a_lease_is_no_event(ledger: Ledger, redis: StoreClient) -> None:
    """What happens every few seconds to every running job says nothing."""
    submit(ledger, "one")
    ledger.apply("one", states.place(lane="l", zone="inside", changes={}, nudge_s=9, note={}))
    fence = ledger.apply("one", states.claim(worker="w", lease_s=9)).fence
    ledger.apply("one", states.renew(fence=fence, lease_s=9))
    assert journal.last_serial(redis) == 3


def test_two_keepers_write_as_one(ledger: Ledger, redis: StoreClient, tmp_path: Path) -> None:
    """One has the lock; the other writes nothing until the first one leaves, and then goes on from its last line."""
    first, second = keeper(redis, tmp_path), keeper(redis, tmp_path, name="k2")
    submit(ledger, "one")
    assert (first.step(), second.step()) == (1, 0)
    first.leave()
    submit(ledger, "two")
    assert (second.step(), first.step()) == (1, 0)
    assert checked(redis, tmp_path).findings == ()
    assert [line["n"] for line in said(tmp_path)] == [1, 2, 3]


class Died(Exception):
    """The process is gone."""


def dies(*_: Any, **__: Any) -> Any:
    """Do so."""
    raise Died


@pytest.mark.parametrize("torn", [None, 1, 40, 400], ids=["acknowledging", "one byte", "a line", "more"])
def test_a_keeper_that_dies_doubles_nothing(
    ledger: Ledger, redis: StoreClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: int | None
) -> None:
    """Between the write and the word to the store, or in mid-write: the next one has each event once."""
    one = keeper(redis, tmp_path)
    submit(ledger, "zero")
    one.step()
    submit(ledger, "one", "two", "three")
    with monkeypatch.context() as patch:
        patch.setattr(one, "_acknowledged", dies)
        with pytest.raises(Died):
            one.step()
    file = files_of(tmp_path)[-1]
    if torn is not None:
        with file.open("r+b") as opened:
            opened.truncate(file.stat().st_size - torn)
    one.leave()
    submit(ledger, "four")
    two = keeper(redis, tmp_path, name="k2")
    while two.step():
        pass
    assert checked(redis, tmp_path).findings == ()
    assert [line["serial"] for line in said(tmp_path) if line["kind"] == "event"] == [1, 2, 3, 4, 5]


def test_another_machine_goes_on_from_the_head(
    ledger: Ledger, redis: StoreClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In files of its own; what the first one wrote and could not acknowledge is there twice, and said to be."""
    here, there = tmp_path / "here", tmp_path / "there"
    one, two = keeper(redis, here), keeper(redis, there, name="k2")
    submit(ledger, "one")
    one.step()
    submit(ledger, "two")
    with monkeypatch.context() as patch:
        patch.setattr(one, "_acknowledged", dies)
        with pytest.raises(Died):
            one.step()
    redis.delete("tg:audit:keeper")
    submit(ledger, "three")
    two.step()
    result = checked(redis, here, there)
    assert broken(result) == []
    assert any("twice" in finding.what for finding in result.findings)
    two.leave()
    submit(ledger, "four")
    keeper_back = keeper(redis, here, name="k3")
    one.leave()
    keeper_back.step()
    assert broken(checked(redis, here, there)) == []


def test_a_keeper_without_the_lock_takes_its_lines_back(ledger: Ledger, redis: StoreClient, tmp_path: Path) -> None:
    """A keeper that was stopped past its lock's time must not leave lines that another one writes, too."""
    here, there = tmp_path / "here", tmp_path / "there"
    one, two = keeper(redis, here), keeper(redis, there, name="k2")
    submit(ledger, "one")
    one.step()
    submit(ledger, "two")

    def robbed(batch: list[bytes], **given: Any) -> int:
        redis.delete("tg:audit:keeper")
        two.step()
        return append(batch, **given)

    append, one._folder.append = one._folder.append, robbed  # type: ignore[method-assign]
    one.step()
    result = checked(redis, here, there)
    assert (broken(result), result.events) == ([], 2)


def test_what_never_reached_the_log_is_on_record(ledger: Ledger, redis: StoreClient, tmp_path: Path) -> None:
    """An entry that was taken out of the journal, in the middle or at its end, leaves a line that says so."""
    one = keeper(redis, tmp_path)
    submit(ledger, "one", "two", "three")
    redis.xdel("tg:journal", "0-2")
    one.step()
    submit(ledger, "four")
    redis.xdel("tg:journal", "0-4")
    one.step()
    gaps = [(line["first"], line["last"]) for line in said(tmp_path) if line["kind"] == "gap"]
    assert gaps == [(2, 2), (4, 4)]
    assert {finding.verdict for finding in checked(redis, tmp_path).findings} == {Verdict.GAP}


@pytest.mark.parametrize("again", [1, 5])
def test_a_store_that_was_emptied_is_on_record(ledger: Ledger, redis: StoreClient, tmp_path: Path, again: int) -> None:
    """The journal begins anew, with fewer entries than before or with more: the log says so and goes on."""
    one = keeper(redis, tmp_path)
    submit(ledger, "one", "two")
    one.step()
    redis.flushdb()
    submit(ledger, *(f"new-{number}" for number in range(again)))
    one.step()
    kinds = [line["kind"] for line in said(tmp_path)]
    assert kinds == ["opened", "event", "event", "reset", *["event"] * again]
    assert {finding.verdict for finding in checked(redis, tmp_path).findings} == {Verdict.GAP}


def test_a_journal_that_was_removed_is_told_once(ledger: Ledger, redis: StoreClient, tmp_path: Path) -> None:
    """The keeper goes on with the new one from its first entry."""
    one = keeper(redis, tmp_path)
    submit(ledger, "one", "two")
    one.step()
    redis.delete("tg:journal")
    one.step()
    one.step()
    submit(ledger, "three")
    one.step()
    assert [line["kind"] for line in said(tmp_path)] == ["opened", "event", "event", "reset", "event"]
    assert broken(checked(redis, tmp_path)) == []


@pytest.mark.parametrize("again", [1, 2, 5])
@pytest.mark.parametrize("running", [True, False])
def test_a_store_that_went_back_in_time_hides_nothing(
    ledger: Ledger, redis: StoreClient, tmp_path: Path, again: int, *, running: bool
) -> None:
    """After a crash the store gives the same numbers to other events: all of them get into the log, after a `reset`."""
    one = keeper(redis, tmp_path)
    submit(ledger, "one")
    one.step()
    before = redis.get("tg:audit:head")
    submit(ledger, "two", "three")
    one.step()
    redis.set("tg:audit:head", before)
    redis.delete("tg:journal")
    redis.xadd("tg:journal", {"job": "x", "event": "{}"}, id="0-1")
    redis.xdel("tg:journal", "0-1")
    submit(ledger, *(f"new-{number}" for number in range(again)))
    if not running:
        one.leave()
        one = keeper(redis, tmp_path, name="k2")
    one._at = None if again > 1 else one._at  # a store that crashed broke the connection
    one.step()
    jobs = [line["job"] for line in said(tmp_path) if line["kind"] == "event"]
    assert jobs == ["one", "two", "three", *(f"new-{number}" for number in range(again))]
    assert {finding.verdict for finding in checked(redis, tmp_path).findings} == {Verdict.GAP}


def test_lines_cut_off_at_the_end_are_found(ledger: Ledger, redis: StoreClient, tmp_path: Path) -> None:
    """By the store's head, at once and after the keeper has gone on."""
    one = keeper(redis, tmp_path)
    for job in ("one", "two"):
        submit(ledger, job)
        one.step()
    file = files_of(tmp_path)[0]
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))
    assert any("the end is missing" in what for what in broken(checked(redis, tmp_path)))
    one.leave()
    submit(ledger, "three")
    keeper(redis, tmp_path, name="k2").step()
    assert any("line 3 is missing" in what for what in broken(checked(redis, tmp_path)))


def test_files_follow_each_other(
    ledger: Ledger, redis: StoreClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain goes on over files; a file that is taken away from between is missed, the oldest is only noted."""
    monkeypatch.setattr("tidegate.audit.folder.FILE_BYTES", 1)
    one = keeper(redis, tmp_path)
    for job in ("one", "two", "three"):
        submit(ledger, job)
        one.step()
    first, second, _third = files_of(tmp_path)
    assert checked(redis, tmp_path).findings == ()
    first.unlink()
    assert [finding.verdict for finding in checked(redis, tmp_path).findings] == [Verdict.NOTE]
    second.unlink()
    first.write_bytes(b"")
    assert checked(redis, tmp_path).first == 5


def test_what_is_no_event_keeps_its_hash_only(redis: StoreClient, tmp_path: Path) -> None:
    """Somebody who may write to the store cannot put a text of any length into the log, or stop it."""
    for text in ("no JSON", "[1]", '{"a":' * 5000, json.dumps({"text": "x" * 40_000})):
        redis.xadd("tg:journal", {"job": "j", "event": text}, id="0-*")
    redis.xadd("tg:journal", {"other": b"\xff"}, id="0-*")
    assert keeper(redis, tmp_path).step() == 5
    assert all(set(line["event"]) == {"unreadable"} for line in said(tmp_path)[1:])
    assert checked(redis, tmp_path).findings == ()


def test_a_disk_that_is_full_loses_nothing(
    ledger: Ledger, redis: StoreClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be flushed is not acknowledged, and written when there is room."""
    one = keeper(redis, tmp_path)
    submit(ledger, "one")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(StorageFull):
            one.step()
    assert redis.xlen("tg:journal") == 1
    again = keeper(redis, tmp_path, name="k1")
    one.leave()
    assert again.step() == 1
    assert broken(checked(redis, tmp_path)) == []


def test_a_forged_head_is_none(ledger: Ledger, redis: StoreClient, tmp_path: Path) -> None:
    """Who can only write to the store cannot make verifying compare with a head of his."""
    submit(ledger, "one")
    keeper(redis, tmp_path).step()
    true = read_head(redis, KEY.verifier)
    assert true is not None
    for forged in (true.model_copy(update={"n": 1}).to_json(), true.signed(THIEF).to_json(), "nonsense"):
        redis.set("tg:audit:head", forged)
        assert read_head(redis, KEY.verifier) is None
    redis.set("tg:audit:head", true.to_json())
    assert read_head(redis, KEY.verifier) == true


def test_a_store_that_is_away_is_waited_for(tmp_path: Path) -> None:
    """The keeper says so in an error of ours, and nothing is written."""
    away = connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2)
    with pytest.raises(StoreUnavailable):
        keeper(away, tmp_path).step()
    assert files_of(tmp_path) == []
