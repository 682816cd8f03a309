"""The vault's seals: what is edited, moved or not for this process does not open."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.connections import StoreClient
from tidegate.errors import PayloadMissing, SealBroken
from tidegate.keys import Keyring
from tidegate.lane import Zone
from tidegate.vault import Seals, Vault, digest, new_slot, own_slot

INSIDE = Keyring(Zone.INSIDE, {"in1": b"i" * 32})
OUTSIDE = Keyring(Zone.OUTSIDE, {"out1": b"o" * 32})
BOTH = Seals({Zone.INSIDE: INSIDE, Zone.OUTSIDE: OUTSIDE})
SLOT = "job:payload:1"


@given(plain=st.binary(max_size=200), slot=st.text())
@example(plain=b"text", slot="policy:7")
def test_what_is_sealed_opens_in_its_slot(plain: bytes, slot: str) -> None:
    """Any bytes survive in any slot, and the envelope does not hold them in the clear."""
    envelope = BOTH.seal(Zone.INSIDE, slot, plain)
    assert BOTH.open(slot, envelope) == plain
    assert len(plain) < 8 or plain not in envelope


@pytest.mark.parametrize("kind", ["outside", "result"])
def test_the_outside_s_key_seals_what_comes_and_goes(kind: str) -> None:
    """The copy that leaves, and the answer to it."""
    slot = new_slot("job", kind)
    assert BOTH.open(slot, BOTH.seal(Zone.OUTSIDE, slot, b"text")) == b"text"


@pytest.mark.parametrize("slot", ["job:payload:1", "job:placeholders:1", "policy:7", "result", "job:outside:1:2", ""])
def test_the_outside_s_key_seals_nothing_else(slot: str) -> None:
    """Who holds that key alone makes no payload, no placeholders and no policy that the inside would believe."""
    with pytest.raises(SealBroken, match="only the inside") as refused:
        BOTH.open(slot, BOTH.seal(Zone.OUTSIDE, slot, b"text"))
    assert refused.value.refusal == "foreign_seal"


@pytest.mark.parametrize("slot", ["b:payload:1", "a:result:1", "a:payload", "a:payload:1:2", "", "a"])
def test_a_slot_that_is_not_the_job_s_own_is_refused(slot: str) -> None:
    """Another job's, another kind's, or no slot's name at all."""
    assert own_slot("a", "payload", "a:payload:1") == "a:payload:1"
    with pytest.raises(SealBroken) as refused:
        own_slot("a", "payload", slot)
    assert refused.value.refusal == "foreign_slot"


def test_the_same_text_never_looks_the_same() -> None:
    """Two envelopes of one text differ: nobody can tell that two jobs say the same."""
    assert BOTH.seal(Zone.INSIDE, SLOT, b"text") != BOTH.seal(Zone.INSIDE, SLOT, b"text")


@given(data=st.data())
def test_an_edited_envelope_does_not_open(data: st.DataObject) -> None:
    """Whichever byte is changed, in head, nonce or text: it does not open, and nothing else is raised."""
    envelope = bytearray(BOTH.seal(Zone.INSIDE, SLOT, b"a text of some length"))
    place = data.draw(st.integers(0, len(envelope) - 1))
    envelope[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        BOTH.open(SLOT, bytes(envelope))


@given(st.integers(0, 60))
def test_a_cut_envelope_does_not_open(length: int) -> None:
    """An envelope that lost its end does not open, wherever it was cut."""
    envelope = BOTH.seal(Zone.INSIDE, SLOT, b"a text of some length")
    assert length < len(envelope)
    with pytest.raises(SealBroken):
        BOTH.open(SLOT, envelope[:length])


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_in_one_way(noise: bytes) -> None:
    """Whatever lies in a slot: SealBroken and nothing else."""
    for envelope in (noise, b"tg1.inside.in1." + noise, b"tg1." + noise, b"tg1.inside." + noise):
        with pytest.raises(SealBroken):
            BOTH.open(SLOT, envelope)


def test_a_moved_envelope_does_not_open() -> None:
    """An envelope in another job's slot is not that job's text."""
    with pytest.raises(SealBroken, match="another slot"):
        BOTH.open("other:payload:1", BOTH.seal(Zone.INSIDE, SLOT, b"text"))


def test_a_relabelled_zone_does_not_open() -> None:
    """An inside envelope that claims to be from outside is no use to one who holds the outside's key."""
    envelope = BOTH.seal(Zone.INSIDE, SLOT, b"text").replace(b".inside.in1.", b".outside.out1.")
    with pytest.raises(SealBroken):
        BOTH.open(SLOT, envelope)


def test_without_a_zone_s_key_nothing_opens_or_is_sealed() -> None:
    """A managed worker can neither open what is inside nor seal something as if it were."""
    outside = Seals({Zone.OUTSIDE: OUTSIDE})
    with pytest.raises(SealBroken, match="no key of the zone inside"):
        outside.open(SLOT, BOTH.seal(Zone.INSIDE, SLOT, b"text"))
    with pytest.raises(SealBroken, match="no key of the zone inside"):
        outside.seal(Zone.INSIDE, SLOT, b"text")


def test_another_installation_s_key_does_not_open() -> None:
    """Another key of the same id, and the same key under another id: neither opens."""
    envelope = BOTH.seal(Zone.INSIDE, SLOT, b"text")
    for keys in ({"in1": b"x" * 32}, {"in2": b"i" * 32}):
        with pytest.raises(SealBroken):
            Seals({Zone.INSIDE: Keyring(Zone.INSIDE, keys)}).open(SLOT, envelope)


def test_an_unknown_format_does_not_open() -> None:
    """A later release's envelope is not guessed at."""
    envelope = BOTH.seal(Zone.INSIDE, SLOT, b"text")
    with pytest.raises(SealBroken):
        BOTH.open(SLOT, b"tg2" + envelope[3:])


def test_slots_are_nobody_else_s() -> None:
    """Two slots of one job and kind never share a name, and say whose they are."""
    slots = {new_slot("job", "result") for _ in range(1000)}
    assert len(slots) == 1000
    assert all(slot.startswith("job:result:") for slot in slots)


def test_what_is_put_can_be_got_until_it_is_dropped(vault: Vault, redis: StoreClient) -> None:
    """A sealed text lies in its slot with a time to live; its digest is that of the envelope; dropped it is missing."""
    told = vault.put(SLOT, b"text", zone=Zone.INSIDE, keep_s=60)
    assert vault.get(SLOT) == b"text"
    assert told == digest(vault.envelope(SLOT))
    assert 55 < redis.ttl(f"tg:vault:{SLOT}") <= 60
    vault.drop(SLOT)
    with pytest.raises(PayloadMissing):
        vault.get(SLOT)
    vault.drop(SLOT)
