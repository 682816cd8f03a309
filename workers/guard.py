"""The guard: what may run on a lane. Pure; it is asked before a payload is opened, on every run.

Inside lanes read the payload that was sealed for the inside. A lane outside reads nothing but the copy that the router
sealed for the outside and signed a clearance for: for this job, this envelope, this lane, these regions, and not for
ever. Either runs only what the decision on record placed there, and reads only the job's own slots.
"""

from collections.abc import Callable

from tidegate.clearance import verified
from tidegate.decision import Clearance
from tidegate.errors import NoClearance, PayloadMissing, SealBroken
from tidegate.keys import Verifier
from tidegate.lane import Lane, Zone
from tidegate.ledger.record import Record
from tidegate.vault import digest, own_slot

FOREIGN_REGION = "clearance_region"
"""What it is counted as where a job would be computed in no region of its own."""


def admitted_slot(record: Record, lane: Lane) -> str:
    """The vault's slot that a run on this lane may open. Raises NoClearance, PayloadMissing."""
    if record.decided is None or lane.name not in record.decided.lanes:
        raise NoClearance(f"no decision on record names the lane {lane.name}", refusal="foreign_lane")
    outside = lane.zone is Zone.OUTSIDE
    slot = record.outside if outside else record.payload
    if slot is None and outside:
        raise NoClearance("the job was never cleared for the outside", refusal="clearance_missing")
    if slot is None:
        raise PayloadMissing("the record names no payload")
    try:
        return own_slot(record.id, "outside" if outside else "payload", slot)
    except SealBroken as exc:
        if outside:
            raise NoClearance(str(exc), refusal="foreign_slot") from None
        raise PayloadMissing(str(exc), refusal="foreign_slot") from None


def check_clearance(
    record: Record, lane: Lane, envelope: bytes, *, verifier: Callable[[], Verifier], now: float
) -> Clearance | None:
    """The proof that this envelope may leave by this lane; None inside. Raises NoClearance with what fails."""
    if lane.zone is not Zone.OUTSIDE:
        return None
    clearance = verified(record.clearance, verifier())
    conditions = {
        "clearance_foreign": ("it is for another job", clearance.job_id == record.id),
        "clearance_payload": (
            "it is for another payload",
            clearance.slot == record.outside and clearance.digest == digest(envelope),
        ),
        "clearance_lane": (f"it does not name the lane {lane.name}", lane.name in clearance.lanes),
        "clearance_policy": (
            "it was given under another policy",
            record.decided is not None and record.decided.policy == clearance.policy,
        ),
        "clearance_expired": ("it has expired", now < clearance.expires_at),
    }
    broken = {refusal: why for refusal, (why, holds) in conditions.items() if not holds}
    if broken:
        raise NoClearance("the clearance does not hold: " + ", ".join(broken.values()), refusal=next(iter(broken)))
    return clearance


def admitted_regions(record: Record, clearance: Clearance | None) -> tuple[str, ...] | None:
    """Where a run may be computed; None: anywhere. Outside, by what the router signed."""
    if clearance is not None:
        return clearance.regions
    return record.decided.regions if record.decided else None


def admitted_deployment(lane: Lane, *, regions: tuple[str, ...] | None, chosen: str = "") -> str:
    """The deployment that a run may call; the first one where none was chosen. Raises NoClearance."""
    allowed = [one.name for one in lane.deployments_in(regions)]
    if not allowed or (chosen and chosen not in allowed):
        which = f"{lane.name}/{chosen} is not" if chosen else f"{lane.name} has nothing"
        raise NoClearance(f"{which} in a region of the job's", refusal=FOREIGN_REGION)
    return chosen or allowed[0]


def answer_is_looked_at(record: Record, lane: Lane, *, verifier: Callable[[], Verifier]) -> bool:
    """Whether a router looks at the answer before anybody gets it.

    Outside by what was signed, or by the decision; and where nobody can tell what was signed.
    """
    if lane.zone is not Zone.OUTSIDE:
        return False
    try:
        signed = verified(record.clearance, verifier()).answers_at_most
    except NoClearance:
        return True
    decided = record.decided.answers_at_most if record.decided else None
    return signed is not None or decided is not None
