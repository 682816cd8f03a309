"""Which programs an installation starts."""

import pytest
from doubles import lane

from tidegate.lane import Lane, Zone
from tidegate.runtime.installation import Installation
from tidegate.settings import load


@pytest.mark.parametrize(
    ("lanes", "workers"),
    [
        ((lane("local"),), {"inside"}),
        ((lane("cloud", zone=Zone.OUTSIDE),), {"outside"}),
        ((lane("local"), lane("cloud", zone=Zone.OUTSIDE)), {"inside", "outside"}),
    ],
)
def test_a_zone_without_lanes_has_no_worker(lanes: tuple[Lane, ...], workers: set[str]) -> None:
    """A policy of lanes inside alone is served by a worker inside alone: the other would end at once."""
    settings = load(broker_url="redis://127.0.0.1:1/0", store_url="redis://127.0.0.1:1/1")
    started = Installation(settings, {one.name: one for one in lanes})._programs()
    assert {program.name for program in started} & {"inside", "outside"} == workers
