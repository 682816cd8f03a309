"""The guard: each condition under which a payload may not leave, one at a time."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from doubles import decision, lane, record

from tidegate.clearance import sign
from tidegate.decision import Clearance
from tidegate.deployment import Deployment
from tidegate.errors import InvalidSettings, NoClearance, PayloadMissing
from tidegate.keys import Signer, Verifier
from tidegate.lane import Zone
from tidegate.ledger.record import Record
from tidegate.vault import digest
from workers.guard import admitted_deployment, admitted_regions, admitted_slot, check_clearance

ROUTER = Signer(Ed25519PrivateKey.from_private_bytes(b"r" * 32))
OTHER = Signer(Ed25519PrivateKey.from_private_bytes(b"x" * 32))
API, LOCAL = lane("api", zone=Zone.OUTSIDE), lane("local")
ENVELOPE = b"an envelope"
JOB = "a" * 32
IN, OUT = f"{JOB}:payload:1", f"{JOB}:outside:1"
DECIDED = decision("api", "local", cleared=("api",))
NOW = 1500.0


def decided(**changes: Any) -> Record:
    """A record with the router's decision for both lanes."""
    return record(**{"decision": DECIDED.to_json(), **changes})


def cleared(*, signer: Signer = ROUTER, on_record: dict[str, Any] | None = None, **changes: Any) -> Record:
    """A record with a clearance that holds, but for the changes."""
    clearance = Clearance(
        **{
            "job_id": "a" * 32,
            "slot": OUT,
            "digest": digest(ENVELOPE),
            "lanes": ("api",),
            "policy": DECIDED.policy,
            "expires_at": NOW + 1,
            **changes,
        }
    )
    return decided(**{"outside": OUT, "clearance": sign(clearance, signer), **(on_record or {})})


def checked(found: Record, *, envelope: bytes = ENVELOPE, now: float = NOW) -> None:
    """Ask the guard for the lane outside."""
    check_clearance(found, API, envelope, verifier=lambda: ROUTER.verifier, now=now)


def test_a_clearance_that_holds_is_let_through() -> None:
    """With every condition met nothing is raised, and the slot to open is the cleared one."""
    checked(cleared())
    assert admitted_slot(cleared(), API) == OUT


BROKEN: dict[str, tuple[Callable[[], None], str]] = {
    "another job": (lambda: checked(cleared(job_id="b" * 32)), "for another job"),
    "another slot": (lambda: checked(cleared(slot="other")), "for another payload"),
    "the record's slot changed": (lambda: checked(cleared(on_record={"outside": "x"})), "for another payload"),
    "another digest": (lambda: checked(cleared(digest="0" * 64)), "for another payload"),
    "another envelope": (lambda: checked(cleared(), envelope=b"another"), "for another payload"),
    "another lane": (lambda: checked(cleared(lanes=("large",))), "does not name the lane api"),
    "expired": (lambda: checked(cleared(), now=NOW + 2), "has expired"),
    "another policy": (lambda: checked(cleared(policy="other@0")), "under another policy"),
    "expires now": (lambda: checked(cleared(), now=NOW + 1), "has expired"),
    "another hand": (lambda: checked(cleared(signer=OTHER)), "not signed by the router"),
    "none": (lambda: checked(cleared(on_record={"clearance": None})), "carries no clearance"),
    "nonsense": (lambda: checked(cleared(on_record={"clearance": "x.y"})), "cannot be read"),
}


@pytest.mark.parametrize(("check", "why"), BROKEN.values(), ids=BROKEN.keys())
def test_each_broken_condition_stops_it(check: Callable[[], None], why: str) -> None:
    """Any one condition that fails is enough, and is the one that is named."""
    with pytest.raises(NoClearance, match=why):
        check()


def test_all_that_is_broken_is_named() -> None:
    """Two conditions that fail are both named."""
    with pytest.raises(NoClearance, match=r"another job, .*expired"):
        checked(cleared(job_id="b" * 32, expires_at=1.0))


def test_a_verifier_that_cannot_be_had_stops_it() -> None:
    """Without the router's public half nothing leaves: the error goes up, it is not passed over."""

    def missing() -> Verifier:
        raise InvalidSettings("no key")

    with pytest.raises(InvalidSettings):
        check_clearance(cleared(), API, ENVELOPE, verifier=missing, now=NOW)


def test_an_inside_run_needs_no_clearance() -> None:
    """A lane inside reads the inside payload and asks for no signature."""

    def never() -> Verifier:
        raise AssertionError("asked for a verifier")

    assert admitted_slot(decided(payload=IN, outside=OUT), LOCAL) == IN
    check_clearance(record(), LOCAL, ENVELOPE, verifier=never, now=NOW)


def test_a_lane_outside_is_never_given_the_inside_payload() -> None:
    """Without a cleared copy there is no slot for a lane outside, whatever else the record names."""
    with pytest.raises(NoClearance, match="never cleared"):
        admitted_slot(decided(payload=IN, outside=None), API)


def test_a_record_without_a_payload_is_told() -> None:
    """An inside run of a job whose payload is gone from the record says so."""
    with pytest.raises(PayloadMissing):
        admitted_slot(decided(payload=None, outside=OUT), LOCAL)


FOREIGN: dict[str, tuple[dict[str, Any], str]] = {
    "another job's payload": ({"payload": f"{'b' * 32}:payload:1"}, "foreign_slot"),
    "its own result": ({"payload": f"{JOB}:result:1"}, "foreign_slot"),
    "the copy for outside": ({"payload": OUT}, "foreign_slot"),
    "a name of its own making": ({"payload": f"{JOB}:payload:1:more"}, "foreign_slot"),
    "a lane that nobody decided": ({"decision": decision("large").to_json(), "payload": IN}, "foreign_lane"),
    "no decision": ({"decision": None, "payload": IN}, "foreign_lane"),
}


@pytest.mark.parametrize(("edited", "refusal"), FOREIGN.values(), ids=FOREIGN.keys())
def test_an_edited_record_is_not_followed(edited: dict[str, Any], refusal: str) -> None:
    """Another job's text, or a lane that no decision names: refused inside, too, under a name to count it by."""
    with pytest.raises((NoClearance, PayloadMissing)) as refused:
        admitted_slot(decided(**edited), LOCAL)
    assert refused.value.refusal == refusal


def test_a_copy_of_another_job_is_not_sent() -> None:
    """A record that names another job's cleared copy is no clearance."""
    with pytest.raises(NoClearance) as refused:
        admitted_slot(decided(outside=f"{'b' * 32}:outside:1"), API)
    assert refused.value.refusal == "foreign_slot"


TWO = lane(
    "api",
    zone=Zone.OUTSIDE,
    deployments=(Deployment(name="frankfurt", region="eu"), Deployment(name="virginia", region="us")),
)


def test_regions_are_those_that_were_signed() -> None:
    """An edited decision lifts nothing outside; inside, where nothing is signed, the decision says it."""
    lifted = DECIDED.model_copy(update={"regions": ("eu", "us")}).to_json()
    found = cleared(regions=("eu",), on_record={"decision": lifted})
    clearance = check_clearance(found, API, ENVELOPE, verifier=lambda: ROUTER.verifier, now=NOW)
    assert admitted_regions(found, clearance) == ("eu",)
    assert admitted_regions(decided(decision=lifted), None) == ("eu", "us")
    assert admitted_regions(decided(decision=None), None) is None


@pytest.mark.parametrize(
    ("regions", "chosen", "called"),
    [
        (None, "", "frankfurt"),
        (None, "virginia", "virginia"),
        (("us",), "", "virginia"),
        (("us",), "virginia", "virginia"),
    ],
)
def test_a_deployment_in_a_cleared_region_is_called(regions: tuple[str, ...] | None, chosen: str, called: str) -> None:
    """The one that was chosen; the first that is allowed where none was."""
    assert admitted_deployment(TWO, regions=regions, chosen=chosen) == called


@pytest.mark.parametrize(("regions", "chosen"), [(("eu",), "virginia"), (("ch",), ""), ((), ""), (None, "gone")])
def test_a_deployment_elsewhere_is_not(regions: tuple[str, ...] | None, chosen: str) -> None:
    """Chosen or not, and whatever the reason: nothing leaves for where it was not cleared."""
    with pytest.raises(NoClearance) as refused:
        admitted_deployment(TWO, regions=regions, chosen=chosen)
    assert refused.value.refusal == "clearance_region"


def test_a_lane_without_a_region_is_nowhere() -> None:
    """Outside, it may compute anywhere, so no region is its own; inside it is our own machine."""
    with pytest.raises(NoClearance):
        admitted_deployment(API, regions=("eu",))
    assert admitted_deployment(LOCAL, regions=("eu",)) == "main"
