"""Each condition of the grammar, told to the analysis: where it cuts the space of jobs, and for which jobs it holds.

A new condition is one line of `_KINDS`. One that is missing there is no error: a rule that uses it stands outside the
proof and is named, because nobody can say for which jobs it holds.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from router.policy.analysis.draft import Draft
from router.policy.analysis.formula import Formula, every, negated, some
from router.policy.analysis.harmless import alone
from router.policy.analysis.space import Space, first_numbers, limits
from router.policy.conditions import BudgetLeft, Entities, Health, LaneWait, When
from router.policy.grammar import Bounds, levels
from router.policy.hours import Hours
from router.policy.matching import written
from tidegate.signals import LaneLoad
from tidegate.value import many


@dataclass(frozen=True, slots=True)
class Twofold:
    """For which jobs a condition holds, and for which it does not. What was not measured is in neither."""

    yes: Formula
    no: Formula


@dataclass(frozen=True, slots=True)
class Kind:
    """One condition."""

    reads: Callable[[Any, Space], Twofold]
    cuts: Callable[[Any, Draft], object] | None = None
    """None: its signal is not cut, it has few values."""


def draft(when: When, into: Draft) -> None:
    """Cut the space where a `when` makes a difference."""
    for name, wanted in when.says().items():
        kind = _KINDS.get(name)
        if kind is None:
            into.unread.add(_unread(name, wanted))
        elif kind.cuts is not None:
            kind.cuts(wanted, into)


def read(when: When, space: Space) -> Twofold:
    """The jobs for which a `when` holds: all its conditions."""
    return _all([_read(name, wanted, space) for name, wanted in when.says().items()])


def outside_the_proof(when: When) -> Iterator[str]:
    """The conditions, at any depth, into which no proof can look."""
    for name, wanted in when.says().items():
        if name not in _KINDS:
            yield name
        for inner in _inner(wanted):
            yield from outside_the_proof(inner)


def _read(name: str, wanted: Any, space: Space) -> Twofold:
    kind = _KINDS.get(name)
    if kind is None:
        return _measured(space, "unread", *_unread(name, wanted), holds=bool)
    return kind.reads(wanted, space)


def _unread(name: str, wanted: Any) -> tuple[str, str]:
    """The same words are the same unknown, in every rule and in both policies of a comparison."""
    return name, json.dumps(written(wanted), sort_keys=True)


def _inner(wanted: Any) -> tuple[When, ...]:
    return tuple(item for item in (wanted if isinstance(wanted, tuple) else (wanted,)) if isinstance(item, When))


def _certain(yes: Formula) -> Twofold:
    """What is always known: it holds or it does not."""
    return Twofold(yes, negated(yes))


def _measured(space: Space, *key: str, holds: Callable[[Any], bool]) -> Twofold:
    """What may not have been measured: None, then, is the signal's value."""
    return Twofold(
        space.where(*key, holds=lambda value: value is not None and holds(value)),
        space.where(*key, holds=lambda value: value is not None and not holds(value)),
    )


def _all(parts: Iterable[Twofold]) -> Twofold:
    given = tuple(parts)
    return Twofold(every(part.yes for part in given), some(part.no for part in given))


def _any(parts: Iterable[Twofold]) -> Twofold:
    given = tuple(parts)
    return Twofold(some(part.yes for part in given), every(part.no for part in given))


def _not(part: Twofold) -> Twofold:
    return Twofold(part.no, part.yes)


def _sensitivity(wanted: Any, space: Space) -> Twofold:
    meant = frozenset(levels(wanted))
    return _certain(space.where("sensitivity", holds=meant.__contains__))


def _one_of(name: str) -> Callable[[Any, Space], Twofold]:
    def reads(wanted: Any, space: Space) -> Twofold:
        meant = frozenset(many(wanted))
        return _certain(space.where(name, holds=meant.__contains__))

    return reads


def _entities(wanted: Entities, space: Space) -> Twofold:
    if wanted.alone is not None:
        return _certain(alone(wanted.alone, space))
    names = sorted(set(wanted.any or ()))
    return _certain(some(space.where("entity", name, holds=lambda score: score is not None) for name in names))


def _types(wanted: Entities, into: Draft) -> None:
    into.types.update(wanted.any or wanted.alone or ())
    into.alone = into.alone or wanted.alone is not None


def _counts(name: str) -> Callable[[Bounds[int], Space], Twofold]:
    return lambda wanted, space: _certain(space.where(name, holds=wanted.hold))


def _needs(wanted: Any, space: Space) -> Twofold:
    return _certain(every(space.where("needs", need.value, holds=bool) for need in many(wanted)))


def _wait(wanted: LaneWait, space: Space) -> Twofold:
    return _measured(space, "load", wanted.lane, holds=lambda load: waits(load, wanted))


def waits(load: LaneLoad | None, bounds: Bounds[float]) -> bool:
    """Whether the wait keeps limits: for ever where nobody serves the lane, and none where nobody measured it."""
    wait_s = wait_of(load)
    return wait_s is not None and bounds.hold(wait_s)


def wait_of(load: LaneLoad | None) -> float | None:
    """The wait, as the engine sees it."""
    if load is None:
        return None
    return math.inf if load.wait_s is None else load.wait_s


def _health(wanted: Health, space: Space) -> Twofold:
    up = wanted.state == "up"
    return _measured(space, "load", wanted.lane, holds=lambda load: (load.slots > 0) is up)


def _budget(wanted: BudgetLeft, space: Space) -> Twofold:
    return _measured(space, "budget", wanted.key, holds=wanted.hold)


def _time(wanted: Hours, space: Space) -> Twofold:
    windows = wanted.windows()
    return _measured(space, "minute", holds=lambda minute: any(begin <= minute < end for begin, end in windows))


def _groups(wanted: Any, into: Draft) -> None:
    for when in _inner(wanted):
        draft(when, into)


_KINDS: dict[str, Kind] = {
    "sensitivity": Kind(_sensitivity),
    "entities": Kind(_entities, _types),
    "complexity": Kind(_one_of("complexity")),
    "tokens": Kind(_counts("tokens"), lambda wanted, into: into.tokens.update(first_numbers(wanted))),
    "max_tokens": Kind(_counts("max_tokens"), lambda wanted, into: into.max_tokens.update(first_numbers(wanted))),
    "needs": Kind(_needs),
    "tenant": Kind(_one_of("tenant"), lambda wanted, into: into.tenants.update(many(wanted))),
    "task": Kind(_one_of("task"), lambda wanted, into: into.tasks.update(many(wanted))),
    "latency": Kind(_one_of("latency")),
    "time": Kind(_time, lambda wanted, into: into.minutes.update(sum(wanted.windows(), ()))),
    "wait_s": Kind(_wait, lambda wanted, into: into.waits[wanted.lane].update(limits(wanted))),
    "health": Kind(_health, lambda wanted, into: into.healths.add(wanted.lane)),
    "budget_left_usd": Kind(_budget, lambda wanted, into: into.budgets[wanted.key].update(limits(wanted))),
    "any": Kind(lambda wanted, space: _any([read(when, space) for when in wanted]), _groups),
    "all": Kind(lambda wanted, space: _all([read(when, space) for when in wanted]), _groups),
    "not": Kind(lambda wanted, space: _not(read(wanted, space)), _groups),
}
