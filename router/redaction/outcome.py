"""What comes of a redaction: a copy that may leave, or the reason why there is none."""

from dataclasses import dataclass, field

from tidegate.job import Job
from tidegate.redaction import Placeholders


class NotRedacted(Exception):
    """There is no copy that may leave. The message is for the record: types and detectors, never text."""


@dataclass(frozen=True, kw_only=True)
class Redaction:
    """A copy that may leave, and what its placeholders stand for."""

    job: Job = field(repr=False)
    placeholders: Placeholders
    counts: dict[str, int]
    """How many values of each type were replaced."""
