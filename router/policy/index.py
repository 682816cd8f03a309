"""Finds the first rule that matches without asking every rule: rules are sorted out by signals with few values.

A condition on sensitivity, complexity, tenant, task or latency alone cannot hold for a job whose value it does not
name. So for each combination of these values, the rules that are left are worked out once and remembered; of them, only
the conditions that look at something else are asked. The order of the rules stays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from router.policy.cel import Unjudged
from router.policy.matching import Condition, Test, together
from tidegate.signals import Signals

_REMEMBERED = 4096
"""Combinations that are remembered. A producer chooses its task's name: memory must not be its to fill."""


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


_Key = tuple[object, ...]
_Left = tuple[tuple[int, Test], ...]


class Index:
    """The rules of a policy, the default last. Filled while it is used; several threads may."""

    def __init__(self, rules: Sequence[Conditional]) -> None:
        self._rules = tuple(rules)
        self._left: dict[_Key, _Left] = {}

    def first(self, signals: Signals) -> Found:
        """The first rule that matches. Raises LookupError where none does: the default is missing."""
        key = (
            signals.sensitivity.level,
            signals.complexity.band,
            signals.tenant,
            signals.task,
            signals.latency,
        )
        failed: tuple[int, ...] = ()
        for place, test in self._left.get(key) or self._sorted_out(key, signals):
            try:
                if test(signals) is True:
                    return Found(place, failed)
            except Unjudged:
                failed += (place,)
        raise LookupError("no rule matches, not even the default")

    def _sorted_out(self, key: _Key, signals: Signals) -> _Left:
        left = tuple(self._candidates(signals))
        if len(self._left) < _REMEMBERED:
            self._left[key] = left
        return left

    def _candidates(self, signals: Signals) -> Iterator[tuple[int, Test]]:
        for place, rule in enumerate(self._rules):
            if all(condition.test(signals) for condition in rule.conditions if condition.sorts):
                yield place, together(condition.test for condition in rule.conditions if not condition.sorts)
