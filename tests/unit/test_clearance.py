"""Clearances: signed by the router, checked by those outside, and unforgeable in between."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate.clearance import sign, verified
from tidegate.decision import Clearance
from tidegate.errors import NoClearance
from tidegate.keys import Signer
from tidegate.signals import Level

ROUTER = Signer(Ed25519PrivateKey.from_private_bytes(b"r" * 32))
OTHER = Signer(Ed25519PrivateKey.from_private_bytes(b"x" * 32))


def clearance(**changes: Any) -> Clearance:
    """A clearance for two lanes."""
    given: dict[str, Any] = {
        "job_id": "a" * 32,
        "slot": "slot",
        "digest": "0" * 64,
        "lanes": ("api", "large"),
        "policy": "default@0",
        "expires_at": 2000.0,
    }
    return Clearance(**{**given, **changes})


WIRE = sign(clearance(), ROUTER)


def test_what_the_router_signed_is_read_back() -> None:
    """The wire form carries the whole clearance."""
    assert verified(WIRE, ROUTER.verifier) == clearance()


@pytest.mark.parametrize("wire", [None, "", ".", "x", "x.y", ".{}", WIRE.partition(".")[2], WIRE.partition(".")[0]])
def test_what_is_no_clearance_is_none(wire: str | None) -> None:
    """Nothing, nonsense, a body without a signature, a signature without a body: no clearance."""
    with pytest.raises(NoClearance):
        verified(wire, ROUTER.verifier)


def test_another_hand_does_not_count() -> None:
    """A clearance that anybody else signed is none."""
    with pytest.raises(NoClearance, match="not signed by the router"):
        verified(sign(clearance(), OTHER), ROUTER.verifier)


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": "b" * 32},
        {"slot": "other"},
        {"digest": "1" * 64},
        {"lanes": ("api", "large", "more")},
        {"policy": "other@0"},
        {"regions": ("eu",)},
        {"answers_at_most": Level.INTERNAL},
        {"expires_at": 9999.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_field_can_be_changed_under_a_signature(change: dict[str, Any]) -> None:
    """The signature covers every field."""
    forged = f"{WIRE.partition('.')[0]}.{clearance(**change).to_json()}"
    with pytest.raises(NoClearance, match="not signed by the router"):
        verified(forged, ROUTER.verifier)


@given(st.text())
def test_any_text_is_refused_in_one_way(text: str) -> None:
    """Whatever stands in the record: NoClearance and nothing else."""
    for wire in (text, f"{text}.{clearance().to_json()}", f"{WIRE.partition('.')[0]}.{text}"):
        with pytest.raises(NoClearance):
            verified(wire, ROUTER.verifier)


def test_a_signed_text_that_is_no_clearance_is_none() -> None:
    """Even the router's own signature makes no clearance of something else."""
    body = '{"v":2}'
    wire = f"{base64.b64encode(ROUTER.sign(body.encode())).decode()}.{body}"
    with pytest.raises(NoClearance, match="cannot be read"):
        verified(wire, ROUTER.verifier)


@pytest.mark.parametrize("change", [{"lanes": ()}, {"digest": "0" * 63}, {"digest": "Z" * 64}, {"v": 2}])
def test_a_clearance_for_nothing_cannot_be_made(change: dict[str, Any]) -> None:
    """No lanes, or no digest: nothing to clear."""
    with pytest.raises(ValidationError):
        clearance(**change)
