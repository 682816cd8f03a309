"""How somebody says that they could not look to the end, and the record of it. Never the text."""

from dataclasses import dataclass


class GaveUpError(Exception):
    """A detector could not look at the whole text. Carries a word for the cause, never the text."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True)
class Failure:
    """Who failed to judge, and how: `presidio`, `timeout`."""

    detector: str
    kind: str

    def __str__(self) -> str:
        return f"{self.detector}: {self.kind}"

    @classmethod
    def of(cls, detector: str, error: BaseException) -> "Failure":
        """The failure that an exception tells, by its class: its message may quote the text."""
        return cls(detector, error.kind if isinstance(error, GaveUpError) else type(error).__name__)
