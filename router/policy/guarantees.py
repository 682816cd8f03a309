"""What no rule may do. Checked for each decision, after the rule has spoken. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from tidegate.lane import Lane, Zone
from tidegate.signals import Signals


class Guarantee(StrEnum):
    """The guarantees by name. The built-in one always holds, whether a policy names it or not."""

    NOTHING_SENSITIVE_OUTSIDE = "nothing-sensitive-outside"


def forbidden(lanes: Iterable[str], signals: Signals, *, known: Mapping[str, Lane]) -> tuple[str, ...]:
    """The lanes that a guarantee takes away: for a sensitive job, all that are not inside."""
    if not signals.sensitivity.level.sensitive:
        return ()
    return tuple(lane for lane in lanes if known[lane].zone is not Zone.INSIDE)
