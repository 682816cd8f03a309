"""The guard: what may run on a lane. Pure; it is asked before a payload is opened, on every run.

Inside lanes read the payload that was sealed for the inside. A lane outside reads nothing but the copy that the router
sealed for the outside and signed a clearance for: for this job, this envelope, this lane, and not for ever.
"""

from collections.abc import Callable

from tidegate.clearance import verified
from tidegate.errors import NoClearance, PayloadMissing
from tidegate.keys import Verifier
from tidegate.lane import Lane, Zone
from tidegate.ledger.record import Record
from tidegate.vault import digest


def admitted_slot(record: Record, lane: Lane) -> str:
    """The vault's slot that a run on this lane may open. Raises NoClearance, PayloadMissing."""
    if lane.zone is Zone.OUTSIDE:
        if record.outside is None:
            raise NoClearance("the job was never cleared for the outside")
        return record.outside
    if record.payload is None:
        raise PayloadMissing("the record names no payload")
    return record.payload


def check_clearance(
    record: Record, lane: Lane, envelope: bytes, *, verifier: Callable[[], Verifier], now: float
) -> None:
    """Whether this envelope may leave by this lane. Raises NoClearance that says which condition fails."""
    if lane.zone is not Zone.OUTSIDE:
        return
    clearance = verified(record.clearance, verifier())
    conditions = {
        "it is for another job": clearance.job_id == record.id,
        "it is for another payload": clearance.slot == record.outside and clearance.digest == digest(envelope),
        f"it does not name the lane {lane.name}": lane.name in clearance.lanes,
        "it has expired": now < clearance.expires_at,
    }
    broken = [why for why, holds in conditions.items() if not holds]
    if broken:
        raise NoClearance("the clearance does not hold: " + ", ".join(broken))
