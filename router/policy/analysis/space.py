"""The space of all possible jobs, as some policies can tell them apart: each signal, cut into cells.

Here stands which signals there are and where they are cut. What the rules say about them is in `reading`.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.policy.analysis.formula import Among, Box, Cells
from router.policy.grammar import Bounds
from router.signals.sensitivity.levels import SHIPPED, Table

Key = tuple[str, ...]
"""Which signal: `("tokens",)`, `("entity", "URL")`, `("load", "local-small")`."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal: for each of its cells a value that stands for all the others in it."""

    key: Key
    values: tuple[Any, ...]
    usual: int = 0
    """The cell that an example takes where it may: the least surprising one."""

    @property
    def whole(self) -> Cells:
        """All cells."""
        return (1 << len(self.values)) - 1

    def cell(self, cells: Cells) -> Cells:
        """One of some cells: the usual one where it is among them."""
        return 1 << self.usual if cells >> self.usual & 1 else cells & -cells

    def pick(self, cells: Cells) -> Any:
        """The value that stands for some cells in an example."""
        return self.values[self.cell(cells).bit_length() - 1]

    def surprising(self, cells: Cells) -> bool:
        """Whether an example has to leave the usual cell."""
        return not cells >> self.usual & 1


@dataclass(frozen=True, slots=True)
class Numbers(Signal):
    """A signal that counts: each cell is a run of whole numbers, from its value to the one before the next."""

    most: int | None = None
    """The largest there is; None where there is no end."""
    example: int = 0
    """The number that stands for the usual cell in an example."""

    def pick(self, cells: Cells) -> Any:
        """A number out of some cells."""
        return Signal.pick(self, cells) if self.surprising(cells) else self.example

    def runs(self, cells: Cells) -> Iterator[tuple[int, int | None]]:
        """The numbers in some cells, as first and last; a last of None goes on for ever."""
        index, count = 0, len(self.values)
        while index < count:
            if not cells >> index & 1:
                index += 1
                continue
            first = index
            while index < count and cells >> index & 1:
                index += 1
            yield self.values[first], self.values[index] - 1 if index < count else self.most

    def up_to(self, number: int) -> Cells:
        """The cells of numbers up to this one, at which the signal must have been cut."""
        return (1 << bisect_right(self.values, number)) - 1 if number >= 0 else 0


@dataclass(frozen=True, slots=True)
class Waits(Signal):
    """How busy a lane is: first that nobody measured it, then waits in order, last that nobody serves it."""

    limits: tuple[float, ...] = (0.0,)
    """The waits that policies name, in order, from 0. Each is a cell; what lies between two is one or more."""

    def rung(self, wait_s: float) -> int:
        """Where a wait stands: on a limit (even numbers) or between two."""
        place = bisect_right(self.limits, wait_s) - 1
        return 2 * place + (wait_s != self.limits[place])


@dataclass(frozen=True)
class Space:
    """All signals that matter, in order: a box gives each of them its cells."""

    signals: tuple[Signal, ...]
    places: Mapping[Key, int] = field(repr=False)
    whole: Box = field(repr=False)
    table: Table = field(default=SHIPPED, repr=False)
    """What findings mean, by the policy that is read."""

    @classmethod
    def of(cls, signals: Iterable[Signal]) -> "Space":
        """A space of these signals."""
        given = tuple(signals)
        places = {signal.key: index for index, signal in enumerate(given)}
        return cls(given, places, tuple(signal.whole for signal in given))

    def signal(self, *key: str) -> Signal:
        """The signal of this name."""
        return self.signals[self.places[key]]

    def numbers(self, *key: str) -> Numbers:
        """The signal of this name, which counts."""
        found = self.signal(*key)
        if not isinstance(found, Numbers):
            raise TypeError(f"{key} does not count")
        return found

    def where(self, *key: str, holds: Callable[[Any], bool]) -> Among:
        """The statement that the signal's value is one of which this holds."""
        place = self.places[key]
        values = self.signals[place].values
        return Among(place, sum(1 << index for index, value in enumerate(values) if holds(value)))

    def cell(self, box: Box) -> Box:
        """The box of the one job that stands for a box in examples."""
        return tuple(signal.cell(cells) for signal, cells in zip(self.signals, box, strict=True))

    def values(self, box: Box) -> dict[Key, Any]:
        """One job of the box: a value for each signal."""
        return {signal.key: signal.pick(cells) for signal, cells in zip(self.signals, box, strict=True)}


def whole_numbers(key: Key, cuts: Iterable[int], *, least: int = 0, most: int | None = None, usual: int = 0) -> Numbers:
    """A counting signal, cut before each of these numbers."""
    inside = {cut for cut in cuts if cut > least and (most is None or cut <= most)}
    values = (least, *sorted(inside))
    return Numbers(key, values, usual=bisect_right(values, usual) - 1, most=most, example=usual)


def first_numbers(bounds: Bounds[int]) -> Iterator[int]:
    """The whole numbers at which the answer of some limits changes."""
    if bounds.over is not None:
        yield bounds.over + 1
    if bounds.at_least is not None:
        yield bounds.at_least
    if bounds.under is not None:
        yield bounds.under
    if bounds.at_most is not None:
        yield bounds.at_most + 1


def limits(bounds: Bounds[Any]) -> tuple[float, ...]:
    """The numbers that some limits name."""
    given = (bounds.over, bounds.at_least, bounds.under, bounds.at_most)
    return tuple(number for number in given if number is not None)


def measures(limits: Iterable[float], *, each: int = 1) -> tuple[float, ...]:
    """Values that stand for all numbers from 0, as far as these limits can tell them apart.

    `each`: how many between two limits. Where so many signals are held against each other, that many can be told apart.
    """
    named = sorted({0.0, *map(float, limits)})
    values: list[float] = []
    for number, after in zip(named, [*named[1:], None], strict=True):
        values += [number, *_between(number, after, count=each)]
    return tuple(values)


def _between(low: float, high: float | None, *, count: int) -> list[float]:
    """Numbers between two, whole ones where there are enough."""
    whole = [math.floor(low) + 1.0 + place for place in range(count)]
    if high is None or whole[-1] < high:
        return whole
    return [low + (high - low) * (place + 1) / (count + 1) for place in range(count)]


def in_order(names: Iterable[str], first: Sequence[str] = ()) -> tuple[str, ...]:
    """Names each once, some of them first."""
    return tuple(dict.fromkeys([*first, *sorted(names)]))
