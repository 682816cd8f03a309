"""The chaos harness's own invariants: evidence of a good run passes all of them, and each kind of harm is seen."""

import copy
from collections.abc import Callable

import pytest
from chaos.checks import CHECKS, doubled_calls
from chaos.evidence import Accepted, Evidence, Found
from chaos.jobs import SENSITIVE

Harm = Callable[[Evidence], object]


def test_a_good_run_passes() -> None:
    """One job of each end, read as it is stored, breaks nothing."""
    assert {name: list(check(_good())) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}
    assert doubled_calls(_good()) == 0


HARMS: dict[str, tuple[str, Harm]] = {
    "a record is gone": ("lost", lambda found: found.found.pop("ok")),
    "a job still runs": ("stranded", lambda found: _append(found, "ok", "claimed", "running", fence=2)),
    "a second run finished": ("finished_twice", lambda found: _append(found, "ok", "succeeded", "succeeded")),
    "a marker was received": ("sensitive_outside", lambda found: found.outside_markers.add("mk-secret")),
    "a sensitive job was cleared": ("sensitive_outside", lambda found: _set(found, "secret", "outside", "slot")),
    "a provider was called for it": ("sensitive_outside", lambda found: found.calls.update(["secret"])),
    "another result than was seen": ("overwritten", lambda found: _set(found, "ok", "result", "r2")),
    "another end than was seen": ("overwritten", lambda found: found.seen.update(ok=("dead", "r1"))),
    "a run without a lease": ("unlawful", lambda found: found.found["ok"].moves.pop(2)),
    "an old fence finished": ("unlawful", lambda found: found.found["ok"].moves[-1].update(fence=0)),
    "a letter without a reason": ("bare_letters", lambda found: _set(found, "letter", "reason", "")),
    "a letter without its payload": ("bare_letters", lambda found: found.slots.discard("p2")),
    "a result that is not there": ("no_result", lambda found: found.slots.discard("r1")),
    "an ended job in a lane": ("stale_indexes", lambda found: found.indexes.update({"tg:in:running:bulk": {"ok"}})),
    "a letter that is not listed": ("stale_indexes", lambda found: found.indexes["tg:dead"].clear()),
    "a count that is off": ("stale_indexes", lambda found: found.ended.update(succeeded=7)),
    "a text that stays for ever": ("endless", lambda found: found.endless.append("tg:vault:r1")),
    "a call with no key": ("unkeyed_calls", lambda found: found.calls.update([""])),
    "two jobs for one key": ("forked", lambda found: found.notes.append({"forked": ["a", "b"]})),
    "an end that the audit log misses": ("unaudited", lambda found: found.audited.subtract([("ok", "succeeded")])),
    "a broken audit log": ("unaudited", lambda found: found.audit_findings.append("broken")),
    "a budget that still holds": ("unbalanced", lambda found: _account(found, "*:usd_held", "5")),
    "a budget that was charged twice": ("unbalanced", lambda found: _account(found, "*:usd", "14")),
    "a poison job that lived": ("poison_alive", lambda found: _set(found, "letter", "reason", "timeout")),
}


@pytest.mark.parametrize("name", HARMS)
def test_each_harm_is_seen(name: str) -> None:
    """A check that never fails would prove nothing."""
    check, harm = HARMS[name]
    evidence = copy.deepcopy(_good())
    harm(evidence)
    assert list(CHECKS[check](evidence)), name


def test_a_call_that_no_retry_explains_is_doubled() -> None:
    """Two calls for one run: the first was answered to a worker that was killed."""
    evidence = _good()
    evidence.calls["ok"] += 1
    assert doubled_calls(evidence) == 1


def _good() -> Evidence:
    accepted = {
        "ok": Accepted(kind="outside", marker="mk-ok"),
        "letter": Accepted(kind="poison", marker="mk-letter"),
        "secret": Accepted(kind=SENSITIVE, marker="mk-secret"),
    }
    evidence = Evidence(accepted=accepted, seen={"ok": ("succeeded", "r1")}, slots={"r1", "p2", "r3"})
    evidence.found = {
        "ok": _found("succeeded", result="r1", zone="outside", spent_nano="7"),
        "letter": _found("dead", reason="poison", payload="p2"),
        "secret": _found("succeeded", result="r3", zone="inside"),
    }
    evidence.indexes = {"tg:dead": {"letter"}, "tg:in:running:bulk": set()}
    evidence.notes = [{"poisoned": "letter", "kills": 2}, {"done": "p0"}]
    evidence.ended = {"succeeded": 2, "dead": 1}
    evidence.audited.update(
        (job_id, event["move"]) for job_id, found in evidence.found.items() for event in found.moves
    )
    evidence.accounts = {"tg:budget:spending:202611": {"*:usd": "7", "*:usd_held": "0"}}
    evidence.calls.update(["ok"])
    evidence.outside_markers.add("mk-ok")
    return evidence


def _found(end: str, **fields: str) -> Found:
    moves = [("accepted", "accepted", 0), ("placed", "placed", 0), ("claimed", "running", 1), (end, end, 1)]
    return Found(
        fields={"state": end, **fields},
        moves=[
            {"move": move, "state": state, "fence": fence, "rev": rev + 1}
            for rev, (move, state, fence) in enumerate(moves)
        ],
    )


def _append(evidence: Evidence, job_id: str, move: str, state: str, *, fence: int = 1) -> None:
    found = evidence.found[job_id]
    found.moves.append({"move": move, "state": state, "fence": fence, "rev": found.moves[-1]["rev"] + 1})
    found.fields["state"] = state


def _account(found: Evidence, name: str, value: str) -> None:
    found.accounts["tg:budget:spending:202611"][name] = value


def _set(evidence: Evidence, job_id: str, name: str, value: str) -> None:
    evidence.found[job_id].fields[name] = value
