"""The chain of the audit log: however its lines are tampered with, verifying finds it. Pure."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tidegate.audit import line as lines
from tidegate.audit.head import Head
from tidegate.audit.line import Kind, Place
from tidegate.audit.verify import Raw, Verdict, Verified, verified
from tidegate.keys import Signer

KEY = Signer(Ed25519PrivateKey.from_private_bytes(b"a" * 32))
THIEF = Signer(Ed25519PrivateKey.from_private_bytes(b"t" * 32))


def broken(result: Verified) -> list[str]:
    """What was found to be broken."""
    return [finding.what for finding in result.findings if finding.verdict is Verdict.BROKEN]


def chain(count: int, *, signs: Signer = KEY, batch: int = 3) -> list[bytes]:
    """A log of so many events."""
    at, made = Place(), list[bytes]()
    for number in range(count + 1):
        kind = Kind.EVENT if number else Kind.OPENED
        fields = {"job": f"j{number}", "event": {"move": "accepted", "at": number / 7}} if number else {"place": "p"}
        ends = number % batch == 0 or number == count
        made.append(lines.written(at, kind, fields, serial=number, signs=signs if ends else None))
        at = lines.place_of(made[-1])
    return made


def look(log: list[bytes], *, head: bytes) -> Verified:
    """Verify these lines, with the head that the keeper told."""
    at = lines.place_of(head)
    told = Head(n=at.n, hash=at.hash, serial=at.serial, place="p")
    return verified((Raw(raw=raw, where=f"f:{i}") for i, raw in enumerate(log, 1)), KEY.verifier, head=told)


LOG = chain(10)


def test_a_log_as_it_was_written_is_fine() -> None:
    """Nothing is found in it."""
    assert look(LOG, head=LOG[-1]).findings == ()


def changed(log: list[bytes], draw: Callable[..., Any]) -> list[bytes]:
    """A byte is another one."""
    at = draw(st.integers(0, len(log) - 1))
    where = draw(st.integers(0, len(log[at]) - 1))
    byte = draw(st.integers(0, 255).filter(lambda value: value not in (log[at][where], 10)))
    return [*log[:at], log[at][:where] + bytes([byte]) + log[at][where + 1 :], *log[at + 1 :]]


def removed(log: list[bytes], draw: Callable[..., Any]) -> list[bytes]:
    """Some lines are gone."""
    start = draw(st.integers(0, len(log) - 1))
    return [*log[:start], *log[draw(st.integers(start + 1, len(log))) :]]


def doubled(log: list[bytes], draw: Callable[..., Any]) -> list[bytes]:
    """A line stands a second time somewhere."""
    at, to = draw(st.integers(0, len(log) - 1)), draw(st.integers(0, len(log)))
    return [*log[:to], log[at], *log[to:]]


def moved(log: list[bytes], draw: Callable[..., Any]) -> list[bytes]:
    """The lines stand in another order."""
    return list(draw(st.permutations(log).filter(lambda order: order != log)))


def forged(log: list[bytes], draw: Callable[..., Any]) -> list[bytes]:
    """A line says something else, and everything after it was hashed anew, with the old signatures or a thief's."""
    at = draw(st.integers(1, len(log) - 1))
    hand = draw(st.sampled_from([None, THIEF, "old"]))
    made, place = log[:at], lines.place_of(log[at - 1])
    for index, raw in enumerate(log[at:], at):
        line = lines.read(raw)
        old = line.pop("sig", None)
        fields = {name: line[name] for name in ("job", "event", "place") if name in line}
        if index == at:
            fields["event"] = {"move": "never"}
        new = lines.written(place, Kind.EVENT, fields, serial=line["serial"], signs=None)
        if old is not None and hand == "old":
            new = lines.canonical({**lines.read(new), "sig": old})
        elif old is not None and isinstance(hand, Signer):
            new = lines.written(place, Kind.EVENT, fields, serial=line["serial"], signs=hand)
        made.append(new)
        place = lines.place_of(new)
    return made


@pytest.mark.parametrize("attack", [changed, removed, doubled, moved, forged])
@given(data=st.data())
def test_no_line_can_be_tampered_with(attack: Callable[..., list[bytes]], data: st.DataObject) -> None:
    """Any edit, removal, repetition, reordering, or recomputing of the chain is found, where the head is known."""
    tampered = attack(LOG, data.draw)
    assert broken(look(tampered, head=LOG[-1])) or look(tampered, head=LOG[-1]).first != 1


@pytest.mark.parametrize("at", range(1, 10))
def test_the_line_that_was_changed_is_named(at: int) -> None:
    """By its number and its place in the file."""
    line = lines.read(LOG[at])
    other = lines.canonical({**line, "job": "another"})
    found = look([*LOG[:at], other, *LOG[at + 1 :]], head=LOG[-1]).findings
    assert any(f.where == f"f:{at + 1}" for f in found)
