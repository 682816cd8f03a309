"""The one exception inside the engine's process; it leaves as a `Failed` message."""

from workers.local.protocol import Failure


class Failing(Exception):
    """This job (or this model) will not work, and why. The message carries no text of a job."""

    def __init__(self, failure: Failure, message: str) -> None:
        self.failure = failure
        super().__init__(message)
