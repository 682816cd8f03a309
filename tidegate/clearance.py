"""Signing and checking clearances: the wire form is `<base64 of the signature>.<clearance as JSON>`."""

import base64

from tidegate.decision import Clearance
from tidegate.errors import NoClearance
from tidegate.keys import Signs, Verifier


def sign(clearance: Clearance, signer: Signs) -> str:
    """The wire form of a clearance."""
    body = clearance.to_json()
    return f"{base64.b64encode(signer.sign(body.encode())).decode('ascii')}.{body}"


def verified(wire: str | None, verifier: Verifier) -> Clearance:
    """The clearance, if the router signed it. Raises NoClearance."""
    if not wire:
        raise NoClearance("the record carries no clearance", refusal="clearance_missing")
    encoded, _, body = wire.partition(".")
    try:
        signature = base64.b64decode(encoded, validate=True)
        clearance = Clearance.from_json(body)
    except ValueError:  # not base64, not even ASCII, or not a clearance
        raise NoClearance("the clearance cannot be read", refusal="clearance_forged") from None
    if not verifier.holds(signature, body.encode()):
        raise NoClearance("the clearance was not signed by the router", refusal="clearance_forged")
    return clearance
