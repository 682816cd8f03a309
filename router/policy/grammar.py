"""The forms in which a policy is written, shared by conditions and rules: one or many, limits, ranges of levels."""

import math
from collections.abc import Callable
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from tidegate.signals import Level
from tidegate.value import Some, Value, many

Number = TypeVar("Number", int, float)


class Grammar(Value):
    """What is written in a policy. The docstring under a field is its hover text in an editor."""

    model_config = ConfigDict(serialize_by_alias=True)


def _shape(written: Any) -> str:
    """Which branch of a union was meant, by its brackets, so that an error speaks of that branch only."""
    if isinstance(written, list | tuple):
        return "<list>"
    return "<mapping>" if isinstance(written, dict | Grammar) else "<one>"


class Bounds(Grammar, Generic[Number]):
    """Limits that a number must keep, all of them: `{over: 500}`, `{at_least: 100, under: 500}`."""

    over: Annotated[Number, Field(ge=0)] | None = None
    """Greater than this."""
    at_least: Annotated[Number, Field(ge=0)] | None = None
    """This or greater."""
    under: Annotated[Number, Field(gt=0)] | None = None
    """Less than this."""
    at_most: Annotated[Number, Field(ge=0)] | None = None
    """This or less."""

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        lows = [low for low in (self.over, self.at_least) if low is not None]
        highs = [high for high in (self.under, self.at_most) if high is not None]
        if not lows and not highs:
            raise ValueError("give at least one of over, at_least, under, at_most")
        if len(lows) > 1 or len(highs) > 1:
            raise ValueError("give one lower and one upper limit at most")
        open_ended = self.over is not None or self.under is not None
        if lows and highs and (lows[0] > highs[0] or (lows[0] == highs[0] and open_ended)):
            raise ValueError("no number can keep both limits")
        return self

    def meets(self, other: "Bounds[Any]") -> bool:
        """Whether some number keeps the limits of both."""
        low, low_open = max(self._low(), other._low())  # noqa: SLF001 -- of its own kind
        high, high_shut = min(self._high(), other._high())  # noqa: SLF001
        return low < high or (low == high and not low_open and high_shut)

    def hold(self, number: float) -> bool:
        """Whether the number keeps every limit."""
        return (
            (self.over is None or number > self.over)
            and (self.at_least is None or number >= self.at_least)
            and (self.under is None or number < self.under)
            and (self.at_most is None or number <= self.at_most)
        )

    def test(self) -> Callable[[float], bool]:
        """`hold` as one comparison: a rule's limits are asked for each job."""
        low, low_open = self._low()
        high, high_shut = self._high()
        if high == math.inf:
            return (lambda number: number > low) if low_open else (lambda number: number >= low)
        if low == -math.inf:
            return (lambda number: number <= high) if high_shut else (lambda number: number < high)
        return self._between(low, high, low_open=low_open, high_shut=high_shut)

    def cuts(self) -> tuple[float, ...]:
        """The whole numbers at which it begins or ceases to hold: between two of them nothing changes."""
        low, low_open = self._low()
        high, high_shut = self._high()
        begins: tuple[float, ...] = () if low == -math.inf else (math.floor(low) + 1 if low_open else math.ceil(low),)
        ceases: tuple[float, ...] = (
            () if high == math.inf else (math.floor(high) + 1 if high_shut else math.ceil(high),)
        )
        return (*begins, *ceases)

    @staticmethod
    def _between(low: float, high: float, *, low_open: bool, high_shut: bool) -> Callable[[float], bool]:
        if low_open:
            return (lambda number: low < number <= high) if high_shut else (lambda number: low < number < high)
        return (lambda number: low <= number <= high) if high_shut else (lambda number: low <= number < high)

    def _low(self) -> tuple[float, bool]:
        """The lower limit, and whether it is itself left out: of two equal ones, the open one is the higher."""
        if self.over is not None:
            return self.over, True
        return (-math.inf if self.at_least is None else self.at_least), False

    def _high(self) -> tuple[float, bool]:
        """The upper limit, and whether it is itself meant: of two equal ones, the open one is the lower."""
        if self.under is not None:
            return self.under, False
        return (math.inf if self.at_most is None else self.at_most), True


class Guarded(Grammar):
    """A range of sensitivity levels: public, internal, personal, restricted, unknown, in this order."""

    at_least: Level | None = None
    """This level or a more guarded one. `unknown` is the most guarded."""
    at_most: Level | None = None
    """This level or a less guarded one."""

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least.rank > self.at_most.rank:
            raise ValueError("no level can keep both limits")
        return self

    def levels(self) -> tuple[Level, ...]:
        """The levels that are meant."""
        low = self.at_least.rank if self.at_least else 0
        high = self.at_most.rank if self.at_most else len(Level)
        return tuple(level for level in Level if low <= level.rank <= high)


OneOrManyLevels = Annotated[
    Annotated[Level, Tag("<one>")] | Annotated[Some[Level], Tag("<list>")] | Annotated[Guarded, Tag("<mapping>")],
    Discriminator(_shape),
]
"""A level, a list of levels, or a range of them."""


def levels(written: Any) -> tuple[Level, ...]:
    """The levels that a level, a list or a range means."""
    return written.levels() if isinstance(written, Guarded) else many(written)
