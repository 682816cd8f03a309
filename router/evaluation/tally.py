"""Rows and outcomes -> counts, shares, times. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from router.evaluation.looking import Outcome
from router.evaluation.rows import Row
from tidegate.signals import Level

Pair = tuple[Row, Outcome]

_Z = 1.96
"""Of the 95% interval."""

_PERCENTILE = 0.95


class Share(NamedTuple):
    """So many of so many."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        """None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the true share lies with 95% probability (Wilson's interval, which holds near 0 and 1 as well)."""
        if not self.of:
            return None
        share, spread = self.hits / self.of, _Z * _Z / self.of
        middle = (share + spread / 2) / (1 + spread)
        half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / self.of + spread / (4 * self.of))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Times:
    """How fast the rows were judged."""

    documents: int
    chars: int
    wall_s: float
    median_cpu_ms: float | None
    p95_cpu_ms: float | None


@dataclass(frozen=True)
class Group:
    """The numbers of some rows: recall over the personal ones, false alarms over the others."""

    name: str
    documents: int
    recall: Share
    alarms: Share
    median_cpu_ms: float | None
    p95_cpu_ms: float | None


def group(name: str, pairs: Iterable[Pair]) -> Group:
    """The numbers of these rows."""
    pairs = list(pairs)
    times = _cpu_ms(pairs)
    return Group(
        name=name,
        documents=len(pairs),
        recall=recall(pairs),
        alarms=Share(len(alarms(pairs)), sum(not row.personal for row, _ in pairs)),
        median_cpu_ms=times[0],
        p95_cpu_ms=times[1],
    )


def recall(pairs: Iterable[Pair]) -> Share:
    """How many of the personal ones stay inside."""
    inside = [outcome.inside for row, outcome in pairs if row.personal]
    return Share(sum(inside), len(inside))


def misses(pairs: Iterable[Pair]) -> list[Pair]:
    """Personal, and let out."""
    return [(row, outcome) for row, outcome in pairs if row.personal and not outcome.inside]


def alarms(pairs: Iterable[Pair]) -> list[Pair]:
    """Harmless, and kept inside."""
    return [(row, outcome) for row, outcome in pairs if not row.personal and outcome.inside]


def by_file(pairs: Sequence[Pair]) -> list[Group]:
    """In the order in which the files were given."""
    return [group(name, members) for name, members in _split(pairs, lambda row: (row.file,))]


class OfType(NamedTuple):
    """Recall over the rows that hold a type, and over those that hold no other."""

    type: str
    recall: Share
    alone: Share


def by_type(pairs: Sequence[Pair]) -> list[OfType]:
    """By the types of the data set, by name."""
    return [
        OfType(kind, recall(members), recall(pair for pair in members if len(pair[0].types) == 1))
        for kind, members in sorted(_split(pairs, lambda row: tuple(row.types)))
    ]


def by_group(pairs: Sequence[Pair], by: str) -> list[Group]:
    """By transform, source or template: the rows that say one, by name."""
    return sorted(
        (
            group(name, members)
            for name, members in _split(pairs, lambda row: (row.groups[by],) if by in row.groups else ())
        ),
        key=lambda made: made.name,
    )


def alarm_types(pairs: Iterable[Pair]) -> Counter[str]:
    """What was seen in rows that hold nothing: a type counts once a row; `unknown` where nobody could tell."""
    return Counter(kind for _, outcome in alarms(pairs) for kind in outcome.types or (outcome.level.value,))


def causes(pairs: Iterable[Pair]) -> Counter[str]:
    """Why rows are `unknown`."""
    return Counter(outcome.cause or "no cause told" for _, outcome in pairs if outcome.level is Level.UNKNOWN)


def levels(pairs: Iterable[Pair]) -> Counter[Level]:
    """How often each level was found."""
    return Counter(outcome.level for _, outcome in pairs)


def confusion(pairs: Iterable[Pair]) -> dict[Level, Counter[Level]]:
    """Expected -> found, over the rows that say what they expect; nothing where none does."""
    table: dict[Level, Counter[Level]] = {}
    for row, outcome in pairs:
        if row.expected is not None:
            table.setdefault(row.expected, Counter())[outcome.level] += 1
    return {level: table[level] for level in Level if level in table}


def times(pairs: Sequence[Pair], *, wall_s: float) -> Times:
    """Documents, characters and processor time."""
    middle, late = _cpu_ms(pairs)
    return Times(len(pairs), sum(outcome.chars for _, outcome in pairs), wall_s, middle, late)


def _cpu_ms(pairs: Sequence[Pair]) -> tuple[float | None, float | None]:
    taken = sorted(outcome.cpu_s * 1000 for _, outcome in pairs)
    if not taken:
        return None, None
    return median(taken), taken[min(len(taken) - 1, math.ceil(len(taken) * _PERCENTILE) - 1)]


def _split(pairs: Iterable[Pair], names_of: Callable[[Row], tuple[str, ...]]) -> Iterator[tuple[str, list[Pair]]]:
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        for name in names_of(pair[0]):
            found.setdefault(name, []).append(pair)
    yield from found.items()
