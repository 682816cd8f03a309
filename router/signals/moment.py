"""The moment and the draw: the minute of the week, and a stable number in [0, 1) for splits. Pure."""

import hashlib
import hmac

from tidegate.job import Job

_MINUTES_A_WEEK = 7 * 24 * 60
_EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday; Monday is 0."""

_BITS = 53
"""What a float holds exactly."""


def minute_of_week(at: float) -> int:
    """The minute of the week in UTC of a Unix time; 0 is Monday, 00:00."""
    return (int(at // 60) + _EPOCH_WEEKDAY * 24 * 60) % _MINUTES_A_WEEK


def draw(job: Job, *, job_id: str, policy: str, key: bytes) -> float:
    """The same for every job of a conversation, and for one job however often it is routed.

    Keyed, because it stands in recorded decisions: nobody shall find a conversation's id by trying.
    """
    whose = f"conversation\0{job.tenant}\0{job.conversation_id}" if job.conversation_id else f"job\0{job_id}"
    digest = hmac.new(key, f"draw\0{policy}\0{whose}".encode(), hashlib.sha256).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / (1 << _BITS)
