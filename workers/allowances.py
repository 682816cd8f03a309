"""Allowances: the budgets of the policy file as they are now, for the gates of this worker's lanes."""

from collections.abc import Callable, Mapping

from tidegate.budget import Budget
from tidegate.errors import InvalidDocument
from tidegate.ledger.permits import accounts_of, gate_of
from tidegate.logs import logger
from workers.gates import Gates

log = logger(__name__)


class Allowances:
    """Read at the start, and again after each change of the file. Raises InvalidDocument at the start only."""

    def __init__(self, read: Callable[[], Mapping[str, Budget]]) -> None:
        self._read = read
        self._budgets = tuple(read().values())
        self.gates = Gates(lambda lane: gate_of(lane, accounts=accounts_of(lane, self._budgets)))

    def look(self) -> None:
        """The file has changed. What cannot be read leaves those that were: no job runs without its budgets."""
        try:
            found = tuple(self._read().values())
        except InvalidDocument as exc:
            log.warning("budgets.unreadable", error=type(exc).__name__)  # `tidegate policy check` says more
            return
        if found != self._budgets:
            self._budgets = found
            self.gates.forget()
            log.info("budgets.changed", budgets=[budget.name for budget in found])
