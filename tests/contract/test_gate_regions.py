"""The gate and regions: a job is sent to no deployment that computes where it may not be computed."""

import json

import pytest
from gating import Gated, api

from tidegate.deployment import Deployment, Limits
from tidegate.errors import NoClearance
from tidegate.lane import Zone
from tidegate.ledger.line import Shut, Taken
from tidegate.ledger.store import Ledger
from workers.gates import refusal

DEPLOYMENTS = (
    Deployment(name="frankfurt", region="eu"),
    Deployment(name="virginia", region="us"),
    Deployment(name="somewhere"),
)


def put(lane: Gated, regions: list[str] | str | None) -> str:
    """A job that may be computed there."""
    job = lane.put()
    if regions is not None:
        lane.ledger.annotate(job, {"regions": regions if isinstance(regions, str) else json.dumps(regions)})
    return job


def test_a_job_goes_where_it_may(ledger: Ledger) -> None:
    """Each by its own regions, in the order of the line; one without goes anywhere."""
    lane = Gated(ledger, api(deployments=DEPLOYMENTS))
    for regions, called in ((["eu"], {"frankfurt"}), (["us"], {"virginia"}), (["eu", "us"], {"frankfurt", "virginia"})):
        for _ in range(2):
            put(lane, regions)
            assert lane.took() in called
    put(lane, None)
    assert lane.took() in {"frankfurt", "virginia", "somewhere"}


@pytest.mark.parametrize("regions", [["ch"], [], "no JSON", '"eu"', "{}"])
def test_a_job_that_may_go_nowhere_is_claimed_to_be_refused(ledger: Ledger, regions: list[str] | str) -> None:
    """It holds nobody up in the line, and makes no call; what cannot be read allows nothing."""
    lane = Gated(ledger, api(deployments=DEPLOYMENTS))
    put(lane, regions)
    found = lane.take()
    assert found.permit is not None
    assert (found.permit.verdict, found.permit.deployment) == ("elsewhere", "")
    refused = refusal(found.permit, latency="interactive")
    assert isinstance(refused, NoClearance)
    assert refused.refusal == "clearance_region"
    assert [lane.in_flight(one.name) for one in DEPLOYMENTS] == [0, 0, 0]


def test_a_full_region_is_waited_for(ledger: Ledger) -> None:
    """Room elsewhere is no room for a job that may not go there."""
    narrow = DEPLOYMENTS[0].model_copy(update={"limits": Limits(concurrent=2)})
    lane = Gated(ledger, api(deployments=(narrow, *DEPLOYMENTS[1:])))
    for _ in range(2):
        put(lane, ["eu"])
        assert lane.took() == "frankfurt"
    put(lane, ["eu"])
    assert isinstance(lane.ask(), Shut)


def test_inside_a_deployment_without_a_region_is_ours(ledger: Ledger) -> None:
    """It may compute whatever its own job says; one that names a region may not."""
    inside = api(
        zone=Zone.INSIDE,
        base_url="http://10.0.0.7:8000/v1",
        deployments=(Deployment(name="abroad", region="us"), Deployment(name="here")),
    )
    lane = Gated(ledger, inside)
    for _ in range(4):
        put(lane, ["eu"])
        assert lane.took() == "here"


def test_a_lane_s_own_region_counts_for_its_deployment(ledger: Ledger) -> None:
    """Where it names none of its own."""
    lane = Gated(ledger, api(region="eu"))
    put(lane, ["eu"])
    assert lane.took() == "main"
    put(lane, ["us"])
    found = lane.ask()
    assert isinstance(found, Taken)
    assert found.permit is not None
    assert found.permit.verdict == "elsewhere"
