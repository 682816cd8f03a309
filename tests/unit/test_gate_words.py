"""What a worker makes of its gate's word."""

from typing import Any

from tidegate.errors import NoClearance
from tidegate.ledger.permits import Permit
from workers import gates


def test_a_granted_job_runs() -> None:
    """Nothing stands in its way."""
    assert gates.refusal(Permit(verdict="granted"), latency="interactive") is None


def test_a_word_that_nobody_knows_lets_nothing_run() -> None:
    """A later release's, or one that somebody wrote."""
    unknown: Any = "perhaps"
    assert isinstance(gates.refusal(Permit(verdict=unknown), latency="interactive"), NoClearance)
