"""Dead letters on a real store: many of them read page by page, grouped, redriven at a rate, revealed, exported."""

import itertools
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import SECRET, RecordingDoorbell, decision

from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.deadletters import Choice, chosen, redriven
from tidegate.deadletters.export import export
from tidegate.deadletters.figures import figures
from tidegate.deadletters.groups import MOST, REST, By, grouped
from tidegate.deadletters.letters import Letter
from tidegate.deadletters.reveal import reveal
from tidegate.errors import Conflict, Misuse, PayloadMissing, Reason, SealBroken, SubmitRefused
from tidegate.keys import Keyring
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.states import OPEN, State
from tidegate.ledger.store import Keep, Ledger
from tidegate.settings import Settings
from tidegate.vault import Seals, Vault


def died(client: Client, text: str = "a", *, reason: Reason = Reason.TIMEOUT, **changes: str) -> str:
    """A dead letter with a payload."""
    job_id = client.submit({"text": text, "tenant": changes.pop("tenant", "default")})
    move = states.die(reason=reason, cause="RunTimedOut on local", sources=OPEN, changes=changes)
    client.ledger.apply(job_id, move)
    return job_id


def preloaded(redis: StoreClient, ledger: Ledger, count: int) -> None:
    """So many dead letters, a hundred to each microsecond, without the moves that lead there."""
    now = ledger.now()
    for start in range(0, count, 5000):
        with redis.pipeline(transaction=False) as pipe:
            for number in range(start, min(count, start + 5000)):
                at = now - 1000 + number // 100 / 1e6
                reason = ("timeout", "poison")[number % 4 == 0]
                fields = {"state": "dead", "reason": reason, "lane": f"lane-{number % 3}", "ended_at": f"{at:.6f}"}
                pipe.hset(f"tg:job:job-{number}", mapping={**fields, "decision": "x" * 100})
                pipe.zadd("tg:dead", {f"job-{number}": f"{at:.6f}"})
            pipe.execute()


def test_many_letters_are_read_page_by_page(redis: StoreClient, ledger: Ledger) -> None:
    """Each once and the oldest first, whatever their number; the first page comes without the others being read."""
    preloaded(redis, ledger, 3000)
    redis.config_resetstat()
    letters = chosen(ledger, Choice())
    first = next(letters)
    assert (first.reason, first.lane) == ("poison", "lane-0")
    assert redis.info("commandstats")["cmdstat_hmget"]["calls"] == 500
    assert len({letter.id for letter in letters} | {first.id}) == 3000
    assert sum(1 for _ in chosen(ledger, Choice(reason=Reason.POISON))) == 750


def test_pages_hold_while_letters_go(redis: StoreClient, ledger: Ledger) -> None:
    """Letters that are removed while others are read make nobody miss any that stay."""
    preloaded(redis, ledger, 1200)
    seen = set()
    for page in ledger.shelf.ids(page=100):
        seen.update(page)
        redis.zrem("tg:dead", *page[:50])
    assert len(seen) == 1200


def test_a_letter_that_dies_again_is_not_seen_twice(client: Client, doorbell: RecordingDoorbell) -> None:
    """What is redriven and dies at once waits for the next order: a loop would never end."""
    for text in "abc":
        died(client, text)

    def die_again(_: float) -> None:
        for job_id in [who for whom, who in doorbell.rings if whom == "router"]:
            if client.record(job_id).state is State.ACCEPTED and client.record(job_id).redrives:
                client.ledger.apply(job_id, states.die(reason=Reason.TIMEOUT, cause="", sources=OPEN))

    letters = chosen(client.ledger, Choice())
    done = list(redriven(client.ledger, doorbell, letters, by="op", rate=100, pause=die_again))
    assert len(done) == 3
    assert figures(client.ledger).count == 3


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.REASON, [("timeout", 2), ("poison", 1)]),
        (By.LANE, [("one", 2), ("two", 1)]),
        (By.TENANT, [("acme", 2), ("default", 1)]),
        (By.RULE, [("a-rule", 3)]),
        (By.MODEL, [("m", 3)]),
    ],
)
def test_letters_are_grouped(client: Client, by: By, expected: list[tuple[str, int]]) -> None:
    """By what they have in common, the largest group first."""
    about = {"model": "m", "decision": decision("one").to_json()}
    died(client, "a", lane="one", tenant="acme", **about)
    died(client, "b", lane="one", tenant="acme", **about)
    died(client, "c", lane="two", reason=Reason.POISON, **about)
    found = grouped(chosen(client.ledger, Choice(), rules=True), by)
    assert [(group.key, group.count) for group in found] == expected


def test_a_group_names_its_ages_and_an_example(client: Client) -> None:
    """The times of the first and the last end, and the newest letter's id; the same content is one fingerprint."""
    first, last, other = died(client, "same"), died(client, "same"), died(client, "other")
    found = grouped(chosen(client.ledger, Choice()), By.FINGERPRINT)
    assert [group.count for group in found] == [2, 1]
    assert (found[0].example, found[1].example) == (last, other)
    assert found[0].oldest_at == client.record(first).ended_at
    assert found[0].newest_at == client.record(last).ended_at


def test_the_number_of_groups_is_bounded() -> None:
    """Past the bound the rest is one group."""
    letters = (Letter(id=str(number), fingerprint=str(number)) for number in range(MOST + 5))
    found = grouped(letters, By.FINGERPRINT)
    assert len(found) == MOST + 1
    assert (found[0].key, found[0].count) == (REST, 5)


def test_figures_tell_count_and_oldest(client: Client, redis: StoreClient) -> None:
    """None and zero without letters; a letter that is past its retention counts no more."""
    assert (figures(client.ledger).count, figures(client.ledger).oldest_s) == (0, None)
    job_id = died(client)
    died(client)
    redis.zadd("tg:dead", {job_id: client.ledger.now() - 100, "gone": client.ledger.now() - 15 * 86_400})
    told = figures(client.ledger)
    assert told.count == 2
    assert told.oldest_s == pytest.approx(100, abs=2)


def test_a_letter_is_kept_as_long_as_the_settings_say(settings: Settings, redis: StoreClient) -> None:
    """Record, history and payload go together, after the time for dead letters and not that for results."""
    with Client(settings.model_copy(update={"dead_keep_s": 5000, "result_keep_s": 100})) as client:
        client.doorbell = RecordingDoorbell()
        job_id = died(client)
        payload = client.record(job_id).payload
        for key in (f"tg:job:{job_id}", f"tg:job:{job_id}:history", f"tg:vault:{payload}"):
            assert 4990 < redis.ttl(key) <= 5000


def test_a_redrive_waits_where_there_is_no_room(settings: Settings, redis: StoreClient) -> None:
    """One at a time is refused with the hint; many wait for it, and go on when an end made room."""
    with Client(settings.model_copy(update={"max_open": 1})) as client:
        client.doorbell = doorbell = RecordingDoorbell()
        letter = died(client)
        blocking = client.submit({"text": "in the way"})
        pauses: list[float] = []

        def pause(for_s: float) -> None:
            pauses.append(for_s)
            if len(pauses) == 1:
                client.cancel(blocking)

        (done,) = redriven(client.ledger, doorbell, chosen(client.ledger, Choice()), by="op", rate=10, pause=pause)
        assert (done.job_id, done.refused) == (letter, None)
        assert len(pauses) == 2
        assert pauses[1] == 0.1
        with pytest.raises(SubmitRefused):
            client.submit({"text": "full again"})


def test_an_asked_lane_is_put_on_record_and_gone_with_the_next_redrive(
    client: Client, doorbell: RecordingDoorbell
) -> None:
    """The order is the redrive's: history says so, and the next one without an order forgets it."""
    job_id = died(client, lane="small", model="m")
    list(redriven(client.ledger, doorbell, chosen(client.ledger, Choice()), by="op", rate=1e6, lane="large"))
    record = client.record(job_id)
    assert (record.asked_lane, record.model, record.lane) == ("large", None, None)
    assert client.ledger.history(job_id)[-1].note == {"by": "op", "asked_lane": "large"}
    client.ledger.apply(job_id, states.die(reason=Reason.TIMEOUT, cause="", sources=OPEN))
    list(redriven(client.ledger, doorbell, chosen(client.ledger, Choice()), by="op", rate=1e6))
    assert client.record(job_id).asked_lane is None


def test_who_reveals_is_on_record_before_anything_is_shown(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text comes, and the letter's history names who looked; where that cannot be written nothing is shown."""
    job_id = died(client, SECRET)
    assert reveal(client, job_id, by="alex").text == SECRET
    last = client.ledger.history(job_id)[-1]
    assert (last.move, last.state, last.note) == ("revealed", State.DEAD, {"by": "alex"})
    assert SECRET not in last.to_json()
    (_, entry), *_ = client.ledger.redis.xrevrange("tg:journal", count=1)
    assert (entry[b"job"], json.loads(entry[b"event"])["move"]) == (job_id.encode(), "revealed")
    monkeypatch.setattr(client.vault, "get", lambda slot: pytest.fail("opened without a line on record"))
    monkeypatch.setattr(client.ledger.shelf, "tell", lambda *_, **__: (_ for _ in ()).throw(RuntimeError))
    with pytest.raises(RuntimeError):
        reveal(client, job_id, by="alex")


def test_without_the_inside_key_nothing_is_revealed(client: Client) -> None:
    """Another key opens nothing."""
    job_id = died(client, SECRET)
    rings = {Zone.INSIDE: Keyring(Zone.INSIDE, {"in2": b"x" * 32})}
    client.vault = Vault(client.ledger.redis, Seals(rings))
    with pytest.raises(SealBroken):
        reveal(client, job_id, by="alex")


def test_only_a_dead_letter_with_a_job_in_it_is_revealed(client: Client) -> None:
    """An open job is none of the operator's business; what was sent and is no job is not shown as one."""
    with pytest.raises(Conflict, match="only a dead letter"):
        reveal(client, client.submit({"text": "open"}), by="alex")
    client.take_in_malformed("malformed", b"{nonsense")
    client.ledger.apply("malformed", states.die(reason=Reason.MALFORMED, cause="", sources=OPEN))
    with pytest.raises(PayloadMissing):
        reveal(client, "malformed", by="alex")


def test_an_export_holds_no_text(client: Client, tmp_path: Path) -> None:
    """A line a letter, with its reason and its rule, in a file for its owner only."""
    job_id = died(client, SECRET, decision=decision("local").to_json())
    file = tmp_path / "letters.jsonl"
    assert export(chosen(client.ledger, Choice(), rules=True), file) == 1
    (line,) = (json.loads(text) for text in file.read_text().splitlines())
    assert (line["id"], line["reason"], line["rule"]) == (job_id, "timeout", "a-rule")
    assert "Quillfeather" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [event.move for event in client.ledger.history(job_id)] == ["accepted", "dead"]


def test_a_revealing_export_leaves_a_line_for_each_letter(client: Client, tmp_path: Path) -> None:
    """With the texts, and a line on each record that somebody took it; a text that is gone is told as missing."""
    kept, gone = died(client, SECRET), died(client, "b")
    client.vault.drop(client.record(gone).payload or "")
    file = tmp_path / "letters.jsonl"
    export(chosen(client.ledger, Choice()), file, reveal=lambda job_id: reveal(client, job_id, by="alex"))
    first, second = (json.loads(text) for text in file.read_text().splitlines())
    assert first["job"]["text"] == SECRET
    assert (second["job"], second["missing"]) == (None, "PayloadMissing")
    assert client.ledger.history(kept)[-1].move == "revealed"


def test_an_export_that_ends_early_leaves_no_file(client: Client, tmp_path: Path) -> None:
    """A file of that name is never half of it, and one that is there is never overwritten."""

    def broken() -> Iterator[Letter]:
        yield Letter(id="a")
        raise Conflict("in the middle")

    with pytest.raises(Conflict):
        export(broken(), tmp_path / "new.jsonl")
    assert list(tmp_path.iterdir()) == [tmp_path / "data"] or not list(tmp_path.glob("*.jsonl*"))
    (tmp_path / "there.jsonl").write_text("mine")
    for file, said in (("there.jsonl", "exists already"), ("no/where.jsonl", "no such folder")):
        with pytest.raises(Misuse, match=said):
            export(iter(()), tmp_path / file)
    assert (tmp_path / "there.jsonl").read_text() == "mine"


def test_a_glance_passes_over_what_is_gone(redis: StoreClient) -> None:
    """An index entry whose record has expired is no letter."""
    ledger = Ledger(redis, keep=Keep())
    redis.zadd("tg:dead", {"gone": ledger.now() - 5})
    assert list(chosen(ledger, Choice())) == []


def test_ids_are_looked_up_and_not_searched(client: Client, redis: StoreClient, ledger: Ledger) -> None:
    """Two ids among many letters cost two looks."""
    preloaded(redis, ledger, 600)
    redis.config_resetstat()
    found = list(chosen(ledger, Choice(ids=frozenset({"job-1", "job-599", "none"}))))
    assert {letter.id for letter in found} == {"job-1", "job-599"}
    stats: Any = redis.info("commandstats")
    assert stats["cmdstat_hmget"]["calls"] == 3
    assert "cmdstat_zrange" not in stats
    assert len(list(itertools.islice(ledger.shelf.ids(), 3))) == 2
