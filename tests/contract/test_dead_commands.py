"""`tidegate dead` and `tidegate status` as people type them, on a real store and in this process."""

import gc
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from doubles import KEYS, SECRET, decision
from typer.testing import CliRunner

from tidegate import deadletters
from tidegate.cli import main
from tidegate.client import Client
from tidegate.errors import Misuse, Reason, SubmitRefused
from tidegate.ledger import states
from tidegate.ledger.states import OPEN, State
from tidegate.settings import Settings

# A command's connections end with its process, which here goes on.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Type = Callable[..., Result]


@pytest.fixture
def type_(client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Type]:
    """Type a command; errors of ours come as they are raised."""
    assert settings.broker_url is not None
    assert settings.store_url is not None
    for name, value in {
        "data": str(settings.data),
        "broker_url": settings.broker_url.get_secret_value(),
        "store_url": settings.store_url.get_secret_value(),
        **KEYS,
    }.items():
        monkeypatch.setenv(f"TIDEGATE_{name.upper()}", value)
    runner = CliRunner()

    def typed(*words: str, fails: bool = False) -> Result:
        done = runner.invoke(main.app, words)
        if not fails and done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    yield typed
    gc.collect()


def died(client: Client, text: str = "a", *, reason: Reason = Reason.TIMEOUT, lane: str = "openai-small") -> str:
    """A dead letter with a payload."""
    job_id = client.submit({"text": text})
    changes = {"lane": lane, "model": "m-1", "decision": decision(lane).to_json()}
    client.ledger.apply(job_id, states.die(reason=reason, cause="why", sources=OPEN, changes=changes))
    return job_id


def lines(done: Result) -> list[dict[str, object]]:
    """What was printed as JSON lines."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_letters_are_listed_by_what_they_have(client: Client, type_: Type) -> None:
    """Filters narrow the list; a table stops at its limit and says so."""
    ids = [died(client, text) for text in "abc"]
    poisoned = died(client, reason=Reason.POISON, lane="local-small")
    assert [one["id"] for one in lines(type_("dead", "list", "--json"))] == [*ids, poisoned]
    for words in (("--reason", "poison"), ("--lane", "local-small"), ("--older-than", "0s", "--lane", "local-small")):
        assert [one["id"] for one in lines(type_("dead", "list", *words, "--json"))] == [poisoned]
    assert len(lines(type_("dead", "list", "--model", "m-1", "--rule", "a-rule", "--newer-than", "1h", "--json"))) == 4
    shown = type_("dead", "list", "--limit", "2")
    assert ids[1] in shown.stdout
    assert ids[2] not in shown.stdout
    assert "there are more" in shown.stderr


def test_letters_are_grouped(client: Client, type_: Type) -> None:
    """By reason where nothing is said; with count, ages and an example to look at."""
    died(client)
    last = died(client)
    died(client, reason=Reason.POISON)
    first, second = lines(type_("dead", "group", "--json"))
    assert (first["reason"], first["count"], first["example"]) == ("timeout", 2, last)
    assert second["reason"] == "poison"
    assert first["oldest_s"] >= first["newest_s"] >= 0  # type: ignore[operator]
    assert "a-rule" in type_("dead", "group", "--by", "rule").stdout
    assert len(lines(type_("dead", "group", "--by", "fingerprint", "--reason", "timeout", "--json"))) == 1


def test_a_letter_is_shown_without_its_text_unless_it_is_revealed(client: Client, type_: Type) -> None:
    """The plain view has no word of it; the revealed one has, and the letter's history says who looked."""
    job_id = died(client, SECRET)
    for words in ((), ("--json",)):
        assert "Quillfeather" not in type_("dead", "show", job_id, *words).output
    assert SECRET in type_("dead", "show", job_id, "--reveal").stdout
    (shown,) = lines(type_("dead", "show", job_id, "--reveal", "--json"))
    assert shown["job"]["text"] == SECRET  # type: ignore[index]
    moves = [event["move"] for event in shown["history"]]  # type: ignore[attr-defined]
    assert moves == ["accepted", "dead", "revealed", "revealed"]


def test_chosen_letters_are_redriven(client: Client, type_: Type) -> None:
    """A dry run changes nothing; the order for a lane goes with the letter; the others stay."""
    meant, other = died(client), died(client, reason=Reason.POISON)
    dry = type_("dead", "redrive", "--reason", "timeout", "--dry-run")
    assert (dry.stdout.split(), client.record(meant).state) == ([meant], State.DEAD)
    done = type_("dead", "redrive", "--reason", "timeout", "--lane-to", "openai-large", "--rate", "1000", "--json")
    assert lines(done) == [{"job_id": meant, "redriven": True}]
    assert (client.record(meant).state, client.record(meant).asked_lane) == (State.ACCEPTED, "openai-large")
    assert client.record(other).state is State.DEAD


def test_ctrl_c_stops_between_two_letters(client: Client, type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how far it came; what was not reached is as it was."""
    ids = [died(client, text) for text in "abc"]
    pauses = []

    def interrupted(_: float) -> None:
        pauses.append(1)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(deadletters.redriving.redriven, "__kwdefaults__", {"lane": None, "pause": interrupted})
    done = type_("dead", "redrive", "--all")
    assert done.exit_code == 130
    assert "stopped: " in done.stderr
    states_now = [client.record(job_id).state for job_id in ids]
    assert states_now == [State.ACCEPTED, State.ACCEPTED, State.DEAD]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("redrive",), "which dead letters"),
        (("redrive", "0" * 32), "no such dead letter"),
        (("redrive", "--all", "--lane-to", "nowhere"), "has no lane nowhere; there is: local-small"),
        (("purge",), "which dead letters"),
        (("list", "--newer-than", "soon"), "--newer-than: expected a number and one of s, m, h, d"),
    ],
)
def test_misuse_is_told_in_words(type_: Type, words: tuple[str, ...], said: str) -> None:
    """What was expected, and what to do."""
    with pytest.raises(Misuse, match=said):
        type_("dead", *words)


def test_letters_are_exported(client: Client, type_: Type, tmp_path: Path) -> None:
    """A file for its owner only; without texts unless they are revealed, each with a line on its letter's record."""
    job_id = died(client, SECRET)
    plain, revealed = tmp_path / "plain.jsonl", tmp_path / "revealed.jsonl"
    type_("dead", "export", str(plain), "--format", "jsonl")
    type_("dead", "export", str(revealed), "--reveal", "--reason", "timeout")
    assert SECRET not in plain.read_text()
    assert json.loads(revealed.read_text())["job"]["text"] == SECRET
    assert {stat.S_IMODE(file.stat().st_mode) for file in (plain, revealed)} == {0o600}
    assert client.ledger.history(job_id)[-1].move == "revealed"


def test_letters_are_purged(client: Client, type_: Type) -> None:
    """What was chosen is gone; the rest stays."""
    gone, stays = died(client), died(client, reason=Reason.POISON)
    assert type_("dead", "purge", "--reason", "timeout").stdout.split() == [gone]
    assert [letter.id for letter in deadletters.chosen(client.ledger, deadletters.Choice())] == [stays]


def test_status_tells_how_much_room_is_left(client: Client, type_: Type) -> None:
    """Use beside limit for jobs, tenants, wait and memory; count and age of the dead letters."""
    died(client)
    client.submit({"text": "x", "tenant": "acme"})
    (told,) = lines(type_("status", "--json"))
    room, dead = told["room"], told["dead"]
    assert room["open"] == {"used": 1, "limit": 500_000}  # type: ignore[index]
    assert room["tenants"] == {"used": {"acme": 1}, "limit": 250_000}  # type: ignore[index]
    assert room["memory_bytes"]["used"] > 0  # type: ignore[index]
    assert dead["count"] == 1  # type: ignore[index]
    shown = type_("status").stdout
    assert "of tenant acme" in shown
    assert "dead letters: 1" in shown


def test_a_refused_submit_tells_what_went_in(type_: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five jobs two have room: their ids are printed, the rest is to be sent later."""
    monkeypatch.setenv("TIDEGATE_MAX_OPEN", "2")
    file = tmp_path / "jobs.jsonl"
    file.write_text('{"text": "x"}\n' * 5)
    done = type_("submit", "--jsonl", str(file), "--json", fails=True)
    assert len(lines(done)) == 2
    assert "2 of 5 jobs are on record: send the others later" in done.stderr
    assert isinstance(done.exception, SubmitRefused)
