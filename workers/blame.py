"""Blame: what follows when a run's lease lapsed, because its process died, hangs or is cut off. Pure.

All jobs that a process ran die with it, and one of them may be what kills it. Who died alone in its process is blamed.
Who had company is tried again, ever later; from its third death on it is a suspect, and runs beside no other suspect
(company.lua). Who died very often is condemned all the same.

With one killer, and processes that die of nothing else, no innocent job dies more than SUSPECT times: it dies in the
killer's company alone, and once both are suspects they are in no process together. The killer dies `max_crashes` times
more than that, and no more.
"""

from tidegate.errors import Reason
from tidegate.ledger import states
from tidegate.ledger.record import Record
from tidegate.ledger.states import Move, State

SUSPECT = 3
"""Processes that a job has died with when it is a suspect. As in company.lua."""

PAUSE_S, MOST_PAUSE_S = 5.0, 60.0
"""From the second death on: so that those that died together do not come back together."""


def lapsed(record: Record, *, alone: bool, max_crashes: int, nudge_s: float, random_unit: float) -> Move:
    """Another run, now or later, or the end. `alone`: nothing else ran in the process."""
    crashes, blamed = record.crashes + 1, record.blamed + alone
    changes = {"crashes": str(crashes), "blamed": str(blamed), "worker": "", "apart": ""}
    if blamed >= max_crashes or crashes >= most(max_crashes):
        return states.die(
            reason=Reason.POISON,
            cause=f"{crashes} runs ended with their worker or engine, {blamed} count against it",
            sources=frozenset({State.RUNNING}),
            rev=record.rev,
            changes=changes,
        )
    pause_s = _pause_s(crashes, random_unit)
    return states.hand_back(rev=record.rev, changes=changes, nudge_s=nudge_s, pause_s=pause_s)


def most(max_crashes: int) -> int:
    """So often a job dies with its process at most, whoever else was there."""
    return SUSPECT + max_crashes


def _pause_s(crashes: int, random_unit: float) -> float | None:
    """None after the first death: most are chance, and the producer waits."""
    if crashes <= 1:
        return None
    return (0.5 + random_unit / 2) * min(MOST_PAUSE_S, PAUSE_S * 2.0 ** min(crashes - 2, 16))
