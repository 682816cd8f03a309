"""Finds the first rule that matches without asking every rule: rules are sorted out in advance.

Level, band, latency class, tenant, task and the two lengths fall into cells: two jobs of one cell are the same to every
condition that looks at one of these alone. For each cell that occurs, the rules that are left are worked out once and
remembered; of them, only what looks at something else is asked. The order of the rules stays.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from router.policy.cel import Unjudged
from router.policy.matching import Condition
from router.policy.truth import Test, together
from tidegate.signals import Signals

_REMEMBERED = 4096
"""Cells that are remembered: a policy with long lists of lengths and tenants must not fill the memory."""


class Conditional(Protocol):
    """A rule: what it asks is all that counts here."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions, all of which must hold."""


@dataclass(frozen=True, slots=True)
class Found:
    """The first rule that matches, by its place; and the rules before it whose expressions failed."""

    place: int
    failed: tuple[int, ...] = ()


_Left = tuple[tuple[int, Test], ...]


class Index:
    """The rules of a policy, the default last. Filled while it is used; several threads may."""

    def __init__(self, rules: Sequence[Conditional]) -> None:
        self._rules = tuple(rules)
        self._tenants = self._named("tenant")
        self._tasks = self._named("task")
        self._tokens = self._cuts("tokens")
        self._max_tokens = self._cuts("max_tokens")
        self._left: dict[tuple[object, ...], _Left] = {}

    def first(self, signals: Signals) -> Found:
        """The first rule that matches. Raises LookupError where none does: the default is missing."""
        cell = (
            signals.sensitivity.level,
            signals.complexity.band,
            signals.latency,
            signals.tenant if signals.tenant in self._tenants else None,
            signals.task if signals.task in self._tasks else None,
            bisect_right(self._tokens, signals.tokens),
            bisect_right(self._max_tokens, signals.max_tokens),
        )
        left = self._left.get(cell)
        if left is None:
            left = self._sorted_out(cell, signals)
        failed: tuple[int, ...] = ()
        for place, test in left:
            try:
                if test(signals) is True:
                    return Found(place, failed)
            except Unjudged:
                failed += (place,)
        raise LookupError("no rule matches, not even the default")

    def _sorted_out(self, cell: tuple[object, ...], signals: Signals) -> _Left:
        left = tuple(self._candidates(signals))
        if len(self._left) >= _REMEMBERED:
            self._left.clear()
        self._left[cell] = left
        return left

    def _candidates(self, signals: Signals) -> Iterator[tuple[int, Test]]:
        """The rules that such a job may match, up to the first that asks nothing more."""
        for place, rule in enumerate(self._rules):
            if all(condition.test(signals) for condition in rule.conditions if condition.sorts):
                rest = tuple(condition.test for condition in rule.conditions if not condition.sorts)
                yield place, together(rest)
                if not rest:
                    return

    def _named(self, signal: str) -> frozenset[str]:
        return frozenset(name for condition in self._about(signal) for name in condition.names)

    def _cuts(self, signal: str) -> list[float]:
        return sorted({cut for condition in self._about(signal) for cut in condition.cuts})

    def _about(self, signal: str) -> Iterator[Condition]:
        return (one for rule in self._rules for one in rule.conditions if one.sorts and one.signal == signal)
