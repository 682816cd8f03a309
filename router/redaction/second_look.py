"""The second look: at the copy as if nobody had looked before, and more strictly. It trusts nothing of the first.

It sees the copy with a sign that means nothing where the placeholders are; they are ours, and all else leaves.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from router.redaction.outcome import NotRedacted
from router.redaction.search import Search
from router.redaction.values import Values
from router.signals.sensitivity.detector import GaveUpError
from router.signals.sensitivity.lists import Rules
from router.signals.sensitivity.places import Places
from router.signals.sensitivity.views.view import AS_WRITTEN, View
from router.signals.sensitivity.walk import strings
from tidegate.job import Job
from tidegate.signals import Level, Sensitivity, Signals

Readings = Callable[[str], Iterable[View]]
"""Every way to read a text."""

STRICTER = 0.5
"""A finding counts here from this part of the score from which it counts elsewhere."""

LONG_CHARS = 5
"""Shorter values come about by chance where a text is read backwards or its digits as letters."""


class Looks(Protocol):
    """The inspector. Here no gate spares it work."""

    def inspect(self, job: Job, *, rules: Rules, gated: bool) -> Signals:
        """The signals of a whole job."""

    def places(self, text: str, *, rules: Rules, gated: bool) -> Places:
        """Every place of a text where something was found."""


@dataclass(frozen=True, kw_only=True)
class SecondLook:
    """What the second look looks with."""

    inspector: Looks
    readings: Readings
    rules: Rules

    def left(self, copy: Job, *, values: Values) -> tuple[str, ...]:
        """The types of which something still shows, in order. Raises NotRedacted where it cannot be told."""
        seen = self.inspector.inspect(copy, rules=self.rules, gated=False).sensitivity
        if seen.level is Level.UNKNOWN:
            raise NotRedacted(f"second look: {seen.cause or 'unknown'}")
        try:
            return tuple(sorted({*self._showing(seen), *self._values_left(copy, values)}))
        except GaveUpError as exc:
            raise NotRedacted(f"second look: {exc.kind}") from None

    def _showing(self, seen: Sensitivity) -> tuple[str, ...]:
        """What makes the copy sensitive; where no type does by itself, all that together do."""
        if not seen.level.sensitive:
            return ()
        telling = tuple(name for name in seen.types if self.rules.table.weight(name).level.sensitive)
        return telling or seen.types or (seen.level.value,)

    def _values_left(self, copy: Job, values: Values) -> Iterator[str]:
        """Types of replaced values that can still be read somewhere, in whatever form."""
        searched = tuple(values.searched())
        short, long = Search(searched), Search(one for one in searched if sum(map(len, one[0])) >= LONG_CHARS)
        for view in self.readings("\n".join(strings(copy))):
            yield from (short if view.name == AS_WRITTEN else long).left(view.text)


def stricter(rules: Rules) -> Rules:
    """The same rules, by which weaker findings count, too."""
    weights = {name: weight._replace(least=weight.least * STRICTER) for name, weight in rules.table.weights.items()}
    return replace(rules, table=replace(rules.table, weights=weights))


def without(rules: Rules, types: Iterable[str]) -> Rules:
    """The same rules, by which no finding of these types counts: for who wants to see what such a one covers."""
    never = {name: rules.table.weight(name)._replace(least=_BEYOND) for name in types}
    return replace(rules, table=replace(rules.table, weights={**rules.table.weights, **never}))


_BEYOND = 2.0
"""No score is so high."""
