"""The oracle: how often each job began and ended, on a server that no fault touches.

What a system says of itself counts for nothing here.
"""

import os

import redis

URL = "RELIABILITY_ORACLE"
"""The environment variable by which a worker finds it."""


class Oracle:
    """Counts by job."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)

    @classmethod
    def of_environment(cls) -> "Oracle":
        """The one that this worker was started with."""
        return cls(os.environ[URL])

    def clear(self) -> None:
        """Forget all."""
        self._redis.flushdb()

    def began(self, job: str) -> None:
        """A run began."""
        self._redis.hincrby("began", job, 1)

    def ended(self, job: str) -> None:
        """A run came to its end."""
        self._redis.hincrby("ended", job, 1)

    def done(self) -> int:
        """How many jobs have come to an end."""
        return int(self._redis.hlen("ended"))

    def ends(self) -> dict[str, int]:
        """How often each job came to an end."""
        return {job.decode(): int(count) for job, count in self._redis.hgetall("ended").items()}
