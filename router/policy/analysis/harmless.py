"""What findings mean for a job's level; and the jobs that are sensitive by some types alone, which may be harmless."""

from collections.abc import Collection, Iterator

from router.policy.analysis.formula import Formula, every, negated, some
from router.policy.analysis.space import Signal, Space
from router.signals.sensitivity.levels import LEVELS, judge
from tidegate.signals import Finding, Level

STRONG, WEAK = 1.0, 0.0

ASKED = "asked"
ANOTHER = "another"


def found_or_not(name: str) -> Signal:
    """A type: not found, found too weakly to matter where that can be, found. By the score."""
    weak = () if level_of(name, score=WEAK) is level_of(name) else (WEAK,)
    return Signal(("entity", name), (None, *weak, STRONG))


def beside(named: Collection[str]) -> Iterator[Signal]:
    """What else speaks for guarding a job: somebody asked for it, or a type was found that no rule names."""
    yield Signal((ASKED,), (False, True))
    others = {level: name for name in sorted(LEVELS, reverse=True) if name not in named and (level := level_of(name))}
    yield Signal((ANOTHER,), (None, *(others[level] for level in Level if level.sensitive and level in others)))


def alone(types: Collection[str], space: Space) -> Formula:
    """The jobs that are sensitive by these types alone, and for which nobody asked for more."""
    names = [key[1] for key in space.places if key[0] == "entity"]
    found = some(space.where("entity", name, holds=lambda score: score is not None) for name in sorted(types))
    explained = some(every(_explained(level, names, space)) for level in (Level.PERSONAL, Level.RESTRICTED))
    others = (negated(_strong(name, space)) for name in names if name not in types and level_of(name).sensitive)
    nothing = space.where(ANOTHER, holds=lambda name: name is None)
    return every((negated(space.where(ASKED, holds=bool)), found, explained, nothing, *others))


def possible(space: Space) -> Iterator[Formula]:
    """A job is at least as sensitive as what was found in it."""
    for kind, *names in space.places:
        if kind == "entity":
            yield some((negated(_strong(names[0], space)), _at_least(level_of(names[0]), space)))
        elif kind == ANOTHER:
            yield from (_no_less(name, space) for name in space.signal(ANOTHER).values[1:])


def level_of(name: str, *, score: float = STRONG) -> Level:
    """What a finding of this type means by itself."""
    return judge([Finding(type=name, score=score, detector="example")]).level


def _explained(level: Level, names: Collection[str], space: Space) -> Iterator[Formula]:
    yield space.where("sensitivity", holds=lambda found: found is level)
    yield some(_strong(name, space) for name in names if level_of(name) is level)


def _no_less(another: str, space: Space) -> Formula:
    absent = space.where(ANOTHER, holds=lambda other: other != another)
    return some((absent, _at_least(level_of(another), space)))


def _strong(name: str, space: Space) -> Formula:
    return space.where("entity", name, holds=lambda score: score == STRONG)


def _at_least(level: Level, space: Space) -> Formula:
    return space.where("sensitivity", holds=lambda found: found.rank >= level.rank)
