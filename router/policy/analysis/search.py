"""Finds the jobs for which statements hold, or shows that there are none. Exact: it tries every box or proves it empty.

Signals are narrowed as far as each statement forces them; only then is a choice tried, with the smallest choice first,
and what was tried is excluded from what follows. So the boxes found do not overlap, and together they are all there is.
"""

from collections.abc import Iterable, Iterator, Sequence

from router.policy.analysis.formula import Among, Box, Every, Formula, Some, Stairs, negated, surely, verdict

MAX_STEPS = 200_000
"""A policy of 200 rules takes some thousands. Past this an answer would take minutes: none is given, or guessed."""


class Undecided(Exception):
    """The search was given up: nothing is proven, neither way."""


def find(box: Box, goals: Iterable[Formula], *, max_steps: int = MAX_STEPS) -> Box | None:
    """A box of jobs for which all goals hold; None is a proof that there is none. Raises Undecided."""
    return next(regions(box, goals, max_steps=max_steps), None)


def regions(box: Box, goals: Iterable[Formula], *, max_steps: int = MAX_STEPS) -> Iterator[Box]:
    """Boxes that do not overlap and hold exactly the jobs for which all goals hold. Raises Undecided."""
    return _Search(max_steps).run(list(box), list(goals))


def settle(box: Box, goals: Iterable[Formula]) -> tuple[Box, tuple[Formula, ...]] | None:
    """The box narrowed by what the goals force, and the goals that are left; None where they contradict each other."""
    narrowed = list(box)
    left = _settled(narrowed, list(goals))
    return None if left is None else (tuple(narrowed), tuple(left))


def grown(box: Box, goals: Sequence[Formula], *, whole: Box, signals: Iterable[int]) -> Box:
    """The box widened, signal by signal, as far as all goals still surely hold."""
    wide = list(box)
    for signal in signals:
        cells = whole[signal]
        for goal in goals:
            cells &= surely(goal, signal, wide)
        wide[signal] |= cells
    return tuple(wide)


def outside(box: Box, *, whole: Box) -> Formula:
    """The jobs that are not in the box."""
    return Some(tuple(Among(signal, ~cells) for signal, cells in enumerate(box) if cells != whole[signal]))


class _Search:
    def __init__(self, max_steps: int) -> None:
        self._left = max_steps

    def run(self, box: list[int], goals: list[Formula]) -> Iterator[Box]:
        self._left -= 1
        if self._left < 0:
            raise Undecided
        open_goals = _settled(box, goals)
        if open_goals is None:
            return
        if not open_goals:
            yield tuple(box)
            return
        chosen = min(open_goals, key=_width)
        rest = [goal for goal in open_goals if goal is not chosen]
        tried: list[Formula] = []
        for choice in _choices(chosen, box):
            yield from self.run(list(box), [choice, *tried, *rest])
            tried.append(negated(choice))


def _width(goal: Formula) -> int:
    return len(goal.parts) if isinstance(goal, Some) else 1_000


def _choices(goal: Formula, box: list[int]) -> Iterator[Formula]:
    if isinstance(goal, Some):
        yield from goal.parts
    elif isinstance(goal, Stairs):
        # What is right on every step; then one step at a time, on which the stairs are a plain set of cells.
        if right := goal.tightest(box) & box[goal.signal]:
            yield Among(goal.signal, right)
        steps = box[goal.step]
        while steps:
            step = 1 << (steps.bit_length() - 1)
            yield Every((Among(goal.step, step), goal))
            steps ^= step


def _settled(  # noqa: C901, PLR0912 -- one loop over four forms; calls per form would double the time
    box: list[int], goals: list[Formula]
) -> list[Formula] | None:
    """Narrow the box by every goal until none narrows it further; the goals still open, None at a contradiction."""
    narrowed = True
    while narrowed:
        before = list(box)
        left: list[Formula] = []
        queue = goals
        for goal in queue:  # grows while it is read: a goal may turn out to be others
            match goal:
                case Among(signal, cells):
                    box[signal] &= cells
                    if not box[signal]:
                        return None
                case Every(parts):
                    queue.extend(parts)
                case Some(parts):
                    held, live = _live(parts, box)
                    if held:
                        continue
                    if not live:
                        return None
                    if len(live) == 1:
                        queue.append(live[0])
                    else:
                        left.append(goal if len(live) == len(parts) else Some(tuple(live)))
                case Stairs():
                    if not _climbed(goal, box):
                        return None
                    if verdict(goal, box) is None:
                        left.append(goal)
        goals = left
        narrowed = box != before
    return goals


def _live(parts: tuple[Formula, ...], box: Box) -> tuple[bool, list[Formula]]:
    """Whether one part holds already, and the parts that still may."""
    live = []
    for part in parts:
        told = verdict(part, box)
        if told:
            return True, []
        if told is None:
            live.append(part)
    return False, live


def _climbed(stairs: Stairs, box: list[int]) -> bool:
    """Narrow both signals to what the stairs leave possible."""
    box[stairs.signal] &= stairs.loosest(box)
    held, steps = box[stairs.signal], box[stairs.step]
    while steps:
        # Only at the tight end can a step have become impossible: the rows are in order.
        tight = 1 << (steps.bit_length() - 1) if stairs.falling else steps & -steps
        if held & stairs.rows[tight.bit_length() - 1]:
            break
        steps ^= tight
    box[stairs.step] = steps
    return bool(held and steps)
