"""Statements about jobs, and how one is judged over a box of jobs. Pure arithmetic on bits.

Every signal is cut into finitely many cells at the numbers and names that the policies mention: within a cell, no rule
can tell two jobs apart. A set of cells is an integer, one bit a cell; a box is one such set for each signal. So a
statement over boxes speaks of all jobs, though there are infinitely many.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Cells = int
"""A set of cells of one signal, a bit for each. A complement is negative: bits without end."""

Box = Sequence[Cells]
"""The jobs whose signals lie in these cells, a set for each signal."""


@dataclass(frozen=True, slots=True)
class Among:
    """The signal lies in one of these cells."""

    signal: int
    cells: Cells


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Stairs:
    """For each cell of `step`, the signal lies in that row's cells; the rows only shrink (or, turned, only grow).

    This is how a prompt and its answer share a context: the longer the answer, the shorter the prompt may be.
    """

    signal: int
    step: int
    rows: tuple[Cells, ...]
    falling: bool = True

    def tightest(self, box: Box) -> Cells:
        """The cells that are right on every step of the box."""
        return self.rows[_highest(box[self.step]) if self.falling else _lowest(box[self.step])]

    def loosest(self, box: Box) -> Cells:
        """The cells that are right on some step of the box."""
        return self.rows[_lowest(box[self.step]) if self.falling else _highest(box[self.step])]


Formula = Among | Every | Some | Stairs

TRUE = Every(())
FALSE = Some(())


def negated(formula: Formula) -> Formula:
    """What holds exactly where the formula does not."""
    match formula:
        case Among(signal, cells):
            return Among(signal, ~cells)
        case Every(parts):
            return Some(tuple(negated(part) for part in parts))
        case Some(parts):
            return Every(tuple(negated(part) for part in parts))
        case Stairs(signal, step, rows, falling):
            return Stairs(signal, step, tuple(~row for row in rows), not falling)


def every(parts: Iterable[Formula]) -> Formula:
    """All of them; a single one stands for itself."""
    given = tuple(part for part in parts if part != TRUE)
    return given[0] if len(given) == 1 else Every(given)


def some(parts: Iterable[Formula]) -> Formula:
    """At least one of them; a single one stands for itself."""
    given = tuple(part for part in parts if part != FALSE)
    return given[0] if len(given) == 1 else Some(given)


def verdict(formula: Formula, box: Box) -> bool | None:
    """True: it holds for every job of the box. False: for none. None: neither could be told at a glance."""
    if isinstance(formula, Among):
        held = box[formula.signal]
        return True if not held & ~formula.cells else None if held & formula.cells else False
    if isinstance(formula, Stairs):
        held = box[formula.signal]
        return True if not held & ~formula.tightest(box) else None if held & formula.loosest(box) else False
    settling = isinstance(formula, Some)  # one such part decides
    seen: bool | None = not settling
    for part in formula.parts:
        told = verdict(part, box)
        if told is settling:
            return settling
        if told is None:
            seen = None
    return seen


def surely(formula: Formula, signal: int, box: Box) -> Cells:
    """The cells of one signal for which the formula surely holds, whatever the box leaves open elsewhere."""
    if isinstance(formula, Among):
        return formula.cells if formula.signal == signal else _all_if(not box[formula.signal] & ~formula.cells)
    if isinstance(formula, Stairs):
        return _surely_on_stairs(formula, signal, box)
    settling = isinstance(formula, Some)
    cells = 0 if settling else -1
    for part in formula.parts:
        right = surely(part, signal, box)
        cells = cells | right if settling else cells & right
    return cells


def _surely_on_stairs(stairs: Stairs, signal: int, box: Box) -> Cells:
    if stairs.signal == signal:
        return stairs.tightest(box)
    held = box[stairs.signal]
    if stairs.step != signal:
        return _all_if(not held & ~stairs.tightest(box))
    return sum(1 << index for index, row in enumerate(stairs.rows) if not held & ~row)


def _all_if(holds: bool) -> Cells:  # noqa: FBT001 -- it is what is asked
    return -1 if holds else 0


def _lowest(cells: Cells) -> int:
    return (cells & -cells).bit_length() - 1


def _highest(cells: Cells) -> int:
    return cells.bit_length() - 1
