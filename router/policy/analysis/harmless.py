"""What findings mean for a job's level; and the jobs that are sensitive by some types alone, which may be harmless."""

from collections.abc import Callable, Collection, Iterator, Sequence

from router.policy.analysis.formula import Formula, every, negated, some
from router.policy.analysis.space import Signal, Space
from router.policy.redacting import REDACTABLE
from router.signals.sensitivity.levels import LEVELS, Table
from tidegate.signals import Level

STRONG, WEAK = 1.0, 0.0

ASKED = "asked"
ANOTHER = "another"


def found_or_not(name: str, tables: Sequence[Table]) -> Signal:
    """A type: not found, found too weakly to mean the same where that can be, found. By the score."""
    weak = () if all(table.weight(name).least <= WEAK for table in tables) else (WEAK,)
    return Signal(("entity", name), (None, *weak, STRONG))


def asked_or_not() -> Signal:
    """Whether somebody asked that a job be guarded, beyond what was found in it."""
    return Signal((ASKED,), (False, True))


def beside(named: Collection[str], tables: Sequence[Table]) -> Iterator[Signal]:
    """What else speaks for guarding a job: somebody asked for it, or a type was found that no rule names."""
    yield asked_or_not()
    others: dict[Level, str] = {}
    for name in sorted(LEVELS, reverse=True):
        meant = {level_of(name, table) for table in tables}
        if name not in named and len(meant) == 1:
            others[meant.pop()] = name
    yield Signal((ANOTHER,), (None, *(others[level] for level in Level if level.sensitive and level in others)))


def alone(types: Collection[str], space: Space) -> Formula:
    """The jobs that are sensitive by these types alone, and for which nobody asked for more."""
    names = _names(space)
    found = some(space.where("entity", name, holds=lambda score: score is not None) for name in sorted(types))
    explained = some(every(_explained(level, names, space)) for level in (Level.PERSONAL, Level.RESTRICTED))
    left = [name for name in names if name not in types]
    others = (negated(_means(name, space, lambda level: level.sensitive)) for name in left)
    together = (negated(holds) for level, holds in _combined(left, space) if level.sensitive)
    nothing = space.where(ANOTHER, holds=lambda name: name is None)
    return every((negated(space.where(ASKED, holds=bool)), found, explained, nothing, *others, *together))


def redactable(space: Space) -> Formula:
    """The jobs of which a redacted copy may leave: see `router.policy.redacting`."""
    nobody_asked = negated(space.where(ASKED, holds=bool))
    return every((space.where("sensitivity", holds=REDACTABLE.__contains__), nobody_asked))


def possible(space: Space) -> Iterator[Formula]:
    """A job is at least as sensitive as what was found in it, one by one and together."""
    for name in _names(space):
        for level in Level:
            if level is not Level.PUBLIC:
                yield some((negated(_means(name, space, level.__eq__)), _at_least(level, space)))
    for level, holds in _combined(_names(space), space):
        yield some((negated(holds), _at_least(level, space)))
    if (ANOTHER,) in space.places:
        yield from (_no_less(name, space) for name in space.signal(ANOTHER).values[1:])


def level_of(name: str, table: Table, *, score: float = STRONG) -> Level:
    """What a finding of this type means by itself."""
    return table.weight(name).at(score)


def _names(space: Space) -> list[str]:
    return [key[1] for key in space.places if key[0] == "entity"]


def _explained(level: Level, names: Collection[str], space: Space) -> Iterator[Formula]:
    yield space.where("sensitivity", holds=lambda found: found is level)
    yield some(_means(name, space, level.__eq__) for name in names)


def _means(name: str, space: Space, holds: Callable[[Level], bool]) -> Formula:
    """The type was found, and so surely that it has such a level."""
    table = space.table
    return space.where(
        "entity", name, holds=lambda score: score is not None and holds(level_of(name, table, score=score))
    )


def _combined(names: Collection[str], space: Space) -> Iterator[tuple[Level, Formula]]:
    """The combinations of these types, each with its level and the jobs that make it up."""
    for one in space.table.combinations:
        rest = [name for name in one.any_of if name in names]
        if all(name in names for name in one.all_of) and (rest or not one.any_of):
            either = (some(_counting(name, space) for name in rest),) if rest else ()
            yield one.level, every((*(_counting(name, space) for name in one.all_of), *either))


def _counting(name: str, space: Space) -> Formula:
    least = space.table.weight(name).least
    return space.where("entity", name, holds=lambda score: score is not None and score >= least)


def _no_less(another: str, space: Space) -> Formula:
    absent = space.where(ANOTHER, holds=lambda other: other != another)
    return some((absent, _at_least(level_of(another, space.table), space)))


def _at_least(level: Level, space: Space) -> Formula:
    return space.where("sensitivity", holds=lambda found: found.rank >= level.rank)
