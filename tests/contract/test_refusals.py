"""Refusals on a real store: counted by reason, and never by anything that a sender wrote."""

import pytest

from tidegate import connections
from tidegate.connections import StoreClient
from tidegate.ledger.refusals import Refusals


def test_refusals_are_counted_by_reason(redis: StoreClient) -> None:
    """Each reason has its own count, and two processes count together."""
    for _ in range(2):
        Refusals(redis).note("foreign_clearance", job_id="a" * 32)
    Refusals(redis).note("unknown_task")
    assert Refusals(redis).counts() == {"foreign_clearance": 2, "unknown_task": 1}


@pytest.mark.parametrize("reason", ["", "x", "Mrs Quillfeather", "a" * 50, "a-b", "x\n"])
def test_what_is_no_name_of_ours_is_no_reason(redis: StoreClient, reason: str) -> None:
    """Text cannot become a reason."""
    with pytest.raises(ValueError, match="short name"):
        Refusals(redis).note(reason)
    assert Refusals(redis).counts() == {}


def test_a_store_that_is_away_keeps_nobody_from_refusing() -> None:
    """The count is lost, and no error comes of it."""
    Refusals(connections.connect("redis://127.0.0.1:1/0", timeout_s=0.1)).note("unknown_task")
