"""The port that every detector fills, and how one says that it could not look to the end.

A new detector is one new file with a class that has a name and a `find`, and one line in `router/inspection.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from tidegate.signals import Finding


class Detector(Protocol):
    """Looks for one family of sensitive things. `find` may be called from several threads."""

    @property
    def name(self) -> str:
        """Names the detector in findings and in the cause of an `unknown`."""

    def find(self, text: str) -> Iterable[Finding]:
        """What the text holds; one finding a type is enough. Whatever it raises makes the job `unknown`."""


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
