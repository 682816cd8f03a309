"""What findings mean for a job's level, and types that an operator declared harmless: they alone keep no job inside."""

from collections.abc import Iterator

from router.policy.analysis.formula import Formula, every, negated, some
from router.policy.analysis.space import Space
from router.signals.sensitivity.levels import judge
from tidegate.signals import Finding, Level


def narrowed(types: tuple[str, ...], space: Space) -> Formula:
    """The jobs that are sensitive by these types alone, and for which nobody asked for more."""
    return space.where("narrowed", *types, holds=bool)


def possible(types: tuple[str, ...], space: Space) -> Formula:
    """What must be so where a job is narrowed: the types explain its level, and nothing else could."""
    levels = {level for name in types if (level := level_of(name)).sensitive}
    explained = some(every(_explains(level, types, space)) for level in sorted(levels, key=lambda level: level.rank))
    return some((negated(narrowed(types, space)), explained))


def explained(name: str, space: Space) -> Formula:
    """Where a type was found, however weakly, a job is at least as sensitive as that makes it."""
    least = level_of(name, score=0.0).rank
    absent = space.where("entity", name, holds=lambda found: not found)
    return some((absent, space.where("sensitivity", holds=lambda level: level.rank >= least)))


def level_of(name: str, *, score: float = 1.0) -> Level:
    """What a finding of this type means by itself."""
    return judge([Finding(type=name, score=score, detector="example")]).level


def _explains(level: Level, types: tuple[str, ...], space: Space) -> Iterator[Formula]:
    yield space.where("sensitivity", holds=lambda found: found is level)
    yield some(space.where("entity", name, holds=bool) for name in types if level_of(name) is level)
    for signal in space.signals:
        if signal.key[0] == "entity" and _speaks_against(signal.key[1], level, types):
            yield space.where(*signal.key, holds=lambda found: not found)


def _speaks_against(name: str, level: Level, types: tuple[str, ...]) -> bool:
    """Whether such a finding, however weak, would guard the job more or for another reason."""
    weakest = level_of(name, score=0.0)
    return weakest.rank > level.rank if name in types else weakest.sensitive
