"""Entry: one line of the append-only history of policies: who did what, when, to which version, and why."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from tidegate.value import Many, Value

FALLBACK = "*"
"""The slot of the policy that decides where no other is chosen by tenant or environment."""


class Kind(StrEnum):
    """What happened."""

    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"
    WITHDRAWN = "withdrawn"
    """Nothing is applied any more: the configured file is in force."""
    REFUSED = "refused"
    """Somebody asked for it, and it fell short."""
    BROKEN = "broken"
    """A router met it and could not take it; what it ran goes on."""


class Entry(Value):
    """One line. Fields of a later release are passed over."""

    model_config = ConfigDict(extra="ignore")

    v: Literal[1] = 1
    seq: Annotated[int, Field(ge=1)]
    kind: Kind
    slot: str = FALLBACK
    version: str | None = None
    """`bank@3f9c…`; None where the policy could not be read."""
    by: str
    at: float
    """Unix time in seconds, by the store's clock."""
    note: str = ""
    restores: int | None = None
    """The entry whose policy a rollback put back."""
    problems: Many[str] = ()

    @property
    def swaps(self) -> bool:
        """Whether it changed what is in force."""
        return self.kind in (Kind.APPLIED, Kind.ROLLED_BACK, Kind.WITHDRAWN)
