"""Dead letters: which are meant, and what redriving and purging do with them."""

from typing import Any

import pytest
from doubles import RecordingDoorbell, decision, record

from tidegate.client import Client
from tidegate.deadletters import Choice, chosen, purge, redrive
from tidegate.errors import Conflict, Reason, UnknownJob
from tidegate.ledger import states
from tidegate.ledger.states import State

NOW = 5000.0


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({}, True),
        ({"ids": frozenset({"a" * 32, "other"})}, True),
        ({"ids": frozenset({"other"})}, False),
        ({"lane": "local"}, True),
        ({"lane": "api"}, False),
        ({"reason": Reason.POISON}, True),
        ({"reason": Reason.TIMEOUT}, False),
        ({"older_than_s": 1000.0}, True),
        ({"older_than_s": 1000.1}, False),
        ({"newer_than_s": 1000.1}, True),
        ({"newer_than_s": 1000.0}, False),
        ({"tenant": "acme"}, True),
        ({"tenant": "other"}, False),
        ({"model": "m-1"}, True),
        ({"model": "m-2"}, False),
        ({"rule": "a-rule"}, True),
        ({"rule": "another"}, False),
        ({"fingerprint": "abc"}, True),
        ({"fingerprint": "abd"}, False),
        ({"lane": "local", "reason": Reason.TIMEOUT}, False),
        ({"lane": "local", "reason": Reason.POISON, "older_than_s": 1.0, "ids": frozenset({"a" * 32})}, True),
    ],
)
def test_every_given_condition_must_hold(given: dict[str, Any], *, fits: bool) -> None:
    """Conditions narrow the choice; without any, every letter is meant."""
    letter = record(
        state=State.DEAD,
        reason="poison",
        ended_at=4000.0,
        tenant="acme",
        model="m-1",
        fingerprint="abcdef",
        decision=decision("local").to_json(),
    )
    assert Choice(**given).fits(letter, now=NOW) is fits


def died(client: Client, text: str, *, reason: Reason = Reason.POISON, deadline_s: float = 600) -> str:
    """A dead letter with a payload."""
    job_id = client.submit({"text": text, "hints": {"deadline_s": deadline_s}})
    client.ledger.apply(job_id, states.die(reason=reason, cause="c", sources=frozenset({State.ACCEPTED})))
    return job_id


def test_letters_come_oldest_first(client: Client) -> None:
    """The choice is told in the order of the ends, and holds what is meant only."""
    first, second, third = died(client, "a"), died(client, "b", reason=Reason.TIMEOUT), died(client, "c")
    client.submit({"text": "open"})
    assert [letter.id for letter in chosen(client.ledger, Choice())] == [first, second, third]
    assert [letter.id for letter in chosen(client.ledger, Choice(reason=Reason.POISON))] == [first, third]


@pytest.mark.parametrize(("deadline_s", "again_s"), [(600, 600), (5, 60)])
def test_a_redrive_gives_the_time_of_the_first(
    client: Client, doorbell: RecordingDoorbell, deadline_s: float, again_s: float
) -> None:
    """A redriven letter is accepted anew with as much time as at first, a minute at least, and the router is woken."""
    job_id = died(client, "a", deadline_s=deadline_s)
    doorbell.rings.clear()
    redrive(client.ledger, doorbell, client.record(job_id), by="op")
    letter = client.record(job_id)
    assert (letter.state, letter.redrives) == (State.ACCEPTED, 1)
    assert letter.deadline_at - letter.updated_at == pytest.approx(again_s, abs=0.01)
    assert doorbell.rings == [("router", job_id)]
    assert client.ledger.history(job_id)[-1].note == {"by": "op"}
    assert client.vault.get(letter.payload or "")


def test_a_letter_is_redriven_once_a_look(client: Client, doorbell: RecordingDoorbell) -> None:
    """Two operators redrive what both saw: the second is told that the letter is none any more."""
    seen = client.record(died(client, "a"))
    redrive(client.ledger, doorbell, seen, by="one")
    with pytest.raises(Conflict):
        redrive(client.ledger, doorbell, seen, by="two")
    assert client.record(seen.id).redrives == 1


def test_a_letter_without_payload_is_not_redriven(client: Client, doorbell: RecordingDoorbell) -> None:
    """What cannot be run again stays a dead letter."""
    letter = client.record(died(client, "a")).model_copy(update={"payload": None})
    with pytest.raises(Conflict, match="no longer kept"):
        redrive(client.ledger, doorbell, letter, by="op")
    assert client.record(letter.id).state is State.DEAD


def test_a_redrive_needs_no_broker(client: Client) -> None:
    """Where the wake-up cannot be sent the letter is redriven all the same, and due for the janitor."""
    job_id = died(client, "a")
    redrive(client.ledger, RecordingDoorbell(broken=True), client.record(job_id), by="op")
    assert client.ledger.due(limit=1) == [job_id]


def test_what_is_purged_is_gone(client: Client) -> None:
    """Records, payloads and index entries of the chosen letters go; the others stay."""
    gone, stays = died(client, "a", reason=Reason.TIMEOUT), died(client, "b")
    slot = client.record(gone).payload or ""
    assert purge(client.ledger, list(chosen(client.ledger, Choice(reason=Reason.TIMEOUT))), by="op") == 1
    with pytest.raises(UnknownJob):
        client.record(gone)
    assert not client.ledger.redis.exists(f"tg:vault:{slot}")
    assert [letter.id for letter in chosen(client.ledger, Choice())] == [stays]
