"""A set of jobs as few boxes as possible, for telling: each box as wide as it can be, the usual jobs first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from router.policy.analysis.formula import Among, Box, Formula
from router.policy.analysis.search import find, grown, outside
from router.policy.analysis.space import Space


@dataclass(frozen=True)
class Cover:
    """Boxes that hold no job but those that were asked for."""

    boxes: tuple[Box, ...]
    rest: bool
    """Whether there are jobs beyond the boxes."""


def cover(space: Space, goals: Sequence[Formula], *, most: int) -> Cover:
    """Cover the jobs for which all goals hold. Raises Undecided."""
    answers = space.signal("max_tokens")
    usual = Among(space.places[answers.key], answers.cell(answers.whole))
    boxes: list[Box] = []
    for wanted in ((*goals, usual), tuple(goals)):
        for box in _boxes(space, goals, wanted, boxes):
            if len(boxes) == most:
                return Cover(tuple(boxes), rest=True)
            boxes.append(box)
            if wanted == tuple(goals) and len(boxes) > 1:
                return Cover(tuple(boxes[:-1]), rest=True)
    return Cover(tuple(boxes), rest=False)


def widest(space: Space, box: Box, goals: Sequence[Formula]) -> Box:
    """The box widened as far as the goals surely hold: what is left narrow is what matters."""
    return grown(box, goals, whole=space.whole, signals=reversed(range(len(space.whole))))


def _boxes(space: Space, goals: Sequence[Formula], wanted: Sequence[Formula], known: Sequence[Box]) -> Iterator[Box]:
    seen = list(known)
    while True:
        found = find(space.whole, (*wanted, *(outside(box, whole=space.whole) for box in seen)))
        if found is None:
            return
        wide = widest(space, found, goals)
        seen.append(wide)
        yield wide
