"""Savings: what a job that ran inside would have cost on the cheapest lane outside that could have taken it.

The router notes that lane's price with each placement; the worker inside multiplies it by the tokens that were read and
written, converted by the lanes' characters a token. Whether the policy would have let the job out is not asked.
"""

from tidegate.lane import Lane
from tidegate.prices import NANO, Rate
from tidegate.result import Usage
from tidegate.value import Name, Value


class Elsewhere(Value):
    """The cheapest lane outside that could take a job, and what a token costs there."""

    lane: Name
    input_nano: float
    output_nano: float
    chars_per_token: float

    @classmethod
    def at(cls, lane: Lane, rate: Rate) -> "Elsewhere":
        """A lane with its rate."""
        return cls(
            lane=lane.name,
            input_nano=rate.input_nano,
            output_nano=rate.output_nano,
            chars_per_token=lane.chars_per_token,
        )

    def usd(self, usage: Usage, *, ran_on: Lane) -> float:
        """What these tokens of another lane would have cost there."""
        stretch = ran_on.chars_per_token / self.chars_per_token
        nano = usage.prompt_tokens * self.input_nano + usage.completion_tokens * self.output_nano
        return nano * stretch / NANO


def saved_usd(elsewhere: str | None, usage: Usage, *, lane: Lane) -> float | None:
    """Of a record's note; None where there is none that can be read."""
    if elsewhere is None:
        return None
    try:
        return Elsewhere.from_json(elsewhere).usd(usage, ran_on=lane)
    except ValueError:
        return None
