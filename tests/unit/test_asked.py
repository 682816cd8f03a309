"""The lane that a redrive asked for: first where the policy allows it, and nothing more where it does not."""

import pytest
from doubles import decision

from router.asked import asked_first


def test_an_allowed_lane_comes_first() -> None:
    """The others follow in their order, and the decision says why."""
    asked = asked_first(decision("a", "b", "c", cleared=("b",)), "c")
    assert (asked.lanes, asked.cleared) == (("c", "a", "b"), ("b",))
    assert asked.cause == "c first: asked for by the redrive"


@pytest.mark.parametrize("lane", [None, "elsewhere"])
def test_no_order_adds_a_lane(lane: str | None) -> None:
    """A lane that the policy has not for this job is none for it, whoever asks."""
    made = decision("a", "b")
    assert asked_first(made, lane) is made
