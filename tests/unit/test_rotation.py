"""The steps of a rotation as values: what was sealed stays readable, and names stay as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate import rotation
from tidegate.errors import Misuse, SealBroken
from tidegate.keys import KEY_BYTES, Keyring
from tidegate.lane import Zone
from tidegate.vault import Seals

SLOT = "a:payload:1"


def ring() -> Keyring:
    """A keyring as it was made on first use."""
    return Keyring(Zone.INSIDE, {"old": b"o" * KEY_BYTES})


def reads(one: Keyring, envelope: bytes) -> bool:
    """Whether this ring opens it."""
    try:
        return Seals({Zone.INSIDE: one}).open(SLOT, envelope) == b"text"
    except SealBroken:
        return False


def sealed(one: Keyring) -> bytes:
    """An envelope of this ring."""
    return Seals({Zone.INSIDE: one}).seal(Zone.INSIDE, SLOT, b"text")


def test_a_prepared_key_opens_and_does_not_seal() -> None:
    """After the first step everybody reads the new key, and nobody needs it."""
    after, key_id = rotation.prepared(ring())
    assert after.sealing[0] == "old"
    assert reads(ring(), sealed(after))
    assert reads(after, sealed(rotation.activated(after, key_id)))


def test_an_activated_key_seals_and_the_old_one_still_opens() -> None:
    """After the second step."""
    prepared, key_id = rotation.prepared(ring())
    after = rotation.activated(prepared, key_id)
    assert after.sealing[0] == key_id
    assert reads(after, sealed(ring()))
    assert not reads(ring(), sealed(after))


def test_a_retired_key_opens_nothing_and_is_gone() -> None:
    """After the third: it stands nowhere in the text any more, nor can it be had from the naming entry."""
    prepared, key_id = rotation.prepared(ring())
    after = rotation.retired(rotation.activated(prepared, key_id), "old")
    assert not reads(after, sealed(ring()))
    assert "old" not in after.text()
    assert after.named != b"o" * KEY_BYTES


@pytest.mark.parametrize("wrong", ["sealing", "unknown"])
def test_a_key_that_seals_or_is_none_is_not_retired(wrong: str) -> None:
    """Said with what there is."""
    with pytest.raises(Misuse):
        rotation.retired(ring(), "old" if wrong == "sealing" else "other")
    with pytest.raises(Misuse, match="there is: old"):
        rotation.activated(ring(), "other")


@given(steps=st.lists(st.sampled_from(["prepare", "activate first", "activate last", "retire first"]), max_size=12))
def test_no_order_of_steps_changes_a_name(steps: list[str]) -> None:
    """Ids of idempotency keys, fingerprints and remembered conversations survive every rotation and rewriting."""
    one, name = ring(), ring().naming
    for step in steps:
        ids = list(one.keys)
        if step == "prepare":
            one, _ = rotation.prepared(one)
        elif step == "retire first" and len(ids) > 1:
            one = rotation.retired(one, ids[0])
        elif step.startswith("activate"):
            one = rotation.activated(one, ids[0] if step.endswith("first") else ids[-1])
        one = Keyring.parse(Zone.INSIDE, one.text(), source="test")
        assert one.naming == name
        assert reads(one, sealed(one))
        assert "naming" not in one.keys
